"""What machine a notebook runs on, said at its head."""

import os
import platform

import jax

from ntkbook.machine.memory import GIB, memory_budget
from ntkbook.machine.precision import is_double


def device_report() -> str:
    """Return one line that says which devices, versions and precision are in use.

    Example:
        >>> import ntkbook
        >>> print(ntkbook.device_report())  # doctest: +ELLIPSIS
        Python ..., JAX ..., float..., blocks of 2.0 GiB
    """
    devices = jax.devices()
    kind = devices[0].device_kind
    if devices[0].platform == "cpu":
        where = f"{os.cpu_count()} CPU cores"
    else:
        where = f"{len(devices)} x {kind}"
    return (
        f"Python {platform.python_version()}, JAX {jax.__version__}, {where}, "
        f"{'float64' if is_double() else 'float32'}, "
        f"blocks of {memory_budget() / GIB:.1f} GiB"
    )
