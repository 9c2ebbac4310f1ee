"""Numbers that may be differentiated forwards, but not backwards."""

import jax
import jax.numpy as jnp
from jax.extend.core import Primitive
from jax.interpreters import ad, batching, mlir

# A primitive, since a custom derivative would allow one of the two ways for good, or
# no `vmap`. It does nothing, and compiles to nothing.
_mark = Primitive("forward_only")
_mark.def_impl(lambda a: a)
_mark.def_abstract_eval(lambda a: a)
mlir.register_lowering(_mark, mlir.lower_fun(lambda a: a, multiple_results=False))
batching.primitive_batchers[_mark] = lambda args, axes: (_mark.bind(*args), axes[0])


def _refuse(*_):
    raise TypeError(
        "the steps of training are traced by JAX in a loop that it can differentiate "
        "forwards only; take `jax.jvp` or `jax.jacfwd` in place of jax.grad, or write "
        "the loop yourself with jax.lax.scan."
    )


ad.deflinear2(_mark, _refuse)


def forward_only(tree):
    """Return the tree; where JAX goes backwards through it, say what to do instead.

    JAX's own error names a ``while_loop`` that the reader has not written.
    """
    return jax.tree.map(
        lambda a: _mark.bind(a) if jnp.issubdtype(a.dtype, jnp.inexact) else a, tree
    )
