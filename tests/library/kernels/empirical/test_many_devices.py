"""Tangent kernels on many devices, of one process and of several."""

import jax
import numpy as np
import pytest

import ntkbook
from ntkbook.kernels.empirical import tangent
from ntkbook.kernels.gram import pairs_of_blocks
from tests.helpers.draws import weekly
from tests.helpers.networks import ONE, agree, setting
from tests.helpers.processes import connected, finished, python

# Every process writes what it has, and how many entries it computed of which kernel.
COMPUTE = """
    import sys
    import jax, jax.numpy as jnp, numpy as np

    jax.config.update("jax_enable_x64", True)
    address, count, number, out = sys.argv[1:]
    if count != "0":
        jax.config.update("jax_cpu_collectives_implementation", "gloo")
        jax.distributed.initialize(address, int(count), int(number))
    print(jax.device_count())
    import ntkbook
    from ntkbook.kernels.empirical import tangent

    x = jnp.asarray(np.random.default_rng(0).standard_normal((24, 3)))
    net = ntkbook.mlp(8, 2, "tanh", outputs=2, bias_std=0.5)
    params = jax.tree.map(
        lambda a: np.sin(np.arange(a.size)).reshape(a.shape),
        jax.eval_shape(net.init, jax.random.key(0), x),
    )
    entries, contract = [0], tangent._contract

    def counted(how, mesh, one, two):
        block = contract(how, mesh, one, two)
        entries[0] += block.shape[0] * block.shape[1]
        return block

    tangent._contract = counted
    found = {}

    def keep(name, *inputs, **options):
        entries[0] = 0
        kernel = ntkbook.ntk(net.apply, params, *inputs, **options)
        if "sharded" in options:
            assert isinstance(kernel.sharding, jax.sharding.NamedSharding)
            assert kernel.shape[:2] == (len(inputs[0]), len(inputs[-1]))
            for part in kernel.addressable_shards:
                found[f"{name} from {part.index[0].start or 0}"] = part.data
        else:
            found[name], found[f"entries of {name}"] = kernel, entries[0]

    keep("full", x[:21])
    keep("two", x[:21], x[:5])
    keep("rows", x, sharded=True)
    keep("rows of two", x, x[:5], trace=True, sharded=True)
    found["diagonal"] = ntkbook.ntk_diagonal(net.apply, params, x)
    with ntkbook.limit_memory(2e-5 * (1 + 9 * int(number))):
        keep("small blocks", x[:21])
        keep("rows of small blocks", x, sharded=True)
    tangent.FULL = 1  # eight blocks a side, and features that are kept
    keep("blocks", x)
    keep("blocks of two", x, x[:5])
    try:
        ntkbook.ntk(net.apply, params, x + int(number))
    except ValueError as error:
        print(error)
    found = {name: np.asarray(array) for name, array in found.items()}
    np.savez(f"{out}/{number}.npz", **found)
"""

POINTS = 24
SHARE = 0.6  # of the entries of a symmetric kernel are computed, at most


@pytest.fixture(scope="module")
def on_one_device(tmp_path_factory):
    folder = tmp_path_factory.mktemp("one")
    assert finished(python(COMPUTE, "", 0, 0, folder)) == "1\n"
    found = dict(np.load(folder / "0.npz"))
    assert found["entries of blocks"] <= SHARE * POINTS**2
    for name in ("blocks", "rows of small blocks from 0", "rows from 0"):
        agree(found[name][:21, :21], found["full"], 1e-13)
    trace = np.einsum("ijaa->ij", found["blocks of two"])
    agree(found["rows of two from 0"], trace, 1e-13)
    return found


def same(found, wanted, parts):
    """Compare kernels, and of those that are spread the rows that are there."""
    for name, array in found.items():
        name, _, start = name.partition(" from ")
        if start:
            rows = slice(int(start), int(start) + POINTS // parts)
            agree(array, wanted[f"{name} from 0"][rows], 1e-13)
        elif not name.startswith("entries"):
            agree(array, wanted[name], 1e-13)


@pytest.mark.weekly
def test_eight_devices(tmp_path, on_one_device):
    eight = {"XLA_FLAGS": "--xla_force_host_platform_device_count=8"}
    assert finished(python(COMPUTE, "", 0, 0, tmp_path, **eight)) == "8\n"
    found = dict(np.load(tmp_path / "0.npz"))
    same(found, on_one_device, parts=8)
    for name in ("rows", "rows of two", "rows of small blocks"):
        assert all(f"{name} from {3 * i}" in found for i in range(8))


@pytest.mark.parametrize("processes", [2, weekly(4)])
def test_several_processes(tmp_path, on_one_device, processes):
    """They share the work, and each has the whole result, or only its own rows.

    The memory that they may use differs (``limit_memory`` in the program above): each
    takes the least, as their blocks would not fit together. Other inputs in one of them
    are refused in all.
    """
    for printed in connected(processes, COMPUTE, tmp_path):
        assert f"{processes}\n" in printed  # gloo prints as well
        assert "`x1` must be the same in all processes" in printed
    all_found = [dict(np.load(tmp_path / f"{i}.npz")) for i in range(processes)]
    for i, found in enumerate(all_found):
        same(found, on_one_device, parts=processes)
        for name in ("rows", "rows of two", "rows of small blocks"):
            starts = [key for key in found if key.startswith(f"{name} from ")]
            assert starts == [f"{name} from {POINTS // processes * i}"]
    # No block is computed twice, and none has more than one more than another.
    for name in ("blocks", "blocks of two"):
        entries = [int(found[f"entries of {name}"]) for found in all_found]
        assert sum(entries) == on_one_device[f"entries of {name}"]
        assert max(entries) - min(entries) <= (POINTS // 8) ** 2
    mirrored(all_found[0]["blocks"])


def mirrored(kernel):
    """See that entries outside the blocks on the diagonal equal their mirror images."""
    block = np.arange(POINTS) // (POINTS // 8)
    outside = block[:, None] != block
    assert (kernel == kernel.transpose(1, 0, 3, 2))[outside].all()


@pytest.mark.parametrize("outputs", [1, 3])
def test_what_is_left_out_stays_left_out(outputs):
    """However many processes and devices, and each process has as much to do."""
    apply, params, x, _ = setting(**ONE | dict(outputs=outputs))
    kernel = tangent.kernel_of(apply, params, x)
    kernel = kernel._replace(x1=jax.ShapeDtypeStruct((50_000, 3), x.dtype))
    for processes in (1, 2, 3, 4, 7, 16, 64):
        for devices in (1, 4, 8):
            rows = kernel.cut(devices, processes)["rows"]
            pairs = pairs_of_blocks(rows, None)
            assert len(pairs) <= SHARE * len(rows) ** 2
            turns = -(-len(pairs) // processes)
            assert turns * processes <= 1.25 * len(pairs)


def test_rows_that_cannot_be_shared_evenly():
    apply, params, x, _ = setting(n1=7, **ONE)
    kernel = tangent.kernel_of(apply, params, x)
    with pytest.raises(ValueError, match="`sharded`.*4 devices.*7 inputs; append 1 "):
        kernel.cut_by_rows(4)


def test_rows_inside_jit_are_refused():
    apply, params, x, _ = setting(**ONE)
    kernel = jax.jit(lambda p: ntkbook.ntk(apply, p, x, sharded=True))
    with pytest.raises(TypeError, match="`sharded`.*inside jax.jit"):
        kernel(params)
