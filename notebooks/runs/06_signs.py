"""Chapter 6's signs: which way the linear algebra library turned each axis of a draw.

The study's targets were drawn with the axes of a singular value decomposition, whose
signs are free. `make run RUN=06_signs` finds, for each of the 50 trials and each form
of the generator, the signs that this machine's library chooses, and stores them, one
bit each, if they are those of the stored study. So it ends well only with a library
that chooses as the authors' did; NumPy 2.4.6 has one (OpenBLAS 0.3.31), NumPy 2.5.5
(OpenBLAS 0.3.34) has not.
"""

import base64
import sys
import time

import numpy as np
from sklearn.model_selection import train_test_split
from threadpoolctl import threadpool_info, threadpool_limits

import ntkbook
from ntkbook.critique import kernel, trials
from ntkbook.critique.study import FORMS, rmse
from ntkbook.machine.devices import device_report
from ntkbook.machine.progress import progress_bar
from ntkbook.results import keep, stored

CHECKED = "NTKB1", "K1"  # the kernels whose errors must be those stored
WITHIN = 1e-6  # relative; a wrong sign changes an error by more


def draws():
    """Yield each trial's number, inputs, targets as NumPy draws them, and normals."""
    for published in FORMS.values():
        rng = np.random.RandomState(trials.SEED)
        shape = trials.POINTS, trials.DIMENSION
        for number in range(trials.TRIALS):
            z = rng.uniform(-5, 7, size=shape)
            x = z / np.linalg.norm(z, axis=1, keepdims=True)
            before = rng.get_state()
            normal = rng.standard_normal(trials.POINTS)
            rng.set_state(before)
            k = kernel("NTKB1", x, published=published)
            mean = np.zeros(trials.POINTS)
            y = rng.multivariate_normal(mean, k, check_valid="ignore")
            test = train_test_split(
                np.arange(trials.POINTS), test_size=0.33, random_state=rng
            )
            yield published, number, x, k, y, normal, test


def agreement(x, y, split, kept):
    """Return how far the errors of some kernels are from those stored, at most."""
    train, test = split
    worst = 0.0
    for name in CHECKED:
        k = kernel(name, x, published=True)
        fit = ntkbook.kernel_regression(
            k[np.ix_(train, train)], y[train], k_test=k[np.ix_(test, train)]
        )
        worst = max(worst, abs(rmse(fit.test, y[test]) / kept[name] - 1))
    return worst


def main():
    """Find the signs, check them against the stored errors, and store them."""
    ntkbook.double_precision()
    start = time.perf_counter()
    study = stored("06_equivalence")["results"]["kernels"]
    found = {form: [] for form in FORMS}
    worst, clearest = 0.0, 1.0
    with progress_bar(True, total=2 * trials.TRIALS, desc="draws") as bar:
        for published, number, x, k, y, normal, split in draws():
            form = "published" if published else "corrected"
            apart = agreement(x, y, split, study[number][form]["published"])
            if apart > WITHIN:
                sys.exit(
                    f"Trial {number}, {form}: an error differs by {apart:.1e} from "
                    "the stored one. This machine's library has other signs."
                )
            scales, axes = trials.principal(k)
            ratio = axes @ y / (scales * normal)  # 1 or -1
            clearest = min(clearest, 1 - np.abs(np.abs(ratio) - 1).max())
            worst = max(worst, apart)
            packed = np.packbits(ratio < 0).tobytes()
            found[form].append(base64.b64encode(packed).decode())
            bar.update()
    if clearest < 0.99:
        sys.exit("Some signs are not clear.")
    libraries = [i["version"] for i in threadpool_info() if "numpy" in i["filepath"]]
    provenance = {
        "command": "make run RUN=06_signs",
        "settings": {
            "points": trials.POINTS,
            "dimension": trials.DIMENSION,
            "seed": trials.SEED,
            "numpy": np.__version__,
            "openblas": libraries,
        },
        "largest relative difference from the stored errors": float(f"{worst:.1e}"),
        "minutes": round((time.perf_counter() - start) / 60, 1),
        "machine": device_report(),
    }
    print(keep("06_signs", {"provenance": provenance, "results": found}))


if __name__ == "__main__":
    # With one thread: threads that wait for each other cost more than they bring.
    with threadpool_limits(1):
        main()
