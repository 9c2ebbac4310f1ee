"""One case each, of kernels of infinite width."""

import math

import jax.numpy as jnp
import numpy as np

from tests.library.bad_input.calls import (
    BAD_DEVIATIONS,
    BAD_X,
    IMAGES,
    NAN_X,
    NOT_FLOAT_ARRAYS,
    NOT_FLOATS,
    NOT_INTS,
    X,
    cntk,
    infinite_nngp,
    infinite_ntk,
    network_kernel,
)

INFINITE = [
    *[(f, {"x1": bad}, "x1")
      for f in (infinite_nngp, infinite_ntk)
      for bad in (*BAD_X, X * 0, X.at[1].set(0), X.astype(jnp.float32), IMAGES)],
    *[(f, {"x2": bad}, "x2")
      for f in (infinite_nngp, infinite_ntk)
      for bad in (*BAD_X[1:], X[:, :1], X * 0, X.astype(jnp.float32), IMAGES)],
    *[(f, {"depth": bad}, "depth")
      for f in (infinite_nngp, infinite_ntk, cntk)
      for bad in (*NOT_INTS, 0, -1, 10**30)],
    *[(f, {"activation": bad}, "activation")
      for f in (infinite_nngp, infinite_ntk, cntk, network_kernel)
      for bad in (None, "swish", "", 3, ["relu"], np.tanh, X, jnp.sum, lambda z: z > 0,
                  lambda z: None, lambda: 1, lambda z: jnp.abs(jnp.sin(z)))],
    *[(f, {name: bad}, name)
      for f in (infinite_nngp, infinite_ntk)
      for name in ("weight_std", "bias_std")
      for bad in BAD_DEVIATIONS],
    *[(f, {"weight_std": bad}, "weight_std")
      for f in (infinite_nngp, infinite_ntk, cntk)
      for bad in (0.0, [1.0, 0.0, 1.0])],
    *[(f, {"first_layer": bad}, "first_layer")
      for f in (infinite_nngp, infinite_ntk)
      for bad in (None, "mup", 1, ["scaled"], X)],
    *[(infinite_ntk, {"frozen": bad}, "frozen") for bad in (*NOT_INTS, -1, 3, 10**30)],
    *[(cntk, {"images1": bad}, "images1")
      for bad in (*NOT_FLOAT_ARRAYS, X, X[0], IMAGES[0], IMAGES[..., 0],
                  IMAGES * jnp.nan, IMAGES[:0], IMAGES[..., :0], IMAGES * 0,
                  IMAGES.at[1].set(0), IMAGES.astype(jnp.float32), IMAGES[None])],
    *[(cntk, {"images2": bad}, "images2")
      for bad in (*NOT_FLOAT_ARRAYS[1:], X, IMAGES[:, :2], IMAGES[:, :, :1],
                  IMAGES[..., :1], IMAGES[..., 0], IMAGES * jnp.inf, IMAGES * 0,
                  IMAGES.astype(jnp.float32))],
    *[(cntk, {"pooling": bad}, "pooling") for bad in (None, "max", 1, ["average"], X)],
    *[(cntk, {"filter_size": bad}, "filter_size") for bad in (*NOT_INTS, 0, -1, 2, 4)],
    *[(cntk, {name: bad}, name)
      for name in ("weight_std", "bias_std")
      for bad in BAD_DEVIATIONS],
    *[(cntk, {name: bad}, name)
      for name in ("frozen_ends", "progress")
      for bad in (None, 1, "yes")],
    *[(network_kernel, {"kind": bad}, "kind") for bad in (None, "cntk", 1, ["ntk"])],
    *[(network_kernel, {"depth": bad}, "depth") for bad in (*NOT_INTS, 0)],
    *[(network_kernel, {name: bad, "gradient": gradient}, name)
      for gradient in (False, True)
      for name in ("weight_std", "bias_std")
      for bad in (*NOT_FLOATS, -1.0, math.nan, math.inf, [1.0, 1.0])],
    (network_kernel, {"weight_std": 0.0}, "weight_std"),
    (network_kernel, {"bias_std": 0.0, "gradient": True}, "bias_std"),
    *[(network_kernel, {"x": bad}, "X")
      for bad in (*NOT_FLOAT_ARRAYS, NAN_X, X[:0], X[0], IMAGES,
                  X.astype(jnp.float32))],
    *[(network_kernel, {"y": bad}, "Y") for bad in (X[:, :1], NAN_X, "abc")],
]  # fmt: skip
