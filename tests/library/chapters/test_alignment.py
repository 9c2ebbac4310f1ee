"""Alignment, eigenfunctions, anisotropy directions, and training by SGD."""

import gzip
import hashlib
import io
import tarfile

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from ntkbook import alignment as al
from ntkbook import data
from tests.helpers.draws import examples, weekly

KEY = jax.random.key(0)
X = jax.random.normal(KEY, (12, 3))
NET = ntkbook.mlp(7, 2, "gelu", bias_std=0.3)
PARAMS = NET.init(KEY, X)
GRAM = np.asarray(ntkbook.ntk(NET.apply, PARAMS, X))
SIGNS = jnp.where(X[:, :1] > 0, 1.0, -1.0)


def random_kernel(seed, n, rank):
    factor = np.random.default_rng(seed).normal(size=(n, rank))
    return factor @ factor.T


# --- alignment and norm

kernels = st.builds(
    random_kernel, st.integers(0, 10**6), st.integers(1, 8), st.integers(8, 12)
)


@examples(60, weekly=1000)
@hypothesis.given(kernel=kernels, seed=st.integers(0, 10**6))
def test_lemma_1_holds_for_any_kernel_and_target(kernel, seed):
    target = np.random.default_rng(seed).normal(size=(len(kernel), 3))
    bound, norm = al.norm_bound(kernel, target), al.rkhs_norm(kernel, target)
    assert (bound <= norm * (1 + 1e-9)).all()


@examples(30, weekly=1000)
@hypothesis.given(kernel=kernels)
def test_eigenfunctions_have_their_eigenvalue_for_alignment(kernel):
    found = al.eigenfunctions(kernel)
    top = found.values[0]
    aligned = al.target_alignment(kernel, found.functions)
    assert np.abs(aligned - found.values).max() <= 1e-10 * top
    # ... and Lemma 1 is an equality for them.
    well = found.values > 1e-6 * top
    bound = al.norm_bound(kernel, found.functions[:, well])
    assert al.rkhs_norm(kernel, found.functions[:, well]) == pytest.approx(
        bound, rel=1e-6
    )


def test_eigenfunctions_are_orthonormal_and_rebuild_the_kernel():
    found = al.eigenfunctions(GRAM)
    n = len(GRAM)
    assert found.functions.T @ found.functions / n == pytest.approx(
        np.eye(n), abs=1e-10
    )
    rebuilt = (found.functions * found.values) @ found.functions.T
    assert rebuilt == pytest.approx(GRAM, abs=1e-10 * GRAM.max())
    assert (np.diff(found.values) <= 0).all()


def test_eigenfunctions_are_the_directions_of_decay_in_another_scale():
    """The one relation between matrix conventions and those of functions."""
    found, modes = al.eigenfunctions(GRAM), ntkbook.flow.decay_rates(GRAM)
    n = len(GRAM)
    assert found.values == pytest.approx(modes.rates / n, abs=1e-12 * modes.rates[0])
    assert found.functions == pytest.approx(n**0.5 * modes.directions, abs=1e-9)


def test_few_of_many_equal_the_first_of_all(monkeypatch):
    kernel = random_kernel(1, 40, 60)
    whole = al.eigenfunctions(kernel)
    monkeypatch.setattr("ntkbook.spectra.eigenfunctions.DENSE", 10)
    few = al.eigenfunctions(kernel, 4)
    assert few.values == pytest.approx(whole.values[:4], rel=1e-10)
    assert few.functions == pytest.approx(whole.functions[:, :4], abs=1e-8)
    with pytest.raises(ValueError, match="must be symmetric"):
        al.eigenfunctions(np.triu(kernel), 4)
    with pytest.raises(ValueError, match="positive semidefinite"):
        al.eigenfunctions(-kernel, 4)


def test_alignment_without_a_gram_matrix():
    targets = np.random.default_rng(0).normal(size=(len(X), 5))
    fast = al.tangent_alignment(NET.apply, PARAMS, X, targets)
    assert fast == pytest.approx(al.target_alignment(GRAM, targets), rel=1e-10)
    one = al.tangent_alignment(NET.apply, PARAMS, X, targets[:, 1])
    assert float(one) == pytest.approx(fast[1], rel=1e-12)


def test_the_norm_is_that_of_the_weights():
    """A function f = J w of a linear model with J of full row rank has norm |w|^2."""
    j = np.random.default_rng(2).normal(size=(6, 9))
    w = np.linalg.lstsq(j, np.arange(1.0, 7.0), rcond=None)[0]
    norm = al.rkhs_norm(j @ j.T, j @ w)
    assert float(norm) == pytest.approx(w @ w, rel=1e-9)


def test_a_target_outside_of_the_space_has_an_infinite_norm():
    kernel = np.diag([2.0, 1.0, 0.0])
    assert np.isinf(al.rkhs_norm(kernel, np.array([1.0, 1.0, 1.0])))
    inside = al.rkhs_norm(kernel, np.array([2.0, 1.0, 0.0]))
    assert float(inside) == pytest.approx(3.0, rel=1e-14)


def test_energy_is_all_there_with_all_eigenvectors():
    y = np.random.default_rng(0).normal(size=(len(GRAM), 2))
    assert al.energy_concentration(GRAM, y, len(GRAM)) == pytest.approx(1.0)
    parts = [al.energy_concentration(GRAM, y[:, 0], k) for k in range(1, len(GRAM))]
    assert (np.diff(parts) >= 0).all()
    first = al.eigenfunctions(GRAM, 1).functions[:, 0]
    assert float(al.energy_concentration(GRAM, first, 1)) == pytest.approx(1.0)


def test_centred_alignment_ignores_constants_and_scale():
    ones = np.ones_like(GRAM)
    assert al.kernel_alignment(GRAM, 3 * GRAM + 5 * ones) == pytest.approx(1.0)
    assert al.kernel_alignment(GRAM, GRAM + 50 * ones, centered=False) < 0.99
    y = np.asarray(SIGNS)[:, 0]
    target = np.outer(y, y)
    plain = al.kernel_alignment(GRAM, target, centered=False)
    assert plain == pytest.approx(y @ GRAM @ y / (len(y) * np.linalg.norm(GRAM)))


def test_ties_are_positive():
    assert al.binarize(np.array([0.0, -0.0, 1e-300, -1e-300])).tolist() == [1, 1, 1, -1]


# --- anisotropy directions


def dense_mixed_derivative(apply, params, x):
    def gradient(one):
        g = jax.grad(lambda p: apply(p, one[None])[0, 0])(params)
        return jax.flatten_util.ravel_pytree(g)[0]

    return np.asarray(jax.vmap(jax.jacobian(gradient))(x).mean(0)).reshape(
        -1, x[0].size
    )


@pytest.mark.parametrize(
    "points", [jnp.zeros((1, 3)), weekly(X)], ids=["origin", "mean"]
)
def test_directions_are_those_of_the_dense_svd(points):
    m = dense_mixed_derivative(NET.apply, PARAMS, points)
    values, vectors = np.linalg.svd(m, full_matrices=False)[1:]
    for count in (None, 2):
        found = al.anisotropy_directions(NET.apply, PARAMS, points, count)
        assert found.alignments == pytest.approx(values[:count] ** 2, rel=1e-6)
        cosines = np.abs((found.directions * vectors[:count]).sum(1))
        assert cosines == pytest.approx(1, abs=1e-6)


def test_the_operator_and_its_adjoint_agree():
    op = al.mixed_derivative(NET.apply, PARAMS, X)
    m = dense_mixed_derivative(NET.apply, PARAMS, X)
    u, v = np.random.default_rng(0).normal(size=3), np.ones(m.shape[0])
    assert op @ u == pytest.approx(m @ u, abs=1e-12)
    assert op.rmatvec(v) == pytest.approx(m.T @ v, abs=1e-12)


def test_theorem_1_by_monte_carlo_with_its_rate():
    """|E M u|^2 against E over pairs of draws; the error falls like 1 / sqrt(draws)."""
    u = np.array([0.6, -0.8, 0.0])
    wanted, errors = None, []
    draws = jax.random.normal(jax.random.key(3), (400_000, 3))
    op = al.mixed_derivative(NET.apply, PARAMS, draws)
    wanted = ((op @ u) ** 2).sum()
    for size in (100, 6400):
        parts = [draws[i * size : (i + 1) * size] for i in range(20)]
        found = [
            al.tangent_alignment(NET.apply, PARAMS, x, np.asarray(x) @ u) for x in parts
        ]
        errors.append(np.sqrt(np.mean((np.array(found) - wanted) ** 2)))
    assert errors[1] < 0.1 * wanted
    assert np.log(errors[0] / errors[1]) / np.log(64) == pytest.approx(0.5, abs=0.2)


# --- networks


def test_the_kernel_of_a_lenet_needs_no_jacobian():
    net = ntkbook.lenet("gelu", channels=(2, 3), dense=(5, 4))
    images = jax.random.normal(KEY, (4, 9, 6, 2))  # an odd side, two channels
    params = net.init(KEY, images)
    params = jax.tree.map(lambda p: p + 0.1, params)  # biases too
    fast = ntkbook.ntk(net.apply, params, images)
    slow = ntkbook.ntk(lambda p, x: net.apply(p, x), params, images)
    assert np.asarray(fast) == pytest.approx(np.asarray(slow), rel=1e-10)


def test_a_lenets_convolution_is_a_convolution():
    net = ntkbook.lenet("identity", channels=(2, 3), dense=(5, 4))
    image = jax.random.normal(KEY, (2, 8, 8, 1))
    w, b = net.init(KEY, image)[0].values()
    patches = ntkbook.networks.lenet.patches(image, 5)
    wanted = jax.lax.conv_general_dilated(
        image, w.reshape(5, 5, 1, 2), (1, 1), "SAME",
        dimension_numbers=("NHWC", "HWIO", "NHWC"),
    )  # fmt: skip
    assert np.asarray(patches @ w) == pytest.approx(np.asarray(wanted), abs=1e-12)
    assert not b.any()


@pytest.mark.weekly
def test_a_resnet_starts_as_its_shortcuts_and_its_images_do_not_mix():
    net = ntkbook.resnet(blocks=(1, 1), channels=3)
    images = jax.random.normal(KEY, (3, 8, 8, 2))
    params = net.init(KEY, images)

    @jax.jit  # one program for the outputs and the slopes
    def both(p, x):
        out, pull = jax.vjp(lambda p: net.apply(p, x), p)
        return out, pull(jnp.ones_like(out))[0]

    out, grads = both(params, images)
    other = jax.tree.map(lambda p: p, params)
    other["block 0"]["one"]["weight"] *= 5.0  # behind a scale of 0
    assert np.asarray(both(other, images)[0]) == pytest.approx(np.asarray(out))
    alone = both(params, images.at[1:].set(7.0))[0]
    assert float(alone[0, 0]) == pytest.approx(float(out[0, 0]))
    assert np.abs(grads["block 1"]["two"]["scale"]).max() > 0


# --- SGD

SETTINGS = dict(step_size=0.1, epochs=5, batch_size=4, key=KEY)


@pytest.mark.parametrize("loss", ["logistic", weekly("squared")])
def test_training_a_kernel_is_training_the_linearisation(loss):
    line = ntkbook.linearize(NET.apply, PARAMS, offset=False)
    slow = ntkbook.sgd(line, PARAMS, X, SIGNS, loss=loss, **SETTINGS)
    new = X[:5] + 0.1
    k_test = ntkbook.ntk(NET.apply, PARAMS, new, X)
    fast = ntkbook.kernel_sgd(jnp.array(GRAM), SIGNS, loss=loss, **SETTINGS)
    same = dict(rel=1e-9, abs=1e-12)
    assert np.asarray(fast.loss[:, 0]) == pytest.approx(np.asarray(slow.loss), **same)
    out = np.asarray(line(slow.params, new))
    assert np.asarray(k_test @ fast.params) == pytest.approx(out, **same)
    assert np.asarray(fast.outputs) == pytest.approx(np.asarray(slow.outputs), **same)
    moved = jax.tree.map(lambda a, b: ((a - b) ** 2).sum(), slow.params, PARAMS)
    length = float(sum(jax.tree.leaves(moved))) ** 0.5
    norm = (fast.params * fast.outputs[-1]).sum() ** 0.5
    assert float(norm) == pytest.approx(length, **same)


def test_with_small_steps_on_all_points_it_is_the_flow():
    n, epochs, eta = len(X), 4000, 2e-3
    run = ntkbook.kernel_sgd(
        jnp.array(GRAM), SIGNS, step_size=eta, epochs=epochs, batch_size=n, key=KEY,
        momentum=0.0, loss="squared",
    )  # fmt: skip
    time = float(run.times[-1])  # steps that fall linearly to 0, a mean loss
    assert time == pytest.approx(eta / n * (epochs + 1) / 2)
    flow = ntkbook.kernel_flow(GRAM, np.asarray(SIGNS), time)
    assert np.asarray(run.outputs[-1]) == pytest.approx(flow.train, abs=2e-3)


def test_sgd_by_hand():
    """Two steps on f = w x, one point, squared loss: the steps are eta and eta / 2."""
    x, y = jnp.array([[1.0]]), jnp.array([[1.0]])
    run = ntkbook.sgd(
        lambda w, x: x * w, jnp.zeros((1, 1)), x, y, step_size=0.5, epochs=2,
        batch_size=1, key=KEY, momentum=0.5, loss="squared",
        record=[0, 1, 2], observe=lambda w: w[0, 0],
    )  # fmt: skip
    # v1 = -1, w1 = 0.5; v2 = -0.5 - 0.5 = -1, w2 = 0.5 + 0.25
    assert run.observed.tolist() == [0.0, 0.5, 0.75]
    assert run.loss.tolist() == [0.5, 0.125]
    assert run.outputs.ravel().tolist() == run.observed.tolist()
    assert run.steps.tolist() == [0, 1, 2]
    assert run.times.tolist() == [0.0, 1.0, 1.5]  # over 1 - momentum
    assert float(run.params[0, 0]) == 0.75


def test_every_epoch_sees_each_point_once_in_a_new_order():
    from ntkbook.training.sgd import _rows

    one, two = (_rows(KEY, e, 12, 4) for e in (0, 1))
    assert one.shape == (3, 4)
    assert sorted(one.ravel().tolist()) == list(range(12))
    assert (one != two).any()
    assert np.unique(_rows(KEY, 0, 12, 5)).size == 10


def test_tasks_and_starts_train_together():
    keys = jax.random.split(KEY, 2)
    alone = ntkbook.sgd(NET.apply, PARAMS, X, SIGNS, **SETTINGS | {"key": keys[1]})
    both = jax.jit(
        jax.vmap(
            lambda k: ntkbook.sgd(NET.apply, PARAMS, X, SIGNS, **SETTINGS | {"key": k})
        )
    )(keys)
    assert np.asarray(both.loss[1]) == pytest.approx(np.asarray(alone.loss), rel=1e-9)
    two = ntkbook.kernel_sgd(jnp.array(GRAM), jnp.hstack([SIGNS, -SIGNS]), **SETTINGS)
    ends = np.asarray(two.outputs[-1])
    assert ends[:, 0] == pytest.approx(-ends[:, 1])


def test_the_linearisation_touches_at_any_weights():
    end = jax.tree.map(lambda p: p + 0.2, PARAMS)
    bare, whole = (ntkbook.linearize(NET.apply, end, offset=o) for o in (False, True))
    assert not np.asarray(bare(end, X)).any()
    assert np.asarray(whole(end, X)) == pytest.approx(np.asarray(NET.apply(end, X)))
    wanted = ntkbook.linearize(NET.apply, end)(PARAMS, X)
    assert np.asarray(whole(PARAMS, X)) == pytest.approx(np.asarray(wanted), rel=1e-12)
    kernel = ntkbook.ntk(bare, PARAMS, X)
    assert np.asarray(kernel) == pytest.approx(
        np.asarray(ntkbook.ntk(NET.apply, end, X)), rel=1e-10
    )


# --- data


def test_separable_data_are_separable_by_their_direction_alone():
    v = np.random.default_rng(0).normal(size=(2, 3))
    x, y = data.separable(v, 20_000, seed=1, epsilon=0.4, sigma=2.0)
    along = x.reshape(-1, 6) @ v.ravel() / np.linalg.norm(v)
    assert along == pytest.approx(0.2 * y[:, 0], abs=1e-12)
    covariance = np.cov(x.reshape(-1, 6).T)
    assert np.trace(covariance) == pytest.approx(4 * 5 + 0.04, rel=0.02)
    assert abs(y.mean()) < 0.03


def test_digits_are_whole():
    images, labels = data.digits()
    assert images.shape == (1797, 8, 8, 1)
    assert images.min() == 0.0
    assert images.max() == 1.0
    assert np.bincount(labels).min() > 170


@pytest.fixture
def small_fashion(tmp_path, monkeypatch):
    """A cache with two images, and the sums that belong to it."""
    sums = {}
    for part in ("train", "t10k"):
        for kind, head, size in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
            name = f"{part}-{kind}-ubyte"
            content = bytes(head) + bytes(range(2)) * size
            (tmp_path / f"{name}.gz").write_bytes(gzip.compress(content))
            sums[name] = hashlib.sha256(content).hexdigest()
    monkeypatch.setattr(data, "FASHION_SHA256", sums)
    monkeypatch.setattr(data, "DEBIAN", tmp_path / "none")
    return tmp_path


def test_fashion_mnist_from_a_cache(small_fashion):
    images, labels = data.fashion_mnist(small_fashion, shrink=2)
    assert images.shape == (4, 14, 14, 1)
    assert images == pytest.approx(0.5 / 255)
    assert labels.tolist() == [0, 1, 0, 1]


def test_a_corrupted_cache_file_is_refused(small_fashion):
    path = small_fashion / "t10k-labels-idx1-ubyte.gz"
    path.write_bytes(gzip.compress(bytes(8) + b"\1\1"))
    with pytest.raises(ValueError, match="is damaged: its SHA-256 sum is .* remove it"):
        data.fashion_mnist(small_fashion)
    path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match="is damaged"):
        data.fashion_mnist(small_fashion)


@pytest.mark.parametrize("load", [data.fashion_mnist, data.cifar10])
def test_without_a_connection_the_error_says_what_to_do(load, tmp_path, monkeypatch):
    def offline(*_):
        raise OSError("no connection")

    monkeypatch.setattr(data, "DEBIAN", tmp_path / "none")
    monkeypatch.setattr(data.urllib.request, "urlretrieve", offline)
    with pytest.raises(OSError, match="put the file there by hand"):
        load(tmp_path / "cache")
    assert not list((tmp_path / "cache").glob("*.part"))


def test_cifar_10_from_a_cache(tmp_path, monkeypatch):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
        for label, name in enumerate(names):
            planes = b"".join(bytes([c]) * 1024 for c in (51, 102, 255))
            content = bytes([label]) + planes
            info = tarfile.TarInfo(f"cifar-10-batches-bin/{name}")
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    path = tmp_path / "cifar-10-binary.tar.gz"
    path.write_bytes(buffer.getvalue())
    with pytest.raises(ValueError, match="is damaged"):
        data.cifar10(tmp_path)
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(data, "CIFAR_SHA256", found)
    images, labels = data.cifar10(tmp_path)
    assert images.shape == (6, 32, 32, 3)
    assert images[:, 5, 7] == pytest.approx(np.tile([0.2, 0.4, 1.0], (6, 1)))
    assert labels.tolist() == [0, 1, 2, 3, 4, 5]


# --- bad input


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: al.eigenfunctions(GRAM, 13), ValueError, "`count` is 13, but a Gram"),
        (lambda: al.energy_concentration(GRAM, np.ones(12), 20), ValueError, "`count`"),
        (lambda: al.target_alignment(GRAM, np.zeros(12)), ValueError, "0 everywhere"),
        (lambda: al.binarize(np.zeros(3)), ValueError, "0 everywhere"),
        (lambda: al.target_alignment(GRAM, np.ones(5)), ValueError, r"\(5,\)"),
        (lambda: al.target_alignment(GRAM, np.ones((2, 12))), ValueError, "target.T"),
        (lambda: al.target_alignment(GRAM[:3], np.ones(12)), ValueError, "square"),
        (lambda: al.rkhs_norm(-GRAM, np.ones(12)), ValueError, "positive semidefinite"),
        (lambda: al.kernel_alignment(GRAM, GRAM[:3]), ValueError, "of one shape"),
        (lambda: al.kernel_alignment(GRAM, np.ones((12, 12))), ValueError, "is 0"),
        (lambda: data.two_classes(np.array([0, 10])), ValueError, "from 0 to 9"),
        (lambda: data.two_classes(np.array([0.0, 1.0])), TypeError, "whole numbers"),
        (lambda: data.two_classes(np.array([0, 1])), ValueError, "only one"),
        (lambda: data.fashion_mnist(shrink=3), ValueError, "must divide 28"),
        (
            lambda: data.separable(np.zeros(3), 2, seed=0),
            ValueError,
            "`direction` is 0",
        ),
        (
            lambda: ntkbook.sgd(NET.apply, PARAMS, X, (SIGNS + 1) / 2, **SETTINGS),
            ValueError,
            "`y` must hold -1 and 1",
        ),
        (
            lambda: ntkbook.sgd(
                NET.apply, PARAMS, X, SIGNS, **SETTINGS | {"batch_size": 13}
            ),
            ValueError,
            "only 12 points",
        ),
        (
            lambda: ntkbook.sgd(
                NET.apply, PARAMS, X, SIGNS, record=[6], observe=jnp.ravel, **SETTINGS
            ),
            ValueError,
            "`record` must hold epochs from 0 to 5",
        ),
        (
            lambda: ntkbook.kernel_sgd(jnp.array(GRAM), SIGNS[:, 0], **SETTINGS),
            ValueError,
            r"pass y\[:, None\]",
        ),
        (
            lambda: ntkbook.kernel_sgd(
                jnp.array(GRAM), SIGNS, loss="squared", **SETTINGS | {"step_size": 1e40}
            ),
            ValueError,
            "training diverged",
        ),
        (
            lambda: al.anisotropy_directions(NET.apply, PARAMS, X, 3),
            ValueError,
            "`count` is 3, but there are only 3 directions",
        ),
    ],
)
def test_bad_input_is_named(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_images_of_the_wrong_size_are_named():
    net = ntkbook.lenet()
    params = net.init(KEY, jnp.ones((1, 8, 8, 1)))
    with pytest.raises(ValueError, match=r"images \(12, 12, 1\) need weights"):
        net.apply(params, jnp.ones((1, 12, 12, 1)))
    with pytest.raises(ValueError, match="at least 4 x 4"):
        net.init(KEY, jnp.ones((1, 3, 3, 1)))
    with pytest.raises(ValueError, match="must be images"):
        ntkbook.resnet().apply({}, jnp.ones((2, 3)))
