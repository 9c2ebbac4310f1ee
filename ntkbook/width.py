r"""Chapter 3: what changes with the width.

A measurement that is repeated over widths and over random initialisations is a *sweep*.
Its result is a table, and what one wants from the table is nearly always an exponent:
the slope of log value against log width, with an interval.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from html import escape
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ntkbook import Estimate, estimate
from ntkbook._types import AnyArray
from ntkbook.machine.progress import progress_bar
from ntkbook.networks.activations import elementwise
from ntkbook.validation import checks
from ntkbook.validation.host import outside_jit

__all__ = ["Norms", "Sweep", "one_layer_norms", "sweep"]


@dataclass(frozen=True, repr=False, eq=False)
class Sweep:
    """What :func:`sweep` measured; prints as a table of means with 95% intervals.

    Attributes:
        widths: ``(w,)``.
        values: for each name an array ``(w, seeds, ...)``; ``sweep[name]`` is the same.
    """

    widths: np.ndarray
    values: dict[str, np.ndarray]

    def __getitem__(self, name: str) -> np.ndarray:
        checks.one_of("name", name, self.values)
        return self.values[name]

    def mean(self, name: str) -> list[Estimate]:
        """Return the mean over the seeds at each width, with its interval.

        Raises:
            ValueError, TypeError: an unknown name, or one whose values are arrays.
        """
        return [estimate(row) for row in self._scalars(name)]

    def slope(self, name: str, least: int = 1) -> Estimate:
        r"""Return the slope of log value against log width.

        .. math:: \text{value} \approx C\, m^{\text{slope}}

        Starts at different widths are independent, so the j-th of each width make one
        series; every series gives one least-squares slope, and these are averaged. The
        slope is that of the mean logarithm, not of the logarithm of the mean.

        The interval holds what the random initialisations do, and nothing else: where
        the points lie on no line, the slope depends on the widths, and no interval
        shows it. Look at :meth:`local_slopes` first.

        Args:
            name: of a quantity whose values are positive numbers.
            least: the smallest width to use.

        Raises:
            ValueError, TypeError: an unknown name, values that are arrays or not
                positive, or fewer than two widths.
        """
        least = checks.positive_int("least", least)
        used, values = self.widths >= least, self._scalars(name)
        if used.sum() < 2:
            raise ValueError(
                f"a slope needs two widths, but `least`={least} leaves {used.sum()} "
                f"of {self.widths.tolist()}."
            )
        if not (values[used] > 0).all():
            raise ValueError(
                f"`{name}` has values that are not positive, so it has no logarithm."
            )
        log_m = np.log(self.widths[used])
        return estimate(np.polyfit(log_m, np.log(values[used]), 1)[0])

    def local_slopes(self, name: str) -> list[Estimate]:
        r"""Return the slope of log value against log width between neighbouring widths.

        .. math::
            \frac{\log v_{i+1} - \log v_i}{\log m_{i+1} - \log m_i}

        A power law has the same slope between any two widths. Slopes that drift with
        the width are of a sum of powers, or of widths that are too small.

        Args:
            name: of a quantity whose values are positive numbers.

        Returns:
            One estimate for each pair of neighbours, the narrow ones first.

        Raises:
            ValueError, TypeError: as for :meth:`slope`.

        Example:
            >>> import ntkbook, numpy as np
            >>> m = np.array([10, 100, 1000])
            >>> value = (1 / m + 0.1 / m**0.5)[:, None] * [1.0, 1.01]
            >>> found = ntkbook.width.Sweep(m, {"value": value})
            >>> [round(s.value, 2) for s in found.local_slopes("value")]
            [-0.82, -0.68]
        """
        order = np.argsort(self.widths)
        pairs = zip(order, order[1:], strict=False)
        of_pairs = [
            Sweep(self.widths[[i, j]], {name: self._scalars(name)[[i, j]]})
            for i, j in pairs
        ]
        if not of_pairs:
            raise ValueError("a local slope needs two widths, but there is one.")
        return [pair.slope(name) for pair in of_pairs]

    def _scalars(self, name: str) -> np.ndarray:
        if self[name].ndim != 2:
            raise ValueError(
                f"`{name}` is an array of shape {self[name].shape[2:]} for each draw; "
                "make it one number in `measure`."
            )
        return self[name]

    def _rows(self) -> list[list[str]]:
        names = [name for name, array in self.values.items() if array.ndim == 2]
        means = [[repr(mean) for mean in self.mean(name)] for name in names]
        columns = [["width", *map(str, self.widths)]]
        columns += [[n, *column] for n, column in zip(names, means, strict=True)]
        return list(map(list, zip(*columns, strict=True)))

    def __repr__(self) -> str:
        rows = self._rows()
        sizes = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = [
            "  ".join(c.rjust(size) for c, size in zip(row, sizes, strict=True))
            for row in rows
        ]
        seeds = next(iter(self.values.values())).shape[1]
        return "\n".join([*lines, f"means over {seeds} initialisations [95% interval]"])

    def _repr_html_(self) -> str:
        head, *rows = self._rows()
        *_, note = repr(self).splitlines()
        # The interval under its mean: five columns side by side must fit a page.
        body = "".join(
            "<tr>"
            + "".join(f"<td>{escape(c).replace(' [', '<br>[')}</td>" for c in row)
            + "</tr>"
            for row in rows
        )
        head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
        return (
            f'<table class="ntk-table"><caption>{escape(note)}</caption>'
            f"<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
        )


def sweep(
    measure: Callable,
    *,
    widths: Sequence[int],
    n_seeds: int,
    key,
    batch_size: int | None = None,
    progress: bool = True,
) -> Sweep:
    r"""Measure something at several widths, each time from many random initialisations.

    The draws of one width run together, as one compiled and vectorised program on
    whatever device JAX has; each width is compiled anew, since shapes differ.

    Args:
        measure: ``measure(width, key) -> {name: number or array}``, of JAX operations.
        widths: the widths m, each at least 1, without repeats.
        n_seeds: how many draws for each width, at least 2. All are independent, those
            of different widths too.
        key: random key. With ``impl="rbg"`` programs that draw compile faster; which
            numbers are drawn then depends on ``batch_size``.
        batch_size: how many draws to run together; ``None`` means all. A small number
            needs less memory.
        progress: show a progress bar where the sweep takes longer than two seconds.

    Returns:
        A :class:`Sweep`, with float64 values.

    Raises:
        ValueError: bad sizes, names or shapes that change with the width, or a result
            that is not finite, with its name and width.
        TypeError: a ``measure`` that does not return a dictionary of real numbers.

    Example:
        >>> import jax, jax.numpy as jnp, ntkbook
        >>> def length(width, key):        # of a Gaussian vector: about sqrt(width)
        ...     return {"length": jnp.linalg.norm(jax.random.normal(key, (width,)))}
        >>> found = ntkbook.width.sweep(
        ...     length, widths=[100, 1000, 10000], n_seeds=20, key=jax.random.key(0)
        ... )
        >>> found["length"].shape
        (3, 20)
        >>> round(found.slope("length").value, 2)
        0.5
    """
    checks.function("measure", measure, "measure(width, key)")
    if isinstance(widths, (str, dict)) or not np.iterable(widths):
        raise TypeError(f"`widths` must be a list, not {checks.short(widths)}.")
    widths = [checks.positive_int("widths", m) for m in widths]
    if not widths or len(set(widths)) < len(widths):
        raise ValueError(f"`widths` must be distinct and not empty, not {widths}.")
    n_seeds = checks.bounded_int("n_seeds", n_seeds, 2)  # one has no interval
    key = checks.random_key("key", key)
    outside_jit(key=key)
    together = (
        n_seeds if batch_size is None else checks.positive_int("batch_size", batch_size)
    )
    together = min(together, n_seeds)
    checks.boolean("progress", progress)

    # Blocks of one size, so that one program serves; what is too much is cut. Shapes
    # are looked up in the programs that will run, so that each is traced once.
    starts = range(0, n_seeds, together)
    programs = [jax.jit(jax.vmap(partial(measure, m))) for m in widths]
    keys = [
        jax.random.split(jax.random.fold_in(key, i), len(starts) * together)
        for i in range(len(widths))
    ]
    shapes = [_shapes(program, keys[0][:together]) for program in programs]
    for m, found in zip(widths, shapes, strict=True):
        if found != shapes[0]:
            raise ValueError(
                "`measure(width, key)` must return the same names and shapes at every "
                f"width, but at width {m} it returns {found}, at {widths[0]} "
                f"{shapes[0]}."
            )
    found = []
    total = len(widths) * len(starts)
    with progress_bar(progress, total=total, desc="sweep") as bar:
        for m, run, of_width in zip(widths, programs, keys, strict=True):
            blocks = []
            for start in starts:
                block = run(of_width[start : start + together])
                blocks.append({k: np.asarray(v, np.float64) for k, v in block.items()})
                bar.update()
            found.append(
                {k: np.concatenate([b[k] for b in blocks])[:n_seeds] for k in blocks[0]}
            )
            for name, array in found[-1].items():
                if not np.isfinite(array).all():
                    raise ValueError(f"`{name}` is not finite at width {m}.")
    names = found[0]
    return Sweep(np.array(widths), {k: np.stack([f[k] for f in found]) for k in names})


class Norms(NamedTuple):
    r"""First and second derivative of one output at one input, as norms.

    Attributes:
        gradient: :math:`\lVert \partial_w f \rVert`.
        hessian: :math:`\lVert \partial_w^2 f \rVert`, the spectral norm.
    """

    gradient: Float[Array, ""]
    hessian: Float[Array, ""]


def one_layer_norms(
    a: Float[AnyArray, "m"],
    b: Float[AnyArray, "m"],
    x: float | Float[Array, ""],
    activation: str | Callable = "tanh",
) -> Norms:
    r"""Return the norms of the derivatives of a network with one hidden layer.

    .. math::

        f(x, w) &= \sum_i b_i\, \sigma(a_i x), \\
        \lVert \partial_w^2 f \rVert
        &= \max_i \tfrac12 \Bigl(|D_i| + \sqrt{D_i^2 + 4 e_i^2}\Bigr)

    with :math:`D_i = b_i \sigma''(a_i x) x^2` and :math:`e_i = \sigma'(a_i x) x`: no
    two units share an entry of the Hessian, so it falls into m blocks of 2 x 2.

    Args:
        a: input weights, ``(m,)``.
        b: output weights, ``(m,)``.
        x: one input, a number.
        activation: a name that :func:`ntkbook.mlp` knows, or an elementwise function,
            twice differentiable. For ReLU the kink is not seen: :math:`\sigma'' = 0`.

    Returns:
        :class:`Norms`, for use inside ``jax.jit`` and ``jax.vmap`` too.

    Raises:
        ValueError, TypeError: weights that are not two vectors of one length, or
            numbers too large for their dtype.

    Example:
        >>> import jax.numpy as jnp, ntkbook
        >>> norms = ntkbook.width.one_layer_norms(  # f = 2 a b: gradient (6, 2)
        ...     jnp.array([1.0]), jnp.array([3.0]), 2.0, activation="identity"
        ... )
        >>> round(float(norms.gradient) ** 2, 4), float(norms.hessian)
        (40.0, 2.0)

    Source: the network is that of :cite:t:`dwaraknath2019understanding`; the closed
    form is ours.
    """
    a = checks.float_array("a", a, expected="input weights, shape (m,)")
    b = checks.float_array("b", b, expected="output weights, shape (m,)")
    checks.same_dtype("a", a.dtype, "b", b.dtype)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(
            f"`a` and `b` must be vectors of one length, but their shapes are "
            f"{a.shape} and {b.shape}."
        )
    if not checks.is_traced(x):
        x = checks.finite_float("x", x)
    elif jnp.shape(x) != ():
        raise ValueError(
            f"`x` must be one number, but its shape is {jnp.shape(x)}; use jax.vmap."
        )
    activation = elementwise(activation)
    first = jax.grad(activation)
    z = a * x
    e = jax.vmap(first)(z) * x
    d = b * jax.vmap(jax.grad(first))(z) * x**2
    norms = Norms(
        gradient=jnp.sqrt(jnp.sum(activation(z) ** 2) + jnp.sum((b * e) ** 2)),
        hessian=jnp.max(jnp.abs(d) + jnp.sqrt(d**2 + 4 * e**2)) / 2,
    )
    checks.finite_result(
        jnp.stack(norms), f"the norms overflow {a.dtype}: `a`, `b` or `x` is too large."
    )
    return norms


def _shapes(program, keys) -> dict[str, tuple]:
    """Return the shapes of what is measured; refuse what is no dict of numbers."""
    out = checks.shape_of("measure(width, key)", program, keys)
    if not isinstance(out, dict) or not out:
        raise TypeError(
            "`measure(width, key)` must return a dictionary {name: number}, not "
            f"{checks.short(out)}."
        )
    for name, value in out.items():
        kind = getattr(getattr(value, "dtype", None), "kind", "")  # keys have none
        if not isinstance(name, str) or kind not in "biufV" or not kind:
            raise TypeError(
                "`measure(width, key)` must return real numbers under names, but "
                f"under {name!r} it returns {checks.short(value)}."
            )
    return {name: value.shape[1:] for name, value in out.items()}
