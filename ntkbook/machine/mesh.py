"""Many devices, as one; and several processes, among which work is divided.

The devices of a process form a mesh with one axis, over which the rows of a block are
spread. Every device has everything else. JAX does the rest: it compiles one program
for all of them and moves what they need from each other.

Processes compute different things, each by itself, and exchange them when all are done.
"""

import zlib
from functools import partial
from typing import Any

import jax
import numpy as np
from jax.experimental.multihost_utils import process_allgather
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ntkbook.validation.checks import is_traced

ROWS = "rows"


def mesh_for(*arrays) -> Mesh | None:
    """Return the mesh to compute on; ``None`` where there is only one device.

    Inside ``jax.jit`` and its like, where the arrays have no values yet, it is up to
    the surrounding program where things are computed.
    """
    devices = jax.local_devices()
    if len(devices) == 1 or is_traced(arrays):
        return None
    return Mesh(np.array(devices), (ROWS,))


def whole_mesh() -> Mesh:
    """Return the mesh of all devices of all processes, even if there is only one."""
    return Mesh(np.array(jax.devices()), (ROWS,))


def own_numbers(mesh: Mesh) -> list[int]:
    """Return which devices of a mesh are this process's."""
    me = jax.process_index()
    return [i for i, d in enumerate(mesh.devices.flat) if d.process_index == me]


def others(*arrays) -> bool:
    """Say whether there are other processes; inside ``jax.jit`` each is by itself."""
    return jax.process_count() > 1 and not is_traced(arrays)


def agreed(number: float, **arguments) -> float:
    """Return the least of the numbers with which processes call this, in all of them.

    What decides the shapes of what they exchange must not differ between them. Nor may
    the arguments, of whose results theirs would be patched together: checksums tell.
    """
    sums = np.array([_checksum(tree) for tree in arguments.values()], np.uint32)
    differ = np.ptp(process_allgather(sums), axis=0) > 0
    if differ.any():
        names = [f"`{name}`" for name, d in zip(arguments, differ, strict=True) if d]
        raise ValueError(
            f"{' and '.join(names)} must be the same in all processes; draw random "
            "numbers from one seed in all of them, and load the same files."
        )
    return float(process_allgather(np.asarray(number)).min())


def _checksum(tree) -> int:
    found = zlib.crc32(str(jax.tree.structure(tree)).encode())
    for leaf in jax.tree.leaves(tree):
        array = np.asarray(leaf)
        found = zlib.crc32(f"{array.shape} {array.dtype}".encode(), found)
        data: Any = np.ascontiguousarray(array).view(np.uint8)  # a buffer
        found = zlib.crc32(data, found)
    return found


def everywhere(mesh: Mesh | None, tree):
    """Copy arrays to every device of the mesh."""
    if mesh is None:
        return tree
    to = NamedSharding(mesh, PartitionSpec())
    return jax.tree.map(lambda a: jax.device_put(np.asarray(a), to), tree)


def spread(mesh: Mesh | None, tree):
    """Inside a compiled function: let every device have some of the rows."""
    return _constrained(mesh, tree, PartitionSpec(ROWS))


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


def parts_of(mesh: Mesh | None, array) -> list:
    """Return the rows that each device of the mesh has of a spread array."""
    if mesh is None:
        return [array]
    of = {shard.device: shard.data for shard in array.addressable_shards}
    return [of[device] for device in mesh.devices.flat]


def by_rows(mesh: Mesh, parts: list) -> jax.Array:
    """Return as one array, spread over the mesh, what its devices have.

    Each process gives the parts of its own devices, in the mesh's order; the parts of
    all devices have one shape, ``(rows, ...)``.
    """
    to = NamedSharding(mesh, PartitionSpec(ROWS))
    shape = mesh.size * parts[0].shape[0], *parts[0].shape[1:]
    return jax.make_array_from_single_device_arrays(shape, to, parts)


def exchanged(mesh: Mesh | None, tree):
    """Return the rows of all processes, in their order; each calls this with its own.

    Args:
        mesh: the process's, all of whose devices have the arrays, and get the result;
            ``None`` where only the first of them does.
        tree: arrays ``(rows, ...)``, of the same shapes in all processes.
    """
    first = [jax.local_devices(i)[0] for i in range(jax.process_count())]
    processes = Mesh(np.array(first), (ROWS,))

    def one_of_all(array):
        own = jax.device_put(here(mesh, array), first[jax.process_index()])
        return by_rows(processes, [own])

    tree = _joined(processes, jax.tree.map(one_of_all, tree))
    tree = jax.tree.map(lambda a: a.addressable_data(0), tree)
    if mesh is None:
        return tree
    return jax.device_put(tree, NamedSharding(mesh, PartitionSpec()))


@partial(jax.jit, static_argnums=0)
def _joined(processes, tree):
    return gather(processes, tree)
