"""The figures that compute in the reader's browser, each a function that makes it.

Their mathematics are held against the library in
tests/site/figures/test_front_page_mathematics.py and test_live_figures.py.
"""

from ntkbook.page.browser.figure import BrowserFigure

# Of the playground's engine: a network, its training with all that one follows, and
# what becomes of it at infinite width.
NETWORK = ["matrix.js", "activations.js", "mlp.js"]
TRAINING_STEPS = ["losses.js", "constant_kernel.js", "path.js", "trained_network.js"]
INFINITE = ["mlp.js", "expectations.js", "infinite.js"]

_TRAINING_WORDS = (
    "Blue is the network, dashed orange its linear model, black the two points that it "
    "learns. Where the output is scaled up, the weights hardly move, and network and "
    "linear model agree. Where it is scaled down, the weights, initially the same, "
    "move by more than their own norm, and the two models no longer agree."
)
TRAINING = (
    "One network twice, from the same weights. Top: the function that it computes, and "
    "that of the linear model which the tangent kernel describes. Below: its two "
    "outputs on their way from 0 to the targets, and the kernel Θ as the ellipse "
    "uᵀΘu = const around the targets (u: distance from them; half axes along the "
    "eigenvectors, 1/√λ long). As long as the kernel stays as it was at "
    "initialisation (dashed), the path crosses this ellipse at a right angle; where "
    "the kernel changes (solid), the path bends away."
)
_POSTERIOR_WORDS = (
    "Left, five random functions of an infinitely wide ReLU network with three hidden "
    "layers. Right, the same network after four points: the Bayesian mean with a band "
    "of two standard deviations, and, dash-dotted, what gradient descent on all "
    "weights learns. Both pass through the points."
)
POSTERIOR = (
    "An infinitely wide network on one-dimensional inputs, computed in this page from "
    "the recursions for Σ and Θ. Left, five draws at initialisation. Right, the "
    "Bayesian posterior (line and band of two standard deviations) and the function "
    "that gradient descent learns (dash-dotted). With a small bias ReLU has a kink "
    "near x = 0, and erf a step that sharpens with depth. With a large bias erf "
    "flattens with depth. The two ways of learning agree at the data, and differ "
    "between and beyond."
)


_TANGENT_WORDS = (
    "Left, the outputs of a model with one weight, and its tangent at the initial "
    "weight; the target is the dotted line. Right, the loss and the tangent's "
    "parabola, in units of the tangent's step: at output scale 1 their minima are far "
    "apart."
)
TANGENT = (
    "The model α(f(w) − f(w₀)) and its tangent at w₀, for one data point. As α grows, "
    "both minima approach the initial weight and, faster, each other: through a lens "
    "that zooms with the step (right), the loss turns into the tangent's parabola. How "
    "large α must be is what κ says; an initial weight with a small slope has a large "
    "κ."
)

_CONTRIBUTIONS_WORDS = (
    "Left, a network trained on eight points at output scale 0.32, its linear model, "
    "and a query at 0. Right, what each point contributed to the output there, and "
    "their sum, Σ; in outline, the same for the linear model, whose kernel does not "
    "change. The outputs are close, the contributions are not."
)
CONTRIBUTIONS = (
    "What each training point contributed to the output at the query: filled bars for "
    "the network, from its path kernel; in outline for its linear model, from the "
    "initial kernel. The bars add up to the output, Σ, though many of them are "
    "larger than it: they nearly cancel. Raise the scale α, and the filled bars move "
    "into their outlines: only then do the contributions agree with those of a fixed "
    "kernel."
)

_STEPS_WORDS = (
    "A network with one hidden layer and two data points, trained by 100 steps of "
    "gradient descent, each 3 over the largest eigenvalue of its initial kernel. Left, "
    "the trained function passes through the points. Middle, the loss grows at first "
    "and then falls, while that of the linear model keeps growing. Right, step size "
    "times eigenvalue falls from 3 to below 2."
)
STEPS = (
    "Gradient descent on a network with 50 hidden units, on its linear model (dashed, "
    "the loss only), and the step size times the largest eigenvalue of the network's "
    "kernel. Below 2 the loss falls from the first step on. Above 2 the linear model "
    "diverges; the network's loss grows until its kernel has shrunk, and then falls. "
    "Far above, the network diverges as well. A large output scale keeps the kernel as "
    "it was where training is stable, and makes the peak higher where it is not."
)


def large_steps_in_browser(caption: str = STEPS) -> BrowserFigure:
    """A network trained with any step size: lazy, by a catapult, or not at all.

    Sliders for the step size and for the output scale. The network is
    ``ntkbook.mlp(50, 1, "tanh", weight_std=1.5, bias_std=0.5, zero_output=True)``.

    Args:
        caption: stands under it, as HTML.

    Example:
        >>> import ntkbook
        >>> ntkbook.page.large_steps_in_browser()
        Gradient descent with large steps in the browser; it needs HTML and scripts.
    """
    about = "Gradient descent with large steps in the browser"
    scripts = [*NETWORK, "frame.js", "network.js", "large_steps.js"]
    return BrowserFigure("steps", scripts, about, _STEPS_WORDS, caption)


_LEARNING_WORDS = (
    "Left, a target on the circle, and what gradient flow with the kernel of one "
    "hidden layer without biases has learned of it at time 10; below, the amplitude "
    "of each frequency and its learned part: frequency 3 stays empty. Right, the "
    "function that eight random points teach, and the error against the number of "
    "points: dots measured, line by the formula."
)
LEARNING = (
    "A target on the circle and an infinitely wide ReLU network, computed in this "
    "page. Left, gradient flow on the whole circle: of each frequency k the part 1 − "
    "exp(−λₖt) is learned, with the eigenvalue λₖ of the tangent kernel over its "
    "diagonal. Right, kernel regression on n random points: one draw above, and below "
    "the mean error of five draws (dots) with the mean-field formula (line), in units "
    "of the mean square of the target."
)


def contributions_in_browser(caption: str = CONTRIBUTIONS) -> BrowserFigure:
    """What each training point contributed to a trained network's output at a query.

    Points and query to drag, the output scale as a slider. The network is
    ``ntkbook.mlp(50, 1, "tanh", weight_std=4.0, bias_std=2.0, zero_output=True)``, its
    contributions those of :func:`ntkbook.paths.path_kernel` with ``integral="exact"``.

    Args:
        caption: stands under it, as HTML.

    Example:
        >>> import ntkbook
        >>> ntkbook.page.contributions_in_browser()
        Contributions to a network's output in the browser; it needs HTML and scripts.
    """
    about = "Contributions to a network's output in the browser"
    scripts = [*NETWORK, *TRAINING_STEPS, "frame.js", "books.js"]
    return BrowserFigure("contributions", scripts, about, _CONTRIBUTIONS_WORDS, caption)


def tangent_in_browser(caption: str = TANGENT) -> BrowserFigure:
    """The model with one weight, its tangent, and their losses.

    Start and target to drag, the output scale as a slider; the minima of the loss and
    of the tangent's loss, and the inverse relative scale of :func:`ntkbook.kappa`.

    Args:
        caption: stands under it, as HTML.

    Example:
        >>> import ntkbook
        >>> ntkbook.page.tangent_in_browser()
        A model with one weight in the browser; it needs HTML and scripts.
    """
    about = "A model with one weight in the browser"
    scripts = ["frame.js", "one_weight.js"]
    return BrowserFigure("tangent", scripts, about, _TANGENT_WORDS, caption)


def train_in_browser(caption: str = TRAINING) -> BrowserFigure:
    """A small network that trains where it is shown: lazy and rich, side by side.

    Data points to drag, width and output scale as sliders; the functions, the outputs
    with the kernel's ellipse, and the way that the weights go. The network is
    ``ntkbook.mlp(width, 1, "tanh", weight_std=1.5, bias_std=0.5, zero_output=True)``,
    and the tests hold its numbers against the library's.

    Args:
        caption: stands under it, as HTML.

    Example:
        >>> import ntkbook
        >>> ntkbook.page.train_in_browser()
        A network that trains in the browser; it needs HTML and scripts.
    """
    about = "A network that trains in the browser"
    scripts = [*NETWORK, "network.js"]
    return BrowserFigure("train", scripts, about, _TRAINING_WORDS, caption)


def posterior_in_browser(caption: str = POSTERIOR) -> BrowserFigure:
    """An infinitely wide network, before and after it has seen four points.

    Points to drag, depth, bias and activation; draws from the prior, the Bayesian
    posterior under :func:`ntkbook.infinite.nngp`, and regression with
    :func:`ntkbook.infinite.ntk`, both with ``weight_std=1.3``.

    Args:
        caption: stands under it, as HTML.

    Example:
        >>> import ntkbook
        >>> ntkbook.page.posterior_in_browser()
        An infinitely wide network in the browser; it needs HTML and scripts.
    """
    about = "An infinitely wide network in the browser"
    scripts = [*INFINITE, "frame.js", "kernels.js"]
    return BrowserFigure("posterior", scripts, about, _POSTERIOR_WORDS, caption)


def learning_in_browser(caption: str = LEARNING) -> BrowserFigure:
    """A target on the circle, learned in time and from examples.

    Nine values to drag; time, number of points, depth and bias as sliders. Eigenvalues
    are those of :func:`ntkbook.learning_curves.network_harmonics`, errors those of
    :func:`ntkbook.learning_curves.mean_field_risk`.

    Args:
        caption: stands under it, as HTML.

    Example:
        >>> import ntkbook
        >>> ntkbook.page.learning_in_browser()
        A target on the circle in the browser; it needs HTML and scripts.
    """
    about = "A target on the circle in the browser"
    scripts = [*INFINITE, "frame.js", "kernels.js", "harmonics.js"]
    return BrowserFigure("learning", scripts, about, _LEARNING_WORDS, caption)
