"""The shapes that public signatures state: there, and checked where one asks for it."""

import inspect
import subprocess
import sys
from importlib import import_module

import pytest

import ntkbook

# A hook checks them at run time: `make test-types` runs the docstrings' examples so.
HOOKED = """
from jaxtyping import install_import_hook, TypeCheckError
install_import_hook("ntkbook", "beartype.beartype")
import jax.numpy as jnp, numpy as np
import ntkbook
from ntkbook import infinite
from ntkbook.kernels.infinite import recursion

def caught(call):
    try:
        call()
    except TypeCheckError as error:
        return str(error)

ntkbook.double_precision()
square, three, x = np.eye(3), np.ones(3), jnp.ones((4, 2))
assert ntkbook.kernel_flow(square, three, 1.0).train.shape == (3,)
assert infinite.nngp(x, depth=1).shape == (4, 4)
assert "kernel" in caught(lambda: ntkbook.kernel_flow(square[:2], three, 1.0))
assert "y" in caught(lambda: ntkbook.kernel_flow(square, np.ones(4), 1.0))
assert "kernel" in caught(lambda: ntkbook.alignment.eigenfunctions(three))
recursion.in_blocks = lambda *a, **b: jnp.ones((4, 4, 1))  # a result of a wrong rank
assert "return value" in caught(lambda: infinite.nngp(x, depth=1))
"""


@pytest.mark.weekly
def test_the_hook_catches_a_wrong_shape_in_a_call_and_in_a_result():
    run = subprocess.run([sys.executable, "-c", HOOKED], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


ARRAYS = set(
    "x x1 x2 x_test images1 images2 y kernel kernel1 kernel2 k_test target function "
    "f0_train f0_test a b covariance".split()
)


def public_functions():
    homes = ["ntkbook", *(f"ntkbook.{name}" for name in ntkbook.MODULES)]
    for home in map(import_module, homes):
        for name in getattr(home, "__all__", ()):
            thing = getattr(home, name)
            if inspect.isfunction(thing) and thing.__module__.startswith("ntkbook."):
                if not thing.__module__.startswith("ntkbook.page"):
                    yield pytest.param(thing, id=f"{home.__name__}.{name}")


@pytest.mark.parametrize("function", list(public_functions()))
def test_public_signatures_state_the_shapes_of_arrays(function):
    for name, parameter in inspect.signature(function).parameters.items():
        if name in ARRAYS and "Callable" not in repr(parameter.annotation):
            assert "jaxtyping" in repr(parameter.annotation), name
