"""An adapter that makes `neural-tangents` import on today's JAX, without TensorFlow.

Release 0.6.5 (December 2023), the last one, asks JAX for names that have moved since,
and one of its subpackages needs TensorFlow. This module puts the names back before the
import and leaves that subpackage empty. The names come from JAX's private modules, so
they can move again: then :func:`load` says so, and nothing else in this library is
touched, since nothing else uses it.

What works, and is tested: ``stax`` kernels, ``empirical_ntk_fn`` in its
implementations 1 and 2, ``linearize``, ``taylor_expand``, ``predict``, ``batch`` and
``monte_carlo_kernel_fn``. What does not: implementation 3, structured derivatives.
"""

import importlib
import importlib.util
import sys
import types
import warnings

INSTALL = 'pip install --no-deps "neural-tangents==0.6.5" "frozendict>=2.4"'


def load() -> types.ModuleType:
    """Import and return `neural_tangents`.

    Returns:
        The module, as ``import neural_tangents`` would give it.

    Raises:
        ImportError: it is not installed, or JAX moved more names; the message says
            what to install.

    Example:
        >>> from ntkbook import neural_tangents
        >>> init, apply, kernel = neural_tangents.stax.serial(
        ...     neural_tangents.stax.Dense(1)
        ... )
    """
    if "neural_tangents" in sys.modules:
        return sys.modules["neural_tangents"]
    for name in ("neural_tangents", "frozendict"):
        if importlib.util.find_spec(name) is None:
            raise ImportError(
                f"`{name}` is not installed; install both with\n    {INSTALL}\n"
                "(--no-deps keeps TensorFlow out)."
            )
    before = set(sys.modules)
    try:
        _restore_names()
        return importlib.import_module("neural_tangents")
    except (ImportError, AttributeError) as error:
        # Leave nothing half-imported: the next try must fail with this message too.
        for name in set(sys.modules) - before:
            if name.split(".")[0] == "neural_tangents":
                del sys.modules[name]
        import jax

        raise ImportError(
            f"neural-tangents could not be imported on JAX {jax.__version__}: {error}. "
            "The adapter is tested with JAX 0.7.2 to 0.12; install one of these, and\n"
            f"    {INSTALL}"
        ) from error


def _restore_names() -> None:
    """Put back, where they are missing, the names that the library looks for."""
    import jax._src.core
    import jax._src.interpreters.ad
    import jax._src.util
    import jax.core
    import jax.extend.core
    import jax.interpreters.ad

    # The one subpackage that needs TensorFlow; nothing in the rest uses it.
    sys.modules.setdefault(
        "neural_tangents.experimental", types.ModuleType("neural_tangents.experimental")
    )
    _put_back(
        jax.core,
        "Jaxpr JaxprEqn Literal Value Var Primitive AbstractValue ShapedArray "
        "eval_context",
        [jax.extend.core, jax._src.core],
    )
    _put_back(
        jax.interpreters.ad,
        "UndefinedPrimal Zero source_info_util config",
        [jax._src.interpreters.ad],
    )
    if not _has(jax.interpreters.ad, "zeros_like_p"):
        # Only a key of a table of rules for a primitive that no longer exists.
        jax.interpreters.ad.zeros_like_p = jax.extend.core.Primitive("zeros_like")
    try:
        util = importlib.import_module("jax.util")
    except ImportError:
        util = sys.modules["jax.util"] = types.ModuleType("jax.util")
    _put_back(util, "safe_map safe_zip", [jax._src.util])


def _put_back(module, names: str, homes: list) -> None:
    for name in names.split():
        if _has(module, name):
            continue
        home = next((home for home in homes if _has(home, name)), None)
        if home is None:
            raise ImportError(f"JAX has no `{name}` any more")
        setattr(module, name, getattr(home, name))


def _has(module, name: str) -> bool:
    with warnings.catch_warnings():
        # JAX warns about names it is about to move: that is why this file exists.
        warnings.simplefilter("ignore", DeprecationWarning)
        return hasattr(module, name)
