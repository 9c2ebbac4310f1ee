"""One case each, with the argument that the message must name."""

import math

import jax
import jax.numpy as jnp
import numpy as np

from tests.library.bad_input.calls import (
    BAD_DEVIATIONS,
    BAD_X,
    BIASED,
    DEEPER,
    IMAGES,
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
    UNIT,
    K,
    W,
    X,
    Y,
    apply,
    checkpoint_kernel,
    cntk,
    critique_data,
    critique_kernel,
    critique_network,
    critique_theory,
    decay_rates,
    eigenfunctions,
    energy_concentration,
    gradient_descent,
    gradient_flow,
    infinite_nngp,
    infinite_ntk,
    init,
    kappa,
    kernel_cosine,
    kernel_flow,
    kernel_regression,
    limit_memory,
    linear,
    linearize,
    mlp,
    network_kernel,
    ntk,
    ntk_contributions,
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
    *[(f, {"x": bad}, "x") for f in (ntk_diagonal, ntk_routes) for bad in BAD_X],
    *[(f, {"trace": bad}, "trace")
      for f in (ntk_trace, ntk_on_disk) for bad in (None, 1, "yes", [True])],
    *[(ntk_on_disk, {"progress": bad}, "progress") for bad in (None, 1, "yes")],
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
    *[(kernel_flow, {"loss": bad}, "loss") for bad in (None, "mean", 1, lambda f: f)],
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
      for bad in (*NOT_FLOAT_ARRAYS[1:], K[:, :2], K[0], K * np.inf, K[:0])],
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
      for bad in (*NOT_FLOAT_ARRAYS[1:], K[:, :2], K[0], K * np.inf, K[:0])],
    *[(kernel_regression, {"ridge": bad}, "ridge")
      for bad in (*NOT_FLOATS, -1e-9, math.nan, math.inf)],
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
                  lambda z: None, lambda: 1, jax.nn.elu)],
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
      for bad in (3, "NTKJ1", UNIT, lambda x: x)],
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
    (kappa, {"apply": linear, "params": W * 0, "x": X * 0}, "params"),
    *[(limit_memory, {"gib": bad}, "gib") for bad in (*NOT_FLOATS, *NOT_POSITIVE)],
]  # fmt: skip
