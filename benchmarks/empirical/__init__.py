"""Time the empirical tangent kernel against its peers, on three networks.

For the dense network also against a limit: the matrix products, and nothing else, that
every layerwise contraction has to do.
"""

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from benchmarks import measure
from benchmarks.empirical import networks, peers
from benchmarks.empirical.networks import Setting
from benchmarks.measure import Way

OURS = "ntkbook.ntk"
NT = "neural-tangents, implementation {}"
TORCH, NNGEOMETRY = "torch.func, Jacobian contraction", "nngeometry, GramMatrix"
LIMIT = "bare matrix products (the limit)"
AS_MANY = "matrix products of as many operations (the limit)"
TOLERANCE = 1e-4  # relative to the largest entry: float32, and sums of 10^6 terms
CHECKED = 8  # points on which our kernel is compared with the Jacobian in float64


def ours(setting: Setting) -> dict[str, Way]:
    apply, params, x = setting.apply, setting.params, setting.x
    return {OURS: Way(lambda: ntkbook.ntk(apply, params, x))}


def with_mlp(points: int, width: int) -> tuple[Setting, dict]:
    setting = networks.mlp(points, width)
    flax_apply, flax_params = networks.in_flax(setting.params)
    ways = ours(setting)
    ways[f"{OURS}, the same network in Flax"] = Way(
        lambda: ntkbook.ntk(flax_apply, flax_params, setting.x)
    )
    ways[LIMIT] = bare_products(setting)
    for i in 2, 1:
        ways[NT.format(i)] = peers.neural_tangents(setting, i)
    if peers.has_torch():
        ways[TORCH] = peers.torch_func(setting)
        ways[NNGEOMETRY] = peers.nngeometry(setting)
    return setting, ways


def with_lenet(small: bool) -> tuple[Setting, dict]:
    points, few, block = (6, 4, 2) if small else (500, 100, 20)
    setting = networks.lenet(points)
    ways = ours(setting) | {AS_MANY: as_many_products(setting)}
    ways[NT.format(2)] = peers.neural_tangents(setting, 2, few, block)
    ways[NT.format(1)] = peers.neural_tangents(setting, 1)
    if peers.has_torch():
        ways[TORCH] = peers.torch_func(setting)
        ways[NNGEOMETRY] = peers.nngeometry(setting)
    return setting, ways


def with_resnet(small: bool) -> tuple[Setting, dict]:
    points, few, block = (4, 2, 2) if small else (200, 20, 10)
    setting = networks.resnet(points, 8 if small else 32)
    ways = ours(setting) | {AS_MANY: as_many_products(setting)}
    ways[NT.format(2)] = peers.neural_tangents(setting, 2, few, block)
    ways[NT.format(1)] = peers.neural_tangents(setting, 1)
    if peers.has_torch():
        chunk = None if small else 20
        ways[TORCH] = peers.torch_func(setting, chunk)
        ways[NNGEOMETRY] = peers.nngeometry(setting)
    return setting, ways


def bare_products(setting: Setting) -> Way:
    """Return the products alone: forward, backward, and two Grams for each layer."""
    n = len(setting.x)
    shapes = [layer["weight"].shape for layer in setting.params]
    key = jax.random.key(2)
    inputs = [jax.random.normal(key, (n, m)) for m, _ in shapes]
    deltas = [jax.random.normal(key, (n, m)) for _, m in shapes]
    weights = [layer["weight"] for layer in setting.params]

    @jax.jit
    def products(inputs, deltas, weights):
        forward = [h @ w for h, w in zip(inputs, weights, strict=True)]
        # The first layer's inputs are data: nothing has to be passed back to them.
        pairs = zip(deltas[1:], weights[1:], strict=True)
        backward = [delta @ w.T for delta, w in pairs]
        return forward, backward, [a @ a.T for a in inputs + deltas]

    return Way(lambda: products(inputs, deltas, weights), compared=False)


def as_many_products(setting: Setting, side: int = 1024) -> Way:
    """Return products of large matrices, with the operations that the routes need."""
    cost = ntkbook.ntk_cost(setting.apply, setting.params, setting.x)
    a = jnp.ones((side, side), np.float32)
    product = jax.jit(lambda a: a @ a)
    count = -(-int(cost.operations) // (2 * side**3))
    how = f"{cost.temporary / 2**20:.0f} MiB besides the kernel, as planned"
    return Way(lambda: [product(a) for _ in range(count)], compared=False, how=how)


def error_in_float32(setting: Setting) -> float:
    """Compare our kernel with the contraction of the whole Jacobian in float64."""
    x = setting.x[:CHECKED]
    found = np.asarray(ntkbook.ntk(setting.apply, setting.params, x))
    with measure.in_float64():
        double = jax.tree.map(
            lambda a: jnp.asarray(np.asarray(a), float), setting.params
        )
        jacobian = jax.jit(jax.jacrev(setting.apply))(double, jnp.asarray(x, float))
    n, k = jax.tree.leaves(jacobian)[0].shape[:2]
    flat = [np.asarray(j).reshape(n * k, -1) for j in jax.tree.leaves(jacobian)]
    wanted = sum(j @ j.T for j in flat).reshape(n, k, n, k).swapaxes(1, 2)
    wanted = peers.squeezed(wanted)
    return float(np.abs(found - wanted).max() / np.abs(wanted).max())


def tables_of(name: str, small: bool) -> list[tuple[Setting, dict]]:
    """Return what is compared: for the dense network a tiny problem as well."""
    if name == "lenet":
        return [with_lenet(small)]
    if name == "resnet":
        return [with_resnet(small)]
    sizes = [(20, 32)] if small else [(500, 1024), (20, 32)]
    return [with_mlp(*size) for size in sizes]


def main(name: str, small: bool, rounds: int):
    """Print one network's tables; keep them, unless they are small."""
    if not (small or peers.has_torch()):
        raise SystemExit(f"The comparison needs {peers.NEEDED}")
    load = measure.load()
    tables = []
    for setting, ways in tables_of(name, small):
        table = {"title": setting.title, "tolerance": TOLERANCE}
        table["error"] = error_in_float32(setting)
        table["checked_points"] = min(CHECKED, len(setting.x))
        table["rows"] = measure.measure(ways, rounds, len(setting.x), TOLERANCE)
        tables.append(table)
    what = {"mlp": "MLP", "lenet": "LeNet", "resnet": "ResNet"}[name]
    measure.report(name, tables, what=what, dtype="float32", load=load, keep=not small)
