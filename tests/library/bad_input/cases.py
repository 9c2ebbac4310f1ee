"""One case each, with the argument that the message must name."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from tests.library.bad_input.calls import (
    BAD_X,
    BIASED,
    DEEPER,
    INF_Y,
    NAN_X,
    NET,
    NOT_FLOAT_ARRAYS,
    NOT_FLOATS,
    NOT_FUNCTIONS,
    NOT_INTS,
    NOT_KEYS,
    NOT_POSITIVE,
    OTHER,
    PARAMS,
    SINGLE,
    K,
    W,
    X,
    Y,
    apply,
    checkpoint_kernel,
    decay_rates,
    eigenfunctions,
    energy_concentration,
    gradient_descent,
    gradient_flow,
    init,
    kappa,
    kernel_cosine,
    kernel_flow,
    kernel_regression,
    limit_memory,
    linear,
    linearize,
    mlp,
    ntk,
    ntk_contributions,
    ntk_cost,
    ntk_diagonal,
    ntk_on_disk,
    ntk_operator,
    ntk_routes,
    ntk_trace,
    one_layer_norms,
    path_kernel,
    second_derivative,
    sweep,
    target_alignment,
    taylor_expand,
    training_time,
)

CASES = [
    *[(mlp, {name: bad}, name)
      for name in ("width", "depth", "outputs")
      for bad in (*NOT_INTS, -1, 10**30)],
    (mlp, {"width": 0}, "width"),
    (mlp, {"outputs": 0}, "outputs"),
    *[(mlp, {name: bad}, name)
      for name in ("weight_std", "scale")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
    *[(mlp, {"bias_std": bad}, "bias_std")
      for bad in (*NOT_FLOATS, -1.0, math.nan, math.inf)],
    *[(mlp, {"activation": bad}, "activation")
      for bad in (None, "swish", "", 3, ["relu"], np.tanh, X, jnp.sum, lambda z: z > 0,
                  lambda z: z[0], lambda z: None, lambda: 1, lambda z: z.nothing)],
    *[(mlp, {"parametrization": bad}, "parametrization")
      for bad in (None, "mup", 1, ["ntk"], X)],
    *[(mlp, {"zero_output": bad}, "zero_output")
      for bad in (None, "yes", 2, 1.0, ["twin"], X)],
    *[(init, {"key": bad}, "key")
      for bad in (*NOT_KEYS, jax.random.split(jax.random.key(0), 2))],
    *[(f, {"x": bad}, "x")
      for f in (init, apply, linearize, taylor_expand, gradient_descent, kappa,
                second_derivative)
      for bad in BAD_X],
    (apply, {"x": X[:, :1]}, "x"),
    *[(f, {"x1": bad}, "x1")
      for f in (ntk, ntk_contributions, ntk_operator, ntk_on_disk)
      for bad in BAD_X],
    *[(f, {"x2": bad}, "x2")
      for f in (ntk, ntk_operator, ntk_on_disk)
      for bad in (*BAD_X[1:], X[:, :1], X.astype(jnp.float32))],
    *[(f, {"x": bad}, "x") for f in (ntk_diagonal, ntk_routes, ntk_cost)
      for bad in BAD_X],
    *[(ntk_cost, {"points": bad}, "points") for bad in (*NOT_INTS[1:], 0, -1, 10**30)],
    *[(f, {"trace": bad}, "trace")
      for f in (ntk_trace, ntk_on_disk) for bad in (None, 1, "yes", [True])],
    *[(f, {"progress": bad}, "progress")
      for f in (ntk_on_disk, kappa, second_derivative) for bad in (None, 1, "yes")],
    *[(ntk_on_disk, {"path": bad}, "path")
      for bad in (None, 1, X, "", "kernel", "kernel.npz", "no/folder/kernel.npy")],
    *[(f, {"params": bad}, "params")
      for f in (apply, ntk, ntk_diagonal, ntk_operator, ntk_routes, ntk_on_disk,
                linearize, taylor_expand, gradient_descent, kappa, second_derivative)
      for bad in (None, "abc", [], {}, 1.0, object(), [None], W.astype(int),
                  W.astype(complex), W * jnp.nan, np.array([object()]),
                  jax.ShapeDtypeStruct((2, 1), float), SINGLE, lambda: 0,
                  jax.random.key(0), {"a": W, "b": W.astype(jnp.float32)})],
    *[(f, {"params": bad}, "params")
      for f in (apply, kappa, second_derivative)
      for bad in (OTHER, DEEPER, BIASED, PARAMS[:1], PARAMS + PARAMS, W,
                  {"left": PARAMS, "right": PARAMS})],
    *[(f, {"params0": bad}, "params0")
      for f in (linearize, taylor_expand)
      for bad in (None, "abc", [], W * jnp.nan, W.astype(int), SINGLE[0])],
    *[(f, {"params": W[:1]}, "params") for f in (linearize, taylor_expand)],
    *[(f, {"apply": bad}, "apply")
      for f in (ntk, ntk_operator, linearize, taylor_expand, gradient_descent, kappa)
      for bad in NOT_FUNCTIONS],
    *[(f, {"apply": bad, "params": W}, "apply")
      for f in (ntk, ntk_operator, linearize, taylor_expand, gradient_descent, kappa)
      for bad in (lambda w, x: (x @ w)[:, 0],
                  lambda w, x: x @ w[:1],
                  lambda w, x: (x @ w)[:2],
                  lambda w, x: (x @ w).sum(),
                  lambda w, x: (x @ w).astype(int),
                  lambda w, x: (x @ w).astype(complex),
                  lambda w, x: (x @ w, x),
                  lambda w, x: None,
                  lambda w, x: "abc",
                  lambda w: w,
                  lambda w, x: x @ w["weight"],
                  lambda w, x: np.sin(x @ w),
                  lambda w, x: x @ w if x.sum() > 0 else x,
                  lambda w, x: 1 // 0)],
    *[(taylor_expand, {"order": bad}, "order") for bad in (*NOT_INTS, -1)],
    *[(f, {"y": bad}, "y")
      for f in (gradient_descent, kappa)
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:0], Y[:2], Y[:, 0], jnp.ones((3, 2)),
                  Y.astype(jnp.float32))],
    *[(gradient_descent, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE, 1e300)],
    *[(gradient_descent, {"steps": bad}, "steps") for bad in (*NOT_INTS, 0, -3, 2**40)],
    *[(gradient_descent, {"batch_size": bad, "key": jax.random.key(0)}, "batch_size")
      for bad in (*NOT_INTS[1:], 0, -1, 4)],
    *[(gradient_descent, {"batch_size": 2, "key": bad}, "key") for bad in NOT_KEYS],
    *[(gradient_descent, {"loss": bad}, "loss")
      for bad in (None, "hinge", 3, ["squared"], X, lambda f, y: f - y,
                  lambda f, y: None, lambda f, y: 1, lambda f: 0.0,
                  lambda f, y: 1 // 0)],
    (gradient_descent, {"loss": "logistic", "y": 0.0 * Y}, "y"),
    *[(gradient_descent, {"record": bad}, "record")
      for bad in (None, "3", 0, -1, 1.5, True, [0.5], [3], [-1], [[1], [2]],
                  [[1], [1, 2]], ["a"], [None], np.array([True]))],
    *[(gradient_descent, {"observe": bad}, "observe")
      for bad in (3, "loss", X, lambda: 0, lambda p: "a", lambda p: p["a"],
                  lambda p: p / 0 * 0)],
    *[(gradient_descent, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(gradient_flow, {"times": bad}, "times")
      for bad in (None, "long", [["a"]], [], [1.0, 0.5], [0.0, 0.0], [[1.0]], -1.0,
                  math.nan, math.inf, 1j)],
    *[(gradient_flow, {"tolerance": bad}, "tolerance")
      for bad in ("tight", *NOT_POSITIVE)],
    *[(gradient_flow, {"max_steps": bad}, "max_steps") for bad in (*NOT_INTS, 0)],
    *[(gradient_flow, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(gradient_flow, {"loss": bad}, "loss") for bad in (None, "hinge", 3, linear)],
    *[(gradient_flow, {"observe": bad}, "observe")
      for bad in (3, lambda: 1, lambda w: jnp.arange(3))],
    (gradient_flow, {"x": NAN_X}, "x"),
    (gradient_flow, {"y": INF_Y}, "y"),
    (gradient_flow, {"y": Y[:, 0]}, "y"),
    *[(path_kernel, {"x": bad}, "x") for bad in BAD_X],
    *[(path_kernel, {"x_test": bad}, "x_test")
      for bad in (*BAD_X, X[:, :1], X.astype(jnp.float32))],
    *[(path_kernel, {"params": bad}, "params")
      for bad in (None, [], {}, W.astype(int), W * jnp.nan, lambda: 0)],
    *[(path_kernel, {"apply": bad}, "apply")
      for bad in (*NOT_FUNCTIONS, lambda w, x: (x @ w)[:, 0], lambda w, x, key: x @ w,
                  lambda w, x: x @ w - (x @ w).mean(0)[None],
                  lambda w, x: x @ w * jnp.arange(len(x), dtype=float)[:, None],
                  lambda w, x: x @ w * float(np.random.default_rng().random()))],
    *[(path_kernel, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:, 0], Y[:2])],
    *[(path_kernel, {"steps": bad}, "steps") for bad in (*NOT_INTS, 0, -1)],
    *[(path_kernel, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE, 1e200)],
    *[(path_kernel, {"batch_size": bad, "key": jax.random.key(0)}, "batch_size")
      for bad in (*NOT_INTS[1:], 0, 4)],
    *[(path_kernel, {"batch_size": 2, "key": bad}, "key") for bad in NOT_KEYS],
    *[(path_kernel, {"loss": bad}, "loss") for bad in (None, "hinge", 3, linear)],
    *[(path_kernel, {"momentum": bad}, "momentum")
      for bad in (*NOT_FLOATS, -0.1, 1.0, math.nan)],
    *[(path_kernel, {"weight_decay": bad}, "weight_decay")
      for bad in (*NOT_FLOATS, -0.1, math.nan)],
    *[(path_kernel, {"integral": bad}, "integral") for bad in (None, "middle", 1)],
    *[(checkpoint_kernel, {"rule": bad}, "rule") for bad in (None, "middle", 1)],
    *[(ntk, {"per_output": bad}, "per_output") for bad in (None, 1, "all")],
    *[(ntk, {"sharded": bad}, "sharded") for bad in (None, 1, "rows")],
    *[(kernel_flow, {"loss": bad}, "loss")
      for bad in (None, "mean", 1, lambda f: f, X)],
    *[(path_kernel, {"nodes": bad}, "nodes") for bad in (*NOT_INTS, 0)],
    *[(path_kernel, {"kinks": bad}, "kinks") for bad in (*NOT_INTS[1:], -1, 2)],
    *[(path_kernel, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(path_kernel, {"apply": NET.apply, "params": bad}, "params")
      for bad in (OTHER, DEEPER, BIASED)],
    *[(checkpoint_kernel, {"checkpoints": bad}, "checkpoints")
      for bad in (None, W, [W], [W, W[:1]], [W, SINGLE], [W, W * jnp.nan], "ab")],
    *[(checkpoint_kernel, {"times": bad}, "times")
      for bad in (*NOT_FLOAT_ARRAYS, np.array([1.0, 0.5]), np.zeros(3), np.array(1.0))],
    *[(checkpoint_kernel, {"x_test": bad}, "x_test") for bad in BAD_X],
    *[(decay_rates, {"kernel": bad}, "kernel")
      for bad in (*NOT_FLOAT_ARRAYS, NAN_X, X, -K, K[0])],
    *[(training_time, {name: bad}, name)
      for name in ("steps", "points", "outputs", "batch_size")
      for bad in (*NOT_INTS[1:], 0)],
    *[(training_time, {"step_size": bad}, "step_size")
      for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
    *[(training_time, {"momentum": bad}, "momentum")
      for bad in (*NOT_FLOATS, -0.1, 1.0, math.nan)],
    *[(training_time, {"half": bad}, "half") for bad in (None, 1, 0.5)],
    *[(training_time, {"reduction": bad}, "reduction") for bad in (None, "average")],
    (training_time, {"batch_size": 5}, "batch_size"),
    *[(sweep, {"measure": bad}, "measure")
      for bad in (*NOT_FUNCTIONS, lambda width: {}, lambda width, key: 1.0,
                  lambda width, key: {}, lambda width, key: {"v": key},
                  lambda width, key: {"v": 1j * X[0, 0]})],
    *[(sweep, {"widths": bad}, "widths")
      for bad in (None, 8, "8", {}, [], [2, 2], [0], [-1], [2.5], [True], [None])],
    *[(sweep, {"n_seeds": bad}, "n_seeds") for bad in (*NOT_INTS, 0, 1, 10**30)],
    *[(sweep, {"key": bad}, "key")
      for bad in (*NOT_KEYS, jax.random.split(jax.random.key(0), 2))],
    *[(sweep, {"batch_size": bad}, "batch_size") for bad in (*NOT_INTS[1:], 0, -1)],
    *[(sweep, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
    *[(one_layer_norms, {name: bad}, name)
      for name in ("a", "b")
      for bad in (*NOT_FLOAT_ARRAYS, W, W[:1, 0], W[:, 0].astype(jnp.float32),
                  W[:, 0] * jnp.nan)],
    *[(one_layer_norms, {"x": bad}, "x")
      for bad in (*NOT_FLOATS, math.nan, math.inf, X)],
    *[(one_layer_norms, {"activation": bad}, "activation")
      for bad in (None, "swish", "", 3, ["relu"], X)],
    *[(function, {"kernel": bad}, "kernel")
      for function in (eigenfunctions, target_alignment, energy_concentration)
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:2], K[0])],
    *[(function, {"target": bad}, "target")
      for function in (target_alignment, energy_concentration)
      for bad in (*NOT_FLOAT_ARRAYS, K[0] * np.nan, K[0, :2], 0 * K[0], K[:2])],
    *[(function, {"count": bad}, "count")
      for function in (eigenfunctions, energy_concentration)
      for bad in (*NOT_INTS[1:], 0, 4)],
    *[(kernel_cosine, {"kernel2": bad}, "kernel2")
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:2], K[0], 0 * K)],
    (kernel_cosine, {"centered": 1}, "centered"),
    *[(kernel_flow, {"kernel": bad}, "kernel")
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:0], K[:2], K[0], K[None], -K,
                  K + np.triu(K, 1), K[:2, :2][None])],
    *[(kernel_flow, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:0], Y[:2], Y[None], np.ones((2, 3)),
                  np.array(1.0))],
    *[(kernel_flow, {"times": bad}, "times")
      for bad in (None, "1", "abc", [], [None], -1.0, [1.0, -1e-9], math.nan, 1j,
                  object(), True, [[1.0], [1.0, 2.0]])],
    *[(kernel_flow, {"k_test": bad}, "k_test")
      for bad in (*NOT_FLOAT_ARRAYS[1:], K[:, :2], K[0], K * np.inf, K[:0],
                  K.tolist())],
    *[(kernel_flow, {"f0_train": bad}, "f0_train")
      for bad in (*NOT_FLOAT_ARRAYS[1:], INF_Y, Y[:2], Y[:, 0], 0.0)],
    *[(kernel_flow, {"k_test": K[:2], "f0_test": bad}, "f0_test")
      for bad in (*NOT_FLOAT_ARRAYS[1:], INF_Y[:2], Y, Y[:2, 0])],
    (kernel_flow, {"f0_test": Y}, "k_test"),
    *[(kernel_flow, {"ridge": bad}, "ridge")
      for bad in (*NOT_FLOATS, -1e-9, math.nan, math.inf)],
    (kernel_flow, {"kernel": np.ones((3, 3)), "times": math.inf}, "kernel"),
    (kernel_flow, {"kernel": np.zeros((3, 3)), "times": math.inf}, "kernel"),
    *[(kernel_regression, {"kernel": bad}, "kernel")
      for bad in (*NOT_FLOAT_ARRAYS, K * np.nan, K[:0], K[:2], K[0], K[None], -K,
                  K + np.triu(K, 1), np.ones((3, 3)), np.zeros((3, 3)))],
    *[(kernel_regression, {"y": bad}, "y")
      for bad in (*NOT_FLOAT_ARRAYS, INF_Y, Y[:0], Y[:2], Y[None], np.ones((2, 3)),
                  np.array(1.0))],
    *[(kernel_regression, {"k_test": bad}, "k_test")
      for bad in (*NOT_FLOAT_ARRAYS[1:], K[:, :2], K[0], K * np.inf, K[:0],
                  K.tolist())],
    *[(kernel_regression, {"ridge": bad}, "ridge")
      for bad in (*NOT_FLOATS, -1e-9, math.nan, math.inf)],
    (kappa, {"apply": linear, "params": W * 0, "x": X * 0}, "params"),
    *[(limit_memory, {"gib": bad}, "gib") for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
]  # fmt: skip
