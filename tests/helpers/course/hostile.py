"""Cells that mean harm, or do it by accident; {course} is where the course lies.

None of them leaves an answer, so each costs the marks of its own exercise only.
"""

BEGIN = "import os, sys, time, subprocess, pathlib, signal, ctypes, mmap\n"
DEATHS = {  # the kernel does not survive these
    "exits": "os._exit(3)",
    "crashes": "ctypes.string_at(0)",
    # These three would go on for ever; on a machine that others use too they end by
    # themselves, well beyond what is allowed.
    "forks": "for _ in range(400):\n    if os.fork() == 0:\n        time.sleep(99)\n"
    "time.sleep(99)",
    "starts many": "made = [subprocess.Popen(['sleep', '31415']) for _ in range(400)]\n"
    "time.sleep(99)",
    "shares": "maps = []\nfor _ in range(50):\n    maps.append(mmap.mmap(-1, 10**8))\n"
    "    maps[-1].write(b'x' * 10**8)\ntime.sleep(99)",
    "children eat": "for _ in range(10):\n    if os.fork() == 0:\n"
    "        eaten = bytearray(5 * 10**8)\n"
    "        eaten[::1024] = b'x' * len(eaten[::1024])\n        time.sleep(99)\n"
    "time.sleep(99)",
    "stubborn": "while True:\n    try:\n        while True:\n            pass\n"
    "    except BaseException:\n        pass",
}
LIVES = {  # it goes on after these, or ends, as it likes
    "kills its parent": "os.kill(os.getppid(), 9)\nos.kill(1, 9)",
    "kills its grandparent": "def parent(pid):\n"
    "    return int(open(f'/proc/{{pid}}/stat').read().rpartition(')')[2].split()[1])\n"
    "for pid in (parent(os.getppid()), parent(parent(os.getppid()))):\n"
    "    os.kill(pid, 9)",
    "kills all": "for pid in range(2, 40000):\n    try:\n"
    "        pid == os.getpid() or os.kill(pid, 9)\n    except OSError:\n        pass",
    "loops": "while True:\n    pass",
    "takes the alarm": "signal.signal(signal.SIGALRM, signal.SIG_IGN)\n"
    "signal.alarm(0)\nwhile True:\n    pass",
    "leaves": "raise SystemExit",
    "eats": "eaten = []\nwhile True:\n    eaten.append(bytearray(10**8))",
    "prints": "while True:\n    print('x' * 10**6)",
    "shows": "'x' * 10**8",
    "floods": "kernel = get_ipython().kernel\ntype(kernel.session).left = 10**12\n"
    "while True:\n    display({{'text/plain': 'x' * 10**7}}, raw=True)",
    "deletes": "for name in os.listdir('.'):\n    os.remove(name)\n1 / 0",
    "deletes all": "subprocess.run('rm -rf {course} ..', shell=True)\n1 / 0",
    "poisons": "for path in pathlib.Path(os.environ['JAX_COMPILATION_CACHE_DIR'])"
    ".iterdir():\n    path.write_bytes(b'')",
    "stays": "subprocess.Popen(['sleep', '27182'], env={{}}, start_new_session=True)\n"
    "if os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        os.execve('/bin/sleep', ['sleep', '27182'], {{}})\n    os._exit(0)\n1 / 0",
    "leaves files": "for place in ('/dev/shm', '/tmp', '/var/tmp', os.getcwd()):\n"
    "    try:\n        open(place + '/left-by-a-student', 'w')\n"
    "    except OSError:\n        pass\n1 / 0",
    "unpacks a bomb": "import zipfile\nwith zipfile.ZipFile('b.zip', 'w', 8) as z:\n"
    "    [z.writestr(str(i), bytes(9 * 10**7)) for i in range(30)]\n"
    "zipfile.ZipFile('b.zip').extractall()\ntime.sleep(9)\n1 / 0",
    "digs deep": "for _ in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\n"
    "os.chmod('.', 0)\n1 / 0",
    "changes modes": "os.chmod('{course}/roster.csv', 0)",
    "changes times": "os.utime('{course}/roster.csv', (0, 0))",
    "reads the source": "import json, glob\n"
    "nb = json.load(open(glob.glob('{course}/nbgrader/source/*/*.ipynb')[0]))\n"
    "exec(''.join(next(c for c in nb['cells'] if 'base *' in str(c))['source']))",
    "reads solutions": "text = open('{course}/solutions/99_small.ipynb').read()\n"
    "answer = eval(text.split('answer = base *')[1].split('\\\\n')[0]) * base",
    "reads the class": "import sqlite3\n"
    "db = sqlite3.connect('file:{course}/nbgrader/gradebook.db?mode=ro', uri=True)\n"
    "answer = base * len(db.execute('select * from student').fetchall())",
    "reads secrets": "found = open('/etc/shadow').read()",
    "reads memory": "for pid in os.listdir('/proc'):\n    if pid.isdigit() and "
    "int(pid) < os.getppid() and pid != '1':\n"
    "        open(f'/proc/{{pid}}/environ').read()\n1 / 0",
    "calls": "import socket\nfor port in range(30000, 62000, 997):\n"
    "    socket.create_connection(('127.0.0.1', port), 1)",
    "plants sitecustomize": "open(sys.prefix + '/lib/sitecustomize.py', 'w')",
    "plants startup": "from IPython.paths import get_ipython_dir\n"
    "place = pathlib.Path(get_ipython_dir(), 'profile_default', 'startup')\n"
    "place.mkdir(parents=True, exist_ok=True)\n"
    "(place / '0.py').write_text('answer = base * 3.0')\n1 / 0",
    "forges": "import json\nopen('results.json', 'w').write('{{}}')\n"
    "display({{'application/vnd.ntkbook.answer+json': {{'kind': 'f', 'shape': [2], "
    "'entries': [1e9, 1e9]}}}}, raw=True)\n1 / 0",
}
HOSTILE = DEATHS | LIVES
# Landlock knows nothing of these, and only its later versions of signals.
BUBBLEWRAP_ONLY = ("changes modes", "changes times")
SIGNALS = ("kills its parent", "kills its grandparent", "kills all")


def cell(name: str, course) -> str:
    """The code of a hostile cell."""
    return BEGIN + HOSTILE[name].format(course=course)
