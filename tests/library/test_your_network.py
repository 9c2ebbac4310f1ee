"""The page "Your own network": its code prints what it says it prints."""

import re
import subprocess
import sys
from pathlib import Path

PAGE = Path(__file__).parents[2] / "book" / "your_network.md"


def test_the_page_runs():
    code = "".join(re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S))
    expected = re.findall(r"^print.*  # (.*)$", code, re.M)
    assert len(expected) == len(re.findall(r"^print\(", code, re.M)) > 10
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:-1] == expected


def test_its_tables_name_what_exists():
    import ntkbook

    for name in re.findall(r"\{func\}`ntkbook\.(\w+)`", PAGE.read_text()):
        assert callable(getattr(ntkbook, name))
