r"""Where the parameters of a network enter, found in its jaxpr.

JAX can write any function down as a list of elementary equations, its jaxpr. A
parameter enters some of them directly: as one factor of a matrix product or of a
convolution, as a bias that is added, as a scale. Such an equation z = e(w, h)
*consumes* w, with h whatever else goes into it. By the chain rule

.. math:: \frac{\partial f}{\partial w} = \sum_{\text{consumers}} \delta\,
    \frac{\partial e}{\partial w}, \qquad \delta = \frac{\partial f}{\partial z}

and back-propagation gives all deltas at once. What an equation does is not asked here:
each of them, a loop or a branch too, is evaluated and differentiated by JAX itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from jax.extend import core
from jax.tree_util import register_dataclass

EMPTY = jax.make_jaxpr(lambda: ())().jaxpr
# Equations that only call others, and so are looked into (under JAX's several names).
CALLS = {"jit", "pjit", "checkpoint", "remat", "remat2"}
# Equations that keep a parameter's entries and only arrange them anew.
REARRANGE = {"reshape", "transpose", "squeeze", "expand_dims", "rev", "copy"}
REARRANGE |= {"broadcast_in_dim"}  # where it only adds axes of length 1

static = partial(field, metadata={"static": True})


@register_dataclass
@dataclass(frozen=True)
class View:
    """A value that holds a parameter's entries, rearranged, times a scale.

    Attributes:
        leaf: which parameter.
        steps: the equations that made it, and where in them the parameter stands.
        operands: what else went into each of them.
    """

    leaf: int = static()
    steps: tuple = static(default=())
    operands: list = field(default_factory=list)

    def of(self, leaf):
        """Return this value for other values of the parameter."""
        for (equation, at), operands in zip(self.steps, self.operands, strict=True):
            (leaf,) = bind(equation, [*operands[:at], leaf, *operands[at:]])
        return leaf

    def scale(self):
        """Return the factor in front of the parameter's entries."""
        scale = 1.0
        for (equation, _), operands in zip(self.steps, self.operands, strict=True):
            match equation.primitive.name:
                case "neg":
                    scale = -scale
                case "mul":
                    scale = scale * jnp.reshape(operands[0], ())
                case "div":
                    scale = scale / jnp.reshape(operands[0], ())
        return scale


@register_dataclass
@dataclass(frozen=True)
class Consumer:
    """An equation in which parameters enter, at one input.

    Attributes:
        equation: the equation.
        operands: the values that go into it.
        views: for each of them a :class:`View`, or ``None`` if it is no parameter.
    """

    equation: core.JaxprEqn = static()
    operands: list = field(default_factory=list)
    views: list = field(default_factory=list)


def consumers(function: Callable, params, x) -> list[list[tuple[Consumer, list]]]:
    """Return where each leaf of ``params`` enters ``function(params, x) -> (k,)``.

    Each :class:`Consumer` comes with its deltas, the derivatives of the k outputs by
    each of its results, ``(k, ...)``. A parameter without one does not matter.
    """
    leaves, tree = jax.tree.flatten(params)

    def ended(leaves, x):
        # Outputs that are a parameter's entries, scaled, are consumed by this sum.
        return function(tree.unflatten(leaves), x) + 0.0

    closed = jax.make_jaxpr(ended)(leaves, x)

    def run(perturbations):
        interpreter = Interpreter(perturbations)
        (out,) = interpreter(closed, leaves, x)
        return out, (interpreter.consumers, interpreter.results)

    shapes = jax.eval_shape(lambda: run(None)[1][1])
    # A zero added to a result is a handle: its derivative is the delta.
    perturbations = jax.tree.map(lambda z: jnp.zeros(z.shape, z.dtype), shapes)
    out, pull, (found, _) = jax.vjp(run, perturbations, has_aux=True)
    deltas = jax.vmap(lambda e: pull(e)[0])(jnp.eye(len(out), dtype=out.dtype))
    of_leaf = [[] for _ in leaves]
    for consumer, own in zip(found, deltas, strict=True):
        for leaf in {view.leaf for view in consumer.views if view is not None}:
            if own:  # not so where only integers come out
                of_leaf[leaf].append((consumer, own))
    return of_leaf


class Interpreter:
    """Evaluates a jaxpr, notes what consumes a parameter, and perturbs its results.

    Without perturbations (``None``) it only finds out what they return.
    """

    def __init__(self, perturbations):
        self.perturbations = perturbations
        self.consumers, self.results = [], []

    def __call__(self, closed, leaves, x) -> list:
        """Return the outputs."""
        views = [View(i) for i in range(len(leaves))]
        x = jax.tree.leaves(x)
        values, views = [*leaves, *x], [*views, *[None] * len(x)]
        return [z for z, _ in self._jaxpr(closed, values, views)]

    def _jaxpr(self, jaxpr, values, views):
        closed = isinstance(jaxpr, core.ClosedJaxpr)
        consts, jaxpr = (jaxpr.consts, jaxpr.jaxpr) if closed else ([], jaxpr)
        known = {v: (c, None) for v, c in zip(jaxpr.constvars, consts, strict=True)}
        known |= dict(zip(jaxpr.invars, zip(values, views, strict=True), strict=True))

        def read(atom):
            return (atom.val, None) if isinstance(atom, core.Literal) else known[atom]

        for equation in jaxpr.eqns:
            pairs = [read(atom) for atom in equation.invars]
            found = self._equation(equation, *map(list, zip(*pairs, strict=True)))
            known |= dict(zip(equation.outvars, found, strict=True))
        return [read(v) for v in jaxpr.outvars]

    def _equation(self, equation, values=(), views=()):
        name = equation.primitive.name
        if not any(views) or name == "stop_gradient":
            return [(z, None) for z in bind(equation, values)]
        if name in CALLS:
            return self._jaxpr(equation.params["jaxpr"], values, views)
        results = bind(equation, values)
        view = _viewed(equation, values, views)
        if view is not None:
            return [(results[0], view)]
        smooth = [jnp.issubdtype(z.dtype, jnp.inexact) for z in results]
        if self.perturbations is not None:
            perturbations = iter(self.perturbations[len(self.consumers)])
            results = [
                z + next(perturbations) if s else z
                for z, s in zip(results, smooth, strict=True)
            ]
        self.consumers.append(Consumer(equation, values, views))
        self.results.append([z for z, s in zip(results, smooth, strict=True) if s])
        return [(z, None) for z in results]


def bind(equation, values) -> list:
    """Evaluate one equation, as a jaxpr of nothing else."""
    known = {
        atom: value
        for atom, value in zip(equation.invars, values, strict=True)
        if not isinstance(atom, core.Literal)
    }
    alone = EMPTY.replace(
        invars=list(known), outvars=list(equation.outvars), eqns=[equation]
    )
    return core.jaxpr_as_fun(core.ClosedJaxpr(alone, []))(*known.values())


def _viewed(equation, values, views) -> View | None:
    """Return the view that an equation makes of a view, if that is all it does."""
    name, result = equation.primitive.name, equation.outvars[0].aval
    at, *more = [i for i, view in enumerate(views) if view is not None]
    others = [*values[:at], *values[at + 1 :]]
    kept = result.size == np.size(values[at])
    if more or not kept or not _is_real(result) or not _is_real(values[at]):
        return None
    alone = not others and name in REARRANGE | {"convert_element_type", "neg"}
    scaled = len(others) == 1 and np.size(others[0]) == 1
    if alone or (scaled and (name == "mul" or (name == "div" and at == 0))):
        view = views[at]
        return View(view.leaf, (*view.steps, (equation, at)), [*view.operands, others])
    return None


def _is_real(a) -> bool:
    return jnp.issubdtype(a.dtype, jnp.floating)


def jacobian(consumer: Consumer, deltas, index: int, leaf):
    """Return one consumer's part of one leaf's derivative, ``(k, *shape)``."""

    def equation(leaf):
        values = [
            view.of(leaf) if view is not None and view.leaf == index else value
            for view, value in zip(consumer.views, consumer.operands, strict=True)
        ]
        results = bind(consumer.equation, values)
        return [z for z in results if jnp.issubdtype(z.dtype, jnp.inexact)]

    _, pull = jax.vjp(equation, leaf)
    return jax.vmap(lambda d: pull(d)[0])(deltas)
