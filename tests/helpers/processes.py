"""Another Python, for tests that kill it, or start several."""

import os
import socket
import subprocess
import sys
import textwrap


def python(program, *arguments, **environment):
    """Start another Python."""
    return subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program), *map(str, arguments)],
        env=os.environ | {"JAX_PLATFORMS": "cpu"} | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finished(process, wanted=0):
    """Wait for it, and return what it printed; fail unless it ended as it should."""
    out, err = process.communicate(timeout=300)
    assert process.returncode == wanted, err
    return out


def free_port():
    """A port of this machine on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def connected(count, program, *arguments):
    """Start several, for `jax.distributed`; return what each printed.

    Their first arguments are the address of the first, how many they are, which of
    them each is.
    """
    address = f"localhost:{free_port()}"
    started = [python(program, address, count, i, *arguments) for i in range(count)]
    return [finished(one) for one in started]
