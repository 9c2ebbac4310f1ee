"""One trial of the critique at a time: what the command and the long run keep."""

import jax
import numpy as np

from ntkbook.critique.kernels import NAMES, Published, kernel
from ntkbook.critique.networks import EPOCHS, network
from ntkbook.critique.predictions import theory
from ntkbook.critique.trials import SEED, data
from ntkbook.training.constant_kernel.kernel_regression import kernel_regression
from ntkbook.validation import checks

FORMS = {"published": True, "corrected": False}
# Where a network is looked at: after these parts of its training.
PARTS = (3e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.3, 1.0)


def rmse(prediction, y) -> float:
    """Return the root of the mean square error."""
    return float(np.sqrt(np.mean((np.asarray(prediction) - y) ** 2)))


def kernel_trial(
    number: int, *, generators=tuple(FORMS), predictors=tuple(FORMS), **options
) -> dict:
    """Return the test errors of all kernels in one trial of the study.

    Kernel regression without a ridge on all training points.

    Args:
        number: which trial, from 0.
        generators: forms of the generator, of ``"published"`` and ``"corrected"``.
        predictors: forms of the kernels that predict.
        options: as for :func:`ntkbook.critique.data`.

    Returns:
        The root mean square errors, under ``[generator][predictor][kernel's name]``.

    Raises:
        ValueError: so few points that a kernel matrix is singular; options out of
            range.

    Example:
        >>> import ntkbook
        >>> ntkbook.double_precision()
        >>> errors = ntkbook.critique.kernel_trial(0, points=60)
        >>> sorted(errors), len(errors["published"]["corrected"])
        (['corrected', 'published'], 9)
    """
    for name, forms in {"generators": generators, "predictors": predictors}.items():
        if isinstance(forms, str) or not forms:
            raise ValueError(
                f'`{name}` must be a list such as ["published"]: {forms!r}.'
            )
        for form in forms:
            checks.one_of(name, form, FORMS)
    if "published" in options:
        raise TypeError('pass `generators=["published"]` in place of `published`.')
    trials = [data(number, published=FORMS[g], **options) for g in generators]
    x, _, train, test = trials[0]  # but for the targets, all are the same
    y = np.stack([trial.y for trial in trials], axis=1)
    errors = {g: {p: {} for p in predictors} for g in generators}
    for form in predictors:
        published = Published(x)
        for name in NAMES:
            if form == "published" and name != "K1":
                k = published[name]
            else:
                k = kernel(name, x)
            found = kernel_regression(
                k[np.ix_(train, train)], y[train], k_test=k[np.ix_(test, train)]
            )
            assert found.test is not None
            for column, generator in enumerate(generators):
                errors[generator][form][name] = rmse(
                    found.test[:, column], y[test, column]
                )
    return errors


def network_trial(number: int, *, depth: int = 1, published=True, **options) -> dict:
    """Train one network on the points that Keras fits, and compare it with theory.

    Args:
        number: which trial, from 0; also the seed of the network.
        depth: hidden layers.
        published: which form of the generator.
        options: as for :func:`ntkbook.critique.network`.

    Returns:
        Lists over the times looked at, namely ``times``; ``network`` and ``theory``,
        their test errors from the same weights; ``apart``, the root mean square of
        their difference; ``correlation`` of their residuals. And ``expected``, the
        error that theory predicts at the end over all initialisations.

    Example:
        >>> import ntkbook
        >>> ntkbook.double_precision()
        >>> found = ntkbook.critique.network_trial(0, width=500, epochs=10)
        >>> abs(found["network"][-1] / found["theory"][-1] - 1) < 0.05
        True
    """
    trial = data(number, published=published)
    x, y = trial.x[trial.fitted], trial.y[trial.fitted]
    x_test, y_test = trial.x[trial.test], trial.y[trial.test]
    epochs = options.setdefault("epochs", EPOCHS * depth)
    options.setdefault("record", [max(1, round(part * epochs)) for part in PARTS])
    options.setdefault("key", start_key(number))
    run = network(x, y, x_test, depth=depth, **options)
    start = run.outputs[0], run.observed[0]
    same = theory(x, y, x_test, run.times, depth=depth, start=start).mean
    pairs = list(zip(run.observed, same, strict=True))
    return {
        "times": run.times.tolist(),
        "network": [rmse(a, y_test) for a, _ in pairs],
        "theory": [rmse(b, y_test) for _, b in pairs],
        "apart": [rmse(a, b) for a, b in pairs],
        "correlation": [
            float(np.corrcoef(a - y_test, b - y_test)[0, 1]) for a, b in pairs
        ],
        "expected": float(
            theory(x, y, x_test, run.times[-1], depth=depth).rmse(y_test)
        ),
    }


def start_key(number: int):
    """Return the random key of a trial's network."""
    return jax.random.fold_in(jax.random.key(SEED), number)
