"""One case each, of the critique's study."""

import math

import jax.numpy as jnp
import numpy as np

from tests.library.bad_input.calls import (
    BIASED,
    NOT_FLOAT_ARRAYS,
    NOT_FLOATS,
    NOT_INTS,
    NOT_KEYS,
    NOT_POSITIVE,
    OTHER,
    UNIT,
    X,
    critique_data,
    critique_kernel,
    critique_network,
    critique_theory,
)

CRITIQUE = [
    *[(critique_data, {"number": bad}, "number") for bad in (*NOT_INTS, -1)],
    *[(critique_data, {"points": bad}, "points") for bad in (*NOT_INTS, 0, 9)],
    *[(critique_data, {"dimension": bad}, "dimension") for bad in (*NOT_INTS, 1)],
    *[(critique_data, {"seed": bad}, "seed") for bad in (*NOT_INTS, -1)],
    *[(f, {"published": bad}, "published")
      for f in (critique_data, critique_kernel)
      for bad in (None, 1, "yes")],
    *[(critique_kernel, {"name": bad}, "name")
      for bad in (None, "NTK", "ntkb1", "NTKB3", 1, ["GP1"], X)],
    *[(critique_kernel, {"x1": bad, "published": published}, "x1")
      for published in (False, True)
      for bad in (*NOT_FLOAT_ARRAYS, UNIT * np.nan, UNIT[:0], UNIT[0],
                  UNIT.astype(np.float32), UNIT[None])],
    *[(critique_kernel, {"x2": bad}, "x2")
      for bad in (*NOT_FLOAT_ARRAYS[1:], UNIT[:, :1], UNIT + np.inf,
                  UNIT.astype(np.float32))],
    (critique_kernel, {"x1": 2 * UNIT, "published": True}, "x1"),
    (critique_kernel, {"x2": 2 * UNIT, "published": True}, "x2"),
    *[(critique_theory, {name: bad}, name)
      for name in ("x", "x_test")
      for bad in (*NOT_FLOAT_ARRAYS, UNIT[:, :1], UNIT * np.nan, UNIT[:0], UNIT[0],
                  UNIT.astype(np.float32))],
    *[(critique_theory, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, np.ones(3), np.ones((2, 1)), np.nan * np.ones(2))],
    *[(critique_theory, {"times": bad}, "times")
      for bad in (None, "1", [], -1.0, math.nan, [[1.0], [1.0, 2.0]])],
    *[(critique_theory, {"depth": bad}, "depth") for bad in (*NOT_INTS, 0)],
    *[(critique_theory, {"start": bad}, "start")
      for bad in (None, "gp", 0.0, [np.ones(2)], UNIT[0])],
    *[(critique_theory, {"kernel": bad}, "kernel")
      for bad in (3, "NTKJ1", UNIT, lambda x: x, lambda x, y: x, lambda x: 1 / 0)],
    *[(critique_network, {name: bad}, name)
      for name in ("x", "x_test")
      for bad in (*NOT_FLOAT_ARRAYS, UNIT * np.nan, UNIT[:0], UNIT[0])],
    *[(critique_network, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, np.ones(3), np.ones((2, 1)), np.inf * np.ones(2))],
    *[(critique_network, {name: bad}, name)
      for name in ("depth", "width")
      for bad in (*NOT_INTS, 0)],
    *[(critique_network, {"epochs": bad}, "epochs") for bad in (*NOT_INTS[1:], 0)],
    *[(critique_network, {"batch_size": bad}, "batch_size")
      for bad in (*NOT_INTS[1:], 0, 3)],
    *[(critique_network, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
    *[(critique_network, {"key": bad}, "key") for bad in NOT_KEYS],
    *[(critique_network, {"record": bad}, "record")
      for bad in ([2], [-1], 0, [0.5], ["a"], [None], [[0], [1]])],
    *[(critique_network, {"params": bad}, "params")
      for bad in (3, [], OTHER, BIASED)],
    *[(critique_network, {"after_step": bad}, "after_step")
      for bad in (3, "round", lambda params: None)],
    (critique_network, {"step_size": 1e-50}, "step_size"),
    *[(critique_network, {"apply": bad}, "apply")
      for bad in (3, "relu", lambda x: x, lambda params, x: x[:, 0],
                  lambda params, x: x)],
    *[(critique_network, {"dtype": bad}, "dtype") for bad in (int, "float", jnp.int32)],
    *[(critique_network, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
]  # fmt: skip
