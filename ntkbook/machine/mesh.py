"""Many devices, as one.

The devices of all processes form a mesh with one axis, over which the rows of a block
are spread. Every device has everything else. JAX does the rest: it compiles one program
for all of them and moves what they need from each other.
"""

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ntkbook.validation.checks import is_traced


def mesh_for(*arrays) -> Mesh | None:
    """Return the mesh to compute on; ``None`` where there is only one device.

    Inside ``jax.jit`` and its like, where the arrays have no values yet, it is up to
    the surrounding program where things are computed.
    """
    devices = jax.devices()
    if len(devices) == 1 or is_traced(arrays):
        return None
    return Mesh(np.array(devices), ("rows",))


def agreed(mesh: Mesh | None, number: float) -> float:
    """Return the least of the numbers with which processes call this, in all of them.

    They run one program: what decides its shapes must not differ between them.
    """
    if mesh is None or jax.process_count() == 1:
        return number
    return float(process_allgather(np.asarray(number)).min())


def everywhere(mesh: Mesh | None, tree):
    """Copy arrays to every device of the mesh."""
    if mesh is None:
        return tree
    to = NamedSharding(mesh, PartitionSpec())
    return jax.tree.map(lambda a: jax.device_put(np.asarray(a), to), tree)


def spread(mesh: Mesh | None, tree):
    """Inside a compiled function: let every device have some of the rows."""
    return _constrained(mesh, tree, PartitionSpec("rows"))


def gather(mesh: Mesh | None, tree):
    """Inside a compiled function: let every device have all of them."""
    return _constrained(mesh, tree, PartitionSpec())


def _constrained(mesh, tree, spec):
    if mesh is None:
        return tree
    return jax.lax.with_sharding_constraint(tree, NamedSharding(mesh, spec))


def here(mesh: Mesh | None, array):
    """Return an array that every device has as an ordinary one, on one device."""
    return array if mesh is None else array.addressable_data(0)
