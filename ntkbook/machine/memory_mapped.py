"""Arrays larger than memory: written to disk part by part, and continued after a kill.

Beside the array ``kernel.npy`` lies ``kernel.npy.parts.json``. It holds a fingerprint
of everything that decides the values, how the array is cut into parts, and which of
them are done. A part is written first and noted afterwards, in a file that is moved
into place whole: killed at any moment, what is noted is there.
"""

import hashlib
import json
import os
import re
from pathlib import Path

import jax
import numpy as np


class Mapped:
    """An array on disk that is made in parts.

    Args:
        path: of the array, a ``.npy`` file.
        shape: of the array.
        dtype: of the array.
        plan: how it is cut into parts, as JSON can hold it; of an array that has been
            begun its own plan is kept.
        fingerprint: says what the values depend on; see :func:`fingerprint`.

    Attributes:
        array: the array, a memory map.
        plan: the plan.
        done: how many parts are done.

    Raises:
        ValueError: something else is at this path.
    """

    def __init__(self, path, shape, dtype, plan, fingerprint: str):
        self.path = Path(path)
        self.note = self.path.with_name(self.path.name + ".parts.json")
        begun = self._noted()
        if begun is None:
            if self.path.exists():
                raise ValueError(
                    f"`path`: {self.path} is there, but it was not begun by this "
                    "function; choose another path, or remove it."
                )
            self.content = {"fingerprint": fingerprint, "plan": plan, "done": 0}
            beside = self.path.with_name(self.path.name + ".part")
            array = np.lib.format.open_memmap(beside, "w+", np.dtype(dtype), shape)
            array.flush()
            self._write()
            os.replace(beside, self.path)
        elif begun["fingerprint"] != fingerprint:
            raise ValueError(
                f"`path`: {self.path} holds another kernel (other parameters, inputs, "
                "settings or versions); choose another path, or remove the file."
            )
        else:
            self.content = begun
        if not self.path.exists():  # killed between the two files
            self.note.unlink()
            self.__init__(path, shape, dtype, plan, fingerprint)
            return
        self.array = np.load(self.path, "r+")
        if self.array.shape != tuple(shape) or self.array.dtype != dtype:
            raise ValueError(
                f"`path`: {self.path} is damaged; remove it and {self.note}."
            )
        self.plan, self.done = self.content["plan"], self.content["done"]

    def note_done(self) -> None:
        """Note one more part as done, once its values have reached the disk."""
        self.array.flush()
        self.done += 1
        self.content["done"] = self.done
        self._write()

    def _noted(self) -> dict | None:
        if not self.note.exists():
            return None
        try:
            found = json.loads(self.note.read_text())
            if {"fingerprint", "plan", "done"} <= found.keys():
                return found
        except (ValueError, AttributeError):  # not UTF-8, not JSON, or no dictionary
            pass
        raise ValueError(f"`path`: {self.note} is damaged; remove it and {self.path}.")

    def _write(self) -> None:
        beside = self.note.with_name(f"{self.note.name}.{os.getpid()}.part")
        beside.write_text(json.dumps(self.content))
        os.replace(beside, self.note)


def fingerprint(function, *arguments, **settings) -> str:
    """Return a text that changes with a function of arrays, its arguments or settings.

    The function is told by its jaxpr, so by what it computes and not by its name.
    """
    closed = jax.make_jaxpr(function)(*arguments)
    found = hashlib.sha256()
    # Where in memory a helper function lies is no property of what is computed.
    found.update(re.sub(r"0x[0-9a-f]+", "", str(closed.jaxpr)).encode())
    found.update(json.dumps([jax.__version__, settings], sort_keys=True).encode())
    found.update(str(jax.tree.structure(arguments)).encode())
    for array in jax.tree.leaves((closed.consts, arguments)):
        array = np.asarray(array)
        found.update(f"{array.shape} {array.dtype}".encode())
        found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()
