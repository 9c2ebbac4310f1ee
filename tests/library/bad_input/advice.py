"""To take the advice of error messages literally: what they say to type works.

Each case is a call that is refused, the part of the message that is to be typed, and
where it goes. Then the same call is made again.
"""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import ntkbook
from tests.helpers.networks import agree, dense

NET = ntkbook.mlp(4, 1, outputs=3)
X = jnp.asarray(np.random.default_rng(0).standard_normal((5, 2)))
PARAMS = NET.init(jax.random.key(0), X)
ONE = {"a": jnp.ones((2, 4)) / 3, "b": jnp.ones((4, 1)) / 7}


def one_output(p, x):
    return jnp.tanh(x @ p["a"]) @ p["b"]


NTK = "ntkbook.ntk(apply, params, x1)"


def again(text, apply):
    """Make the function that a message advises, around the one there was."""
    return eval(text, {"jax": jax, "jnp": jnp, "apply": apply})


# Cases whose advised text replaces an argument of the call itself.
DIRECT = {
    r"such as (depth=\d)": ("1.5", "{0}"),
    r"example (depth=\d)": ("-1", "{0}"),
    r"with (jax\.random\.key\(0\))": ("init(0", "init({0}"),
    r"example (kinks.*\))\.$": ("(1.0, 1.0), (0.0, 1.0, 0.0)", "{0}"),
}  # fmt: skip


def follow(before, call, pattern, then, names):
    """Run what stands before the call, the call, what it advises, and it once more.

    Cases may change the precision; afterwards it is double again.
    """
    try:
        _follow(before, call, pattern, then, names)
    finally:
        ntkbook.double_precision()


def _follow(before, call, pattern, then, names):
    known = globals() | names | {"net": NET, "apply": NET.apply, "x": X, "x1": X}
    known |= {"params": jax.tree.map(jnp.copy, PARAMS), "key": jax.random.key(0)}
    known |= {"y": jnp.tile(X[:, :1], 3)}
    exec(before, known)
    with pytest.raises((TypeError, ValueError, OSError)) as raised:
        eval(call, known)
    typed = re.search(pattern, str(raised.value), re.S)
    assert typed, str(raised.value)
    if then is None:
        old, new = DIRECT[pattern]
        assert old in call
        call = call.replace(old, new.format(*typed.groups()))
    else:
        exec(then.format(*typed.groups()), known)
    found = eval(call, known)
    found = found(X) if callable(found) else found
    numbers = [np.asarray(a, float) for a in jax.tree.leaves(found)]
    assert numbers and all(np.isfinite(a).all() for a in numbers)
    if call == NTK and str(getattr(known["x1"], "dtype", "")) == "float64":
        x1 = jnp.asarray(known["x1"])
        agree(found, dense(known["apply"], known["params"], x1, x1), 1e-10)
