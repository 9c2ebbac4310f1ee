"""The critique's study, trial by trial: `python -m ntkbook.critique --help`."""

import argparse
import os
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from threadpoolctl import threadpool_limits

from ntkbook.critique.kernels import NAMES
from ntkbook.critique.networks import BATCH, EPOCHS, LEARNING_RATE, WIDTH
from ntkbook.critique.study import FORMS, kernel_trial, network_trial
from ntkbook.critique.trials import DIMENSION, POINTS, SEED, TRIALS
from ntkbook.machine.precision import double_precision
from ntkbook.machine.progress import progress_bar
from ntkbook.machine.store import Store
from ntkbook.validation import checks


def main(arguments=None) -> None:
    """Run the trials that are missing, then print the table."""
    options = _parser().parse_args(arguments)
    try:
        count = checks.positive_int("--trials", options.trials)
        double_precision()
        if options.networks:
            name, settings, compute = _networks(options)
        else:
            name, settings, compute = _kernels(options)
        store = Store(options.out, settings)

        def trial(i):
            found = store.trial(f"{name}-{i:03}", lambda: compute(i))
            bar.update()
            return found

        # A trial a core, each with one thread for its linear algebra: threads of that
        # which wait for each other cost more than they bring.
        with (
            progress_bar(not options.quiet, total=count, desc="trials") as bar,
            threadpool_limits(1),
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            found = list(pool.map(trial, range(count)))
    except (ValueError, TypeError, OSError) as error:
        sys.exit(f"ntkbook.critique: {error}")
    except KeyboardInterrupt:
        sys.exit("\nStopped; the same command goes on where it was.")
    print("\n".join((_network_table if options.networks else _kernel_table)(found)))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m ntkbook.critique",
        description="Run the study of Liu et al. (2025), both as published and "
        "corrected. Every finished trial is kept: kill it and run it again to go on.",
    )
    add = parser.add_argument
    add("--trials", type=int, default=TRIALS, help="how many (default %(default)s)")
    add("--out", required=True, help="folder for the trials")
    add(
        "--published", action="store_true", help="the kernels of the paper's table only"
    )
    add(
        "--networks",
        type=int,
        choices=(1, 2),
        help="train networks of this many hidden layers, instead of the kernels",
    )
    add("--width", type=int, default=WIDTH, help="of the networks (%(default)s)")
    add("--epochs", type=int, help=f"of the networks ({EPOCHS} for each layer)")
    add("--generator", choices=FORMS, default="published", help="of their targets")
    add("--points", type=int, default=POINTS, help="for the kernels (%(default)s)")
    add("--quiet", action="store_true", help="no progress bar")
    return parser


def _kernels(options):
    forms = ["published"] if options.published else list(FORMS)
    settings = {
        "seed": SEED,
        "points": checks.positive_int("--points", options.points),
        "dimension": DIMENSION,
        "forms": forms,
    }

    def compute(i):
        return kernel_trial(
            i, generators=forms, predictors=forms, points=options.points
        )

    return "kernels", settings, compute


def _networks(options):
    depth = options.networks
    epochs = EPOCHS * depth if options.epochs is None else options.epochs
    if options.published or options.points != POINTS:
        raise ValueError(
            "--published and --points are for the kernels, not --networks."
        )
    settings = {
        "seed": SEED,
        "depth": depth,
        "width": checks.positive_int("--width", options.width),
        "epochs": checks.positive_int("--epochs", epochs),
        "batch_size": BATCH,
        "learning_rate": LEARNING_RATE,
        "generator": options.generator,
    }

    def compute(i):
        return network_trial(
            i,
            depth=depth,
            width=settings["width"],
            epochs=settings["epochs"],
            published=FORMS[options.generator],
            progress=False,
        )

    return "networks", settings, compute


def _kernel_table(found) -> list[str]:
    cases = [(g, p) for g in found[0] for p in found[0][g]]
    lines = ["mean test RMSE (standard error); generator / predictor"]
    lines += ["".join(["kernel  ", *(f"{g} / {p}".rjust(25) for g, p in cases)])]
    for name in NAMES:
        columns = [_mean([trial[g][p][name] for trial in found]) for g, p in cases]
        lines.append(name.ljust(8) + "".join(c.rjust(25) for c in columns))
    return lines


def _network_table(found) -> list[str]:
    rows = {
        "network": [trial["network"][-1] for trial in found],
        "theory, same initialisation": [trial["theory"][-1] for trial in found],
        "theory, all initialisations": [trial["expected"] for trial in found],
    }
    lines = ["mean test RMSE (standard error)"]
    return lines + [f"{name:28}{_mean(values):>22}" for name, values in rows.items()]


def _mean(values) -> str:
    error = np.std(values) / len(values) ** 0.5  # as the paper has it: ddof = 0
    return f"{np.mean(values):.7f} ({error:.7f})"


if __name__ == "__main__":
    main()
