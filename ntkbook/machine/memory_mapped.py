"""Arrays larger than memory: written to disk part by part, and continued after a kill.

Next to the array ``kernel.npy`` is ``kernel.npy.parts.json``. It holds a fingerprint
of everything that decides the values, how the array is cut into parts, and a checksum
of each part that is done. A part is written first, and noted when the disk has it, in a
file that is moved into place whole: killed at any moment, what is noted is there. While
parts are missing, one process at a time has the array; others wait for it.
"""

import glob
import hashlib
import json
import os
import re
import sys
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import jax
import jax.export
import jax.numpy as jnp
import numpy as np

from ntkbook.machine.whole_files import replacing
from ntkbook.validation.jaxprs import equations, inner

try:
    import fcntl
except ImportError:  # Windows has no such locks
    fcntl = None

# As MLIR prints it: at the end of an operation, or a line of its own.
SOURCE_PLACE = re.compile(r"^#loc.*\n| loc\((?:[^()]|\([^()]*\))*\)", re.MULTILINE)


class Mapped:
    """An array on disk that is made in parts; to be used in a ``with`` block.

    Args:
        path: of the array, a ``.npy`` file.
        shape: of the array.
        dtype: of the array.
        plan: how it is cut into parts, as JSON can hold it; of an array that has been
            begun its own plan is kept.
        parts: how many parts a plan has, a function of the plan.
        fingerprint: says what the values depend on; see :func:`fingerprint`.

    Attributes:
        array: the array, a memory map; only to be read where it is complete.
        plan: the plan.
        done: the checksums of the parts that are done.

    Raises:
        ValueError: something else is at this path, or it is damaged.
        OSError: there is no room for the array.
    """

    def __init__(self, path, shape, dtype, plan, parts, fingerprint: str):
        self.path = Path(path)
        self.note = self.path.with_name(self.path.name + ".parts.json")
        self.shape, self.dtype = tuple(shape), np.dtype(dtype)
        self._parts, self._fingerprint, self._lock = parts, fingerprint, None
        if self._complete():
            self.array = np.load(self.path, "r")
            return
        self._wait_for_others()
        try:
            if not self._begun():
                self._begin(plan)
            self.array = np.load(self.path, "r" if self._complete() else "r+")
        except BaseException:
            self._release()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._release()

    def write(self, places: Iterable[tuple], blocks: Iterable) -> None:
        """Write the next part, one or two blocks, and note it once the disk has it."""
        checksum = 0
        for place, block in zip(places, blocks, strict=True):
            block = np.ascontiguousarray(block)  # a transposed one is copied once
            self.array[place] = block
            checksum = _crc32(block, checksum)
        self.array.flush()
        self.done.append(checksum)
        self._write_note()

    def verify(self, places: Iterable[Iterable[tuple]]) -> None:
        """Refuse an array whose parts are not what was written."""
        for number, (part, noted) in enumerate(zip(places, self.done, strict=False)):
            checksum = 0
            for place in part:
                checksum = _crc32(self.array[place], checksum)
            if checksum != noted:
                raise self._damaged(f"part {number} is not what was written")

    def _complete(self) -> bool:
        """Look whether all is done, which needs no lock: nobody writes any more."""
        return self._begun() and len(self.done) == self._parts(self.plan)

    def _begun(self) -> bool:
        """Read the note, if there is one; refuse what does not belong to it."""
        if not self.note.exists():
            if self.path.exists():
                raise ValueError(
                    f"`path`: {self.path} is there, but it was not begun by this "
                    "function; choose another path, or remove it."
                )
            return False
        if not self.path.exists():  # killed between the two files, or removed
            return False
        try:
            noted = json.loads(self.note.read_text())
            self.plan, self.done = noted["plan"], list(map(int, noted["done"]))
            found, total = noted["fingerprint"], self._parts(self.plan)
        except (ValueError, TypeError, KeyError, AttributeError, IndexError):
            raise self._damaged("its note cannot be read") from None
        if found != self._fingerprint:
            raise ValueError(
                f"`path`: {self.path} holds another kernel (other parameters, inputs, "
                "settings or versions); choose another path, or remove the file."
            )
        if len(self.done) > total:
            raise self._damaged("its note counts more parts than there are")
        if self.path.stat().st_size != self._size():
            raise self._damaged(
                f"it has {self.path.stat().st_size} bytes and not {self._size()}"
            )
        with self.path.open("rb") as file:
            if file.read(len(self._header())) != self._header():
                raise self._damaged("its header is not what was written")
        return True

    def _begin(self, plan) -> None:
        """Make the array, with room on the disk for all of it, and the note."""
        self.plan, self.done = plan, []
        self._write_note()
        try:
            with replacing(self.path, "wb") as file:
                file.write(self._header())
                if hasattr(os, "posix_fallocate"):
                    # Without it a full disk would kill the process at some later write.
                    os.posix_fallocate(file.fileno(), 0, self._size())
                else:
                    file.truncate(self._size())
        except OSError as error:
            self.note.unlink(missing_ok=True)
            raise OSError(
                error.errno,
                f"`path`: no room for {self._size() / 2**30:.3g} GiB "
                f"({os.strerror(error.errno or 0)}); make room, or choose another path",
                str(self.path),
            ) from None

    def _header(self) -> bytes:
        """Return what NumPy writes in front of an array's numbers."""
        import io

        file = io.BytesIO()
        header = {"descr": self.dtype.str, "fortran_order": False, "shape": self.shape}
        np.lib.format.write_array_header_1_0(file, header)
        return file.getvalue()

    def _size(self) -> int:
        numbers = int(np.prod(self.shape, dtype=object))
        return len(self._header()) + numbers * self.dtype.itemsize

    def _write_note(self) -> None:
        content = {
            "fingerprint": self._fingerprint,
            "plan": self.plan,
            "done": self.done,
        }
        try:
            with replacing(self.note) as file:
                json.dump(content, file)
        except OSError as error:
            raise OSError(
                error.errno,
                f"`path`: the note of what is done cannot be written "
                f"({os.strerror(error.errno or 0)}); make room, and call again",
                str(self.note),
            ) from None

    def _wait_for_others(self) -> None:
        if fcntl is None:
            return
        lock = self.path.with_name(self.path.name + ".lock").open("w")
        self._lock = lock
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            print(f"Another process writes {self.path}: waiting.", file=sys.stderr)
            fcntl.flock(lock, fcntl.LOCK_EX)
        except OSError:
            print(
                f"{self.path.parent} is on a file system without locks: let no other "
                "process write this file meanwhile.",
                file=sys.stderr,
            )
            return
        # What was killed while it wrote leaves a file that never took its place.
        for old in self.path.parent.glob(f"{glob.escape(self.path.name)}.*.part"):
            old.unlink(missing_ok=True)

    def _release(self) -> None:
        if self._lock is not None:
            if len(self.done) == self._parts(self.plan):
                Path(self._lock.name).unlink(missing_ok=True)
            self._lock.close()
            self._lock = None

    def _damaged(self, why: str) -> ValueError:
        return ValueError(
            f"`path`: {self.path} is damaged ({why}); remove it and {self.note}."
        )


def _crc32(block, before: int) -> int:
    data: Any = np.ascontiguousarray(block)  # a buffer, which its type hints hide
    return zlib.crc32(data, before)


def fingerprint(function, params, *inputs, **settings) -> str:
    """Return a text that changes with ``function(params, *inputs)``.

    The function is described by what it computes and not by its name: by its jaxpr and
    those of its derivatives, in which rules of the reader's own appear, with all arrays
    that they hold. What Python computes in a callback is in none of them.
    """
    found = hashlib.sha256()
    # Random numbers depend on the last one, which no jaxpr shows.
    config: Any = jax.config  # its type hints hide it
    known = jax.__version__, settings, config.jax_threefry_partitionable
    found.update(json.dumps(known, sort_keys=True).encode())
    found.update(_text(jax.tree.structure((params, inputs))))
    _add_arrays(found, jax.tree.leaves((params, inputs)))

    def of_params(params):
        return function(params, *inputs)

    def backward(params):
        out, pull = jax.vjp(of_params, params)
        return pull(jnp.ones_like(out))

    def forward(params):
        return jax.jvp(of_params, (params,), (params,))

    for number, traced in enumerate((of_params, backward, forward)):
        try:
            closed = jax.make_jaxpr(traced)(params)
        except Exception:
            if number == 0:
                raise
            continue  # of a rule that JAX can use in one direction only
        found.update(_text(closed.jaxpr))
        _add_arrays(found, [*closed.consts, *_constants(closed.jaxpr)])
        for program in _exported(closed.jaxpr):
            found.update(program)
    return found.hexdigest()


def _text(structure) -> bytes:
    """Return how it is printed, without where in memory a helper function lies.

    That is no property of what is computed, and another one in each process.
    """
    return re.sub(r"0x[0-9a-f]+", "", str(structure)).encode()


def _add_arrays(found, arrays) -> None:
    for array in arrays:
        if jnp.issubdtype(getattr(array, "dtype", float), jax.dtypes.prng_key):
            array = jax.random.key_data(array)
        array = np.asarray(array)
        found.update(f"{array.shape} {array.dtype}".encode())
        found.update(np.ascontiguousarray(array).tobytes())


def _constants(jaxpr) -> list:
    """Return the arrays that the functions called in a jaxpr hold."""
    return [
        constant
        for equation in equations(jaxpr)
        for called in inner(equation)
        for constant in getattr(called, "consts", [])
    ]


def _exported(jaxpr) -> list[bytes]:
    """Return what functions of jax.export compute: printed, only their names show.

    Without the places in the source code from which they were exported, which say
    nothing of what is computed.
    """
    return [
        SOURCE_PLACE.sub("", value.mlir_module()).encode()
        for equation in equations(jaxpr)
        for value in equation.params.values()
        if isinstance(value, jax.export.Exported)
    ]
