"""The playground: a network, its linearisation and its kernel, in the browser."""

import json
from html import escape
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from ntkbook.page.browser.playground import draws, pieces
from ntkbook.page.browser.playground.datasets import generate
from ntkbook.page.browser.playground.state import complete
from ntkbook.validation import checks

TRAIN, TEST, BATCHES, WEIGHTS, BIASES = 0, 1, 2, 10, 11  # streams of random numbers


class Points(NamedTuple):
    """The data of a setting.

    Attributes:
        x: ``(n, d)``, inputs to train on.
        y: ``(n, 1)``, their targets.
        x_test: ``(n_test, d)``, inputs to test with.
        y_test: ``(n_test, 1)``, their targets.
    """

    x: Float[np.ndarray, "n d"]
    y: Float[np.ndarray, "n 1"]
    x_test: Float[np.ndarray, "n_test d"]
    y_test: Float[np.ndarray, "n_test 1"]


class Playground:
    """A setting of the playground; shows the page where a cell ends with it."""

    def __init__(self, state: dict | None = None):
        """Take a state, whole or in part; see :func:`playground`."""
        self.state = complete(state)

    def points(self) -> Points:
        """Return the points that the page draws, or those of the state.

        Example:
            >>> import ntkbook
            >>> ntkbook.page.playground({"data": {"count": 2}}).points().x.round(4)
            array([[-0.6951],
                   [ 1.4024]])
        """
        data = self.state["data"]
        if data["kind"] == "points":
            rows = np.array(data["points"], float)
            test = np.array(data["held_out"], float).reshape(-1, rows.shape[1])
            return Points(rows[:, :-1], rows[:, -1:], test[:, :-1], test[:, -1:])
        of_kind = data["kind"], data["noise"], data["seed"]
        x, y = generate(*of_kind, data["count"], TRAIN)
        return Points(x, y, *generate(*of_kind, data["test"], TEST))

    def weights(self) -> list[dict[str, Float[np.ndarray, "..."]]]:
        """Return the initial parameters, a list of layers as :func:`ntkbook.mlp` has.

        With the state's ``zero_output``, the parameters of that network are
        ``{"now": layers, "start": layers}``.

        Example:
            >>> import ntkbook
            >>> layers = ntkbook.page.playground({"network": {"width": 8}}).weights()
            >>> [layer["weight"].shape for layer in layers]
            [(1, 8), (8, 1)]
        """
        net, layers = self.state["network"], []
        d = self.points().x.shape[1]
        sizes = [d, *[net["width"]] * net["depth"], 1]
        standard = net["parametrization"] == "standard"
        for i, (m_in, m_out) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
            weight = draws.normals(net["seed"], WEIGHTS + 2 * i, m_in * m_out)
            if standard:
                weight = net["weight_std"] / m_in**0.5 * weight
            layers.append({"weight": weight.reshape(m_in, m_out)})
            if net["bias_std"]:
                bias = draws.normals(net["seed"], BIASES + 2 * i, m_out)
                layers[-1]["bias"] = net["bias_std"] * bias if standard else bias
        return layers

    def batches(self, steps: int) -> Int[np.ndarray, "steps b"]:
        """Return which points each step takes: all, or a minibatch.

        Every epoch shuffles the points anew and drops what does not fill a batch.

        Args:
            steps: how many steps, at least 1.

        Raises:
            ValueError, TypeError: a number of steps that makes no sense.

        Example:
            >>> import ntkbook
            >>> state = {"data": {"count": 4}, "training": {"batch": 2}}
            >>> ntkbook.page.playground(state).batches(2).shape
            (2, 2)
        """
        steps = checks.positive_int("steps", steps)
        n, size = len(self.points().y), self.state["training"]["batch"]
        if not 0 < size < n:
            return np.tile(np.arange(n), (steps, 1))
        in_epoch = n // size
        epochs = -(-steps // in_epoch)
        seed = self.state["network"]["seed"]
        orders = draws.orders(seed, BATCHES, n, epochs)
        return orders[:, : in_epoch * size].reshape(-1, size)[:steps]

    def __repr__(self) -> str:
        data, net = self.state["data"], self.state["network"]
        return (
            f"Playground: {data['kind']}, {net['activation']} network of width "
            f"{net['width']}, depth {net['depth']}; needs HTML and scripts."
        )

    def _repr_html_(self) -> str:
        state = escape(json.dumps(self.state, allow_nan=False), quote=True)
        return (
            f'<figure class="ntk-play" data-state="{state}">\n'
            f"<style>{pieces.style()}</style>\n{pieces.still()}\n"
            f"<script>(() => {{\n{pieces.scripts()}}})();</script>\n</figure>"
        )


def playground(state: dict | None = None) -> Playground:
    r"""Train a network, its linearisation and its kernel side by side, in the browser.

    All three descend the same loss with the same steps, from the same function:

    .. math::

        w_{s+1} &= w_s - \eta\, \bigl(\partial_w L(w_s) + \rho\, (w_s - w_0)\bigr), \\
        L(w) &= \textstyle\sum_i \ell(f(x_i, w), y_i), \\
        \eta &= c \cdot 2 / \lambda_{\max}(\Theta_0), \\
        \rho &= r \lambda_{\max}(\Theta_0)

    with the fraction c (``step``) and r (``weight_decay``) of the state. It works
    without a network and without Python: in the built book, in JupyterLab, in Colab.

    Args:
        state: what to begin with, a dictionary with the sections ``data``,
            ``network`` and ``training``; what is missing takes its default. ``None``
            takes all defaults.

    Returns:
        A :class:`Playground`. It has the numbers that the page draws, in ``points()``,
        the initial ``weights()`` and ``batches(steps)``, so that ``ntkbook`` can run
        the same setting; the page writes that program.

    Raises:
        ValueError, TypeError: a state with a field that is not known, or out of range.

    Example:
        >>> import ntkbook
        >>> setting = ntkbook.page.playground({"network": {"width": 8, "depth": 2}})
        >>> setting
        Playground: sine, tanh network of width 8, depth 2; needs HTML and scripts.
        >>> x, y, x_test, y_test = setting.points()
        >>> x.shape, y_test.shape
        ((12, 1), (40, 1))
    """
    return Playground(state)
