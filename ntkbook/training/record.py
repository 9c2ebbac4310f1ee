"""Which steps, or epochs, of a training run are recorded."""

import numpy as np

from ntkbook.machine import checks


def recorded_steps(record, steps) -> np.ndarray:
    """Return the recorded steps: sorted, without repeats, from 0 to the end."""
    if checks.is_traced(record):
        raise TypeError("`record` is traced by JAX, but the steps must be known.")
    try:
        one_number = np.ndim(record) == 0
    except ValueError:  # lists of several lengths
        raise TypeError("`record` must be a number or a list of steps.") from None
    if one_number:
        count = checks.positive_int("record", record)
        wanted = np.linspace(0, steps, min(count, steps) + 1).round().astype(int)
    else:
        wanted = np.asarray(record)
        if wanted.ndim != 1:
            raise ValueError(
                f"`record` must be a number or a list of steps, but its shape is "
                f"{wanted.shape}."
            )
        if wanted.size and not np.issubdtype(wanted.dtype, np.integer):
            raise TypeError(
                f"`record` must hold whole steps, but its dtype is {wanted.dtype}."
            )
        if wanted.size and (wanted.min() < 0 or wanted.max() > steps):
            raise ValueError(
                f"`record` must hold steps from 0 to {steps}, but it reaches from "
                f"{wanted.min()} to {wanted.max()}."
            )
    return np.unique(np.concatenate([[0], wanted, [steps]]).astype(int))


def recorded_epochs(record, epochs) -> np.ndarray:
    """Return the recorded epochs: sorted, without repeats, up to the last."""
    found = np.unique([checks.bounded_int("record", e, 0) for e in record]).astype(int)
    if found.size and found[-1] > epochs:
        raise ValueError(
            f"`record` must hold epochs up to {epochs}, but it reaches {found[-1]}."
        )
    return found
