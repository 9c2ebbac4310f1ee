"""neural-tangents on today's JAX, without TensorFlow.

Release 0.6.5 (December 2023), the last one, uses what JAX and SciPy have taken away
since, and one of its subpackages needs TensorFlow. ``import ntkbook.neural_tangents``
gives it all the same:

- names that it imports from JAX are put back for as long as the import takes;
- functions that changed are replaced in the library's own modules, so that nobody else
  who uses JAX or SciPy sees a difference;
- the subpackage ``neural_tangents.experimental`` stays empty.

Afterwards ``import neural_tangents`` works as well. Some of the names that are put back
come from JAX's private modules, so they can move again: then the import says so. No
other part of this library needs this one.
"""

import contextlib
import importlib
import importlib.util
import math
import sys
import types
import warnings
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import scipy.linalg
from jax import core
from jax.extend import core as extended_core
from jax.interpreters import ad

INSTALL = 'pip install --no-deps "neural-tangents==0.6.5" "frozendict>=2.4"'


def _load() -> None:
    """Import `neural_tangents` and mend it, or say what to install."""
    for name in ("neural_tangents", "frozendict"):
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            raise ImportError(
                f"`{name}` is not installed; install both with\n    {INSTALL}\n"
                "(--no-deps keeps TensorFlow out)."
            )
    before = set(sys.modules)
    # The one subpackage that needs TensorFlow; nothing in the rest uses it.
    experimental = types.ModuleType("neural_tangents.experimental")
    sys.modules.setdefault("neural_tangents.experimental", experimental)
    try:
        with _names_put_back():
            library = importlib.import_module("neural_tangents")
        _mend(library)
    except (ImportError, AttributeError) as error:
        # Leave nothing half-imported: the next try must fail with this message too.
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "neural_tangents":
                del sys.modules[name]
        raise ImportError(
            f"neural-tangents could not be imported on JAX {jax.__version__}: {error}. "
            "The adapter is tested with JAX 0.7.2 to 0.12; install one of these, and\n"
            f"    {INSTALL}"
        ) from error


@contextlib.contextmanager
def _names_put_back():
    """Give JAX's modules the names that the library imports, while it does so."""
    import jax._src.core
    import jax._src.util

    added = []

    def put_back(module, names, *homes):
        for name in names.split():
            if not _has(module, name):
                home = next((home for home in homes if _has(home, name)), None)
                if home is None:
                    raise ImportError(f"JAX has no `{name}` any more")
                setattr(module, name, getattr(home, name))
                added.append((module, name))

    try:
        names = "Jaxpr JaxprEqn Literal Value Var Primitive AbstractValue ShapedArray"
        put_back(core, names, extended_core, jax._src.core)
        # Only a key of a table of rules, for a primitive that no longer exists.
        gone = types.SimpleNamespace(zeros_like_p=extended_core.Primitive("zeros"))
        put_back(ad, "UndefinedPrimal Zero zeros_like_p", gone)
        try:
            util = importlib.import_module("jax.util")
        except ImportError:
            util = sys.modules["jax.util"] = types.ModuleType("jax.util")
        put_back(util, "safe_map safe_zip", jax._src.util)
        yield
    finally:
        for module, name in added:
            delattr(module, name)
        if not hasattr(sys.modules.get("jax.util"), "__file__"):
            sys.modules.pop("jax.util", None)


def _has(module, name: str) -> bool:
    with warnings.catch_warnings():
        # JAX warns about names it is about to move: that is why this file exists.
        warnings.simplefilter("ignore", DeprecationWarning)
        return hasattr(module, name)


class _With(types.ModuleType):
    """A module with some attributes of its own; the others are those of ``module``."""

    def __init__(self, module, **own):
        super().__init__(module.__name__)
        self._module = module
        vars(self).update(own)

    def __getattr__(self, name):
        return getattr(self._module, name)


def _mend(library) -> None:
    """Replace in the library's own modules what changed since its release."""
    empirical, predict = library._src.empirical, library._src.predict
    # Implementation 3 of `empirical_ntk_fn`, structured derivatives.
    empirical.ad = _With(
        empirical.ad,
        linearize=_linearize,
        # It checks shapes under a debugging option, by names that are gone.
        config=types.SimpleNamespace(jax_enable_checks=False),
        source_info_util=types.SimpleNamespace(
            transform_name_stack=lambda _: contextlib.nullcontext()
        ),
    )
    empirical.lu = _With(empirical.lu, wrap_init=partial(_wrap, empirical.lu))
    # JAX is about to refuse shapes and arrays here.
    empirical.jnp = _With(
        jnp, size=lambda a: math.prod(a.shape), dtype=lambda a: a.dtype
    )
    # No JAX has arrays of dynamic shape any more.
    empirical.core = _With(empirical.core, DShapedArray=None)
    empirical._eqn_vjp_fn = _transpose_equation
    # With implementation 0 it takes whichever of the others needs fewest operations.
    empirical._get_flops = _operations
    # In place of an interpreter that JAX has replaced: constants are computed at once,
    # also inside `jit`, and what depends on traced values is traced.
    at_once = _With(core, eval_context=jax.ensure_compile_time_eval)
    predict.jax = library._src.stax.linear.jax = _With(jax, core=at_once)
    # `max_learning_rate` asks SciPy for the largest eigenvalue by its old keyword.
    linalg = _With(scipy.linalg, eigvalsh=_eigvalsh)
    predict.sp = _With(scipy, linalg=linalg)


def _eigvalsh(a, eigvals=None):
    return scipy.linalg.eigvalsh(a, subset_by_index=eigvals)


def _wrap(linear_util, function):
    about = jax.api_util.debug_info("neural_tangents", function, (), {})
    return linear_util.wrap_init(function, debug_info=about)


def _linearize(function, *primals, has_aux):
    """Return what ``jax.interpreters.ad.linearize`` did: the derivative as a jaxpr."""
    out, derivative = jax.linearize(function.call_wrapped, *primals)
    jaxpr = jax.make_jaxpr(derivative)(*primals)
    unknown = types.SimpleNamespace(is_known=lambda: False)
    return out, [unknown] * len(out), jaxpr.jaxpr, jaxpr.consts


def _transpose_equation(equation, cotangent, *values):
    """Return the cotangents of an equation's linear inputs, ``None`` for the others."""
    if equation is None:  # the identity
        return (cotangent,)
    linear = [i for i, value in enumerate(values) if ad.is_undefined_primal(value)]
    if type(cotangent) is ad.Zero:
        return [ad.Zero(v.aval) if i in linear else None for i, v in enumerate(values)]
    # Some values are known by their shape only: then they do not matter.
    known = [
        jnp.zeros(v.shape, v.dtype) if isinstance(v, core.ShapedArray) else v
        for v in values
    ]

    def function(*inputs):
        given = dict(zip(linear, inputs, strict=True))
        every = [given.get(i, value) for i, value in enumerate(known)]
        return equation.primitive.bind(*every, **equation.params)

    shapes = [jax.ShapeDtypeStruct(values[i].aval.shape, values[i].aval.dtype)
              for i in linear]  # fmt: skip
    found = jax.linear_transpose(function, *shapes)
    if equation.primitive.multiple_results:
        cotangent = [cotangent]
    cotangents = dict(zip(linear, found(cotangent), strict=True))
    return [cotangents.get(i) for i in range(len(values))]


def _operations(function, optimize, *args, **kwargs):
    """Return how many floating-point operations a function takes, by XLA's count."""
    program = jax.jit(function).lower(*args, **kwargs)
    cost: Any = (program.compile() if optimize else program).cost_analysis()
    return cost["flops"]


_load()

from neural_tangents import Kernel as Kernel  # noqa: E402
from neural_tangents import NtkImplementation as NtkImplementation  # noqa: E402
from neural_tangents import batch as batch  # noqa: E402
from neural_tangents import empirical_kernel_fn as empirical_kernel_fn  # noqa: E402
from neural_tangents import empirical_nngp_fn as empirical_nngp_fn  # noqa: E402
from neural_tangents import empirical_ntk_fn as empirical_ntk_fn  # noqa: E402
from neural_tangents import empirical_ntk_vp_fn as empirical_ntk_vp_fn  # noqa: E402
from neural_tangents import linearize as linearize  # noqa: E402
from neural_tangents import monte_carlo_kernel_fn as monte_carlo_kernel_fn  # noqa: E402
from neural_tangents import predict as predict  # noqa: E402
from neural_tangents import stax as stax  # noqa: E402
from neural_tangents import taylor_expand as taylor_expand  # noqa: E402
