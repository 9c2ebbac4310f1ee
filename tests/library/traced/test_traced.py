"""Under jit, vmap and grad a function gives what it gives alone, or says why not."""

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from tests.helpers.draws import examples
from tests.library.bad_input.calls import W, Y
from tests.library.bad_input.test_anything import ARGUMENTS, calls
from tests.library.traced.functions import CASES, FEATURES

H = 3e-4  # of the central differences, whose error is about its square


def numbers(result) -> list:
    """Return the arrays and numbers of a result."""
    leaves = jax.tree.leaves(result)
    return [a for a in leaves if not callable(a) and not isinstance(a, str)]


def is_float(value) -> bool:
    found = [
        getattr(a, "dtype", np.result_type(type(a))) for a in jax.tree.leaves(value)
    ]
    return all(jnp.issubdtype(dtype, jnp.floating) for dtype in found)


def scaled(value, by):
    """Return other numbers of the same kind; whole numbers and keys stay."""
    return jax.tree.map(lambda a: a * by, value) if is_float(value) else value


def agree(found, wanted) -> None:
    assert len(found) == len(wanted)
    for one, two in zip(found, wanted, strict=True):
        np.testing.assert_allclose(one, two, rtol=1e-6, atol=1e-6)


def says_why(error) -> bool:
    """Whether it is our message: JAX's own errors are of kinds below TypeError."""
    return type(error) is TypeError and "traced" in str(error) and "`" in str(error)


def one_number(result):
    """A number that depends on all of a result."""
    floats = [jnp.asarray(a) for a in numbers(result) if is_float(a)]
    return sum((jnp.sum(jnp.cos(a)) for a in floats), jnp.zeros(()))


def check_grad(call, values, traced) -> None:
    """The derivative along the arguments themselves is a difference quotient's."""
    slope = jax.grad(lambda t: one_number(call(**values | t)))(traced)
    pairs = zip(jax.tree.leaves(slope), jax.tree.leaves(traced), strict=True)
    found = sum(float(jnp.vdot(a, b)) for a, b in pairs)
    up, down = (
        one_number(call(**values | {n: scaled(values[n], 1 + h) for n in traced}))
        for h in (H, -H)
    )
    wanted = float(up - down) / (2 * H)
    assert abs(found - wanted) <= 1e-4 * (1 + abs(wanted))


@st.composite
def traced_calls(draw):
    case = CASES[draw(st.sampled_from(list(CASES)))]
    how = draw(st.sampled_from(["inside", "jit", "vmap", "grad"]))
    names = [n for n, v in case.arguments.items() if how != "grad" or is_float(v)]
    if case.traceable and draw(st.integers(0, 3)):  # most of the time what may be
        names = [n for n in names if n in case.traceable.split()]
    some = st.lists(st.sampled_from(names), min_size=1, max_size=2, unique=True)
    traced = draw(some) if names and how != "inside" else []
    sizes = [st.sampled_from([0.5, 0.8, 1.0, 1.3]) for _ in case.arguments]
    values = [
        {
            n: scaled(v, by)
            for (n, v), by in zip(case.arguments.items(), bys, strict=True)
        }
        for bys in (draw(st.tuples(*sizes)), draw(st.tuples(*sizes)))
    ]
    return case, how, traced, values


@examples(14, weekly=2000)
@hypothesis.given(drawn=traced_calls())
def test_traced_it_gives_the_same_or_says_why_not(drawn):
    case, how, traced, (values, others) = drawn
    hypothesis.assume(traced or how == "inside")
    allowed = set(traced) <= set(case.traceable.split())
    allowed &= (case.inside or how != "inside") and (case.backwards or how != "grad")
    arrays = {n: jax.tree.map(jnp.asarray, values[n]) for n in traced}

    def arrays_of(t):
        return [jnp.asarray(a) for a in numbers(case.call(**values | t))]

    try:
        if how == "grad":
            check_grad(case.call, values, arrays)
        elif how == "vmap":
            more = {n: jax.tree.map(jnp.asarray, others[n]) for n in traced}
            both = jax.vmap(arrays_of)(
                jax.tree.map(lambda a, b: jnp.stack([a, b]), arrays, more)
            )
            agree([a[0] for a in both], numbers(case.call(**values)))
            agree([a[1] for a in both], numbers(case.call(**values | more)))
        else:
            agree(jax.jit(arrays_of)(arrays), numbers(case.call(**values)))
    except TypeError as error:
        # An output that does not depend on what is trained may have a derivative.
        assert says_why(error), error
        assert not allowed, error
        return
    assert allowed or how == "grad"


@examples(20, weekly=3000)
@hypothesis.given(call=calls(ARGUMENTS))
def test_anything_traced_gives_the_same_or_an_error_that_teaches(call):
    """Values cannot be checked then, but what comes out is not something else."""
    function, change = call
    arrays = {
        n: v
        for n, v in change.items()
        if isinstance(v, (jax.Array, np.ndarray)) and is_float(v)
    }

    def run(t):
        return [jnp.asarray(a) for a in numbers(function(**change | t))]

    try:
        found = jax.jit(run)(arrays)
    except (TypeError, ValueError) as error:
        assert type(error) in (TypeError, ValueError), error
        assert "`" in str(error) or "not finite" in str(error), error
        return
    try:
        wanted = numbers(function(**change))
    except ValueError:
        return  # for its values
    agree(found, wanted)


@pytest.mark.parametrize("transform", [jax.grad, jax.jit])
def test_a_step_size_that_is_traced_is_not_taken_for_a_number(transform):
    """Python's float would take it under grad: the derivative would be 0."""
    trained = CASES["gradient_descent"]
    end = lambda s: jnp.sum(trained.call(step_size=s).outputs)  # noqa: E731
    with pytest.raises(TypeError, match="`step_size` is traced by JAX"):
        transform(end)(0.1)


def test_training_goes_forwards_under_vmap_and_says_so_backwards():
    end = lambda w: jnp.sum(CASES["gradient_descent"].call(params=w).outputs)  # noqa: E731
    slopes = jax.vmap(jax.jacfwd(end))(jnp.stack([W, 2 * W]))
    step = jnp.zeros_like(W).at[0].set(H)
    wanted = (end(2 * W + step) - end(2 * W - step)) / (2 * H)
    np.testing.assert_allclose(slopes[1, 0, 0], wanted, rtol=1e-6)
    with pytest.raises(TypeError, match="forwards only; take `jax.jvp`"):
        jax.grad(end)(W)


def test_what_shapes_tell_is_refused_under_jit_too():
    descent, cntk = CASES["gradient_descent"].call, CASES["cntk"].call
    sgd = CASES["sgd"]
    with pytest.raises(ValueError, match="k at least 2, for the softmax loss"):
        jax.jit(lambda y: descent(y=y, loss="softmax").outputs)(Y)
    for call in (
        lambda s: cntk(weight_std=s),
        lambda s: sgd.call(**sgd.arguments | dict(step_size=s)).outputs,
        lambda s: CASES["quadratic_network"].call(**FEATURES | dict(alpha=s)).outputs,
    ):
        with pytest.raises(ValueError, match="must be one number"):
            jax.jit(call)(jnp.ones(2))
