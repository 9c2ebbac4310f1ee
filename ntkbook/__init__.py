"""Companion library of the book *The Neural Tangent Kernel*: small, fast, tested.

A network is any function ``apply(params, x) -> (n, k)``. The names below are what most
chapters use; each chapter's own module (``ntkbook.taylor``, ...) holds the rest, and
``ntkbook.page`` what belongs to the book and not to its mathematics. All are imported
when they are first used, so that ``import ntkbook`` costs next to nothing.
"""

from ntkbook._lazy import exports

__version__ = "0.1.0"

# In the order of the page *The library*, which is made from it.
NAMES = {
    "networks.mlp": "mlp Network",
    "networks.lenet": "lenet",
    "networks.resnet": "resnet",
    "networks.from_libraries": "from_flax from_nnx from_equinox",
    "kernels.empirical.tangent": "ntk ntk_diagonal",
    "kernels.empirical.cost": "ntk_routes ntk_cost Cost",
    "kernels.empirical.contributions": "ntk_contributions",
    "kernels.empirical.operator": "ntk_operator",
    "kernels.empirical.on_disk": "ntk_on_disk",
    "taylor": "linearize taylor_expand kappa Kappa",
    "training.descent": "gradient_descent",
    "training.sgd": "sgd kernel_sgd",
    "training.gradient_flow": "gradient_flow",
    "training.loop": "Trajectory",
    "training.constant_kernel.kernel_flow": "kernel_flow KernelFlow",
    "training.constant_kernel.ensemble": "ensemble_flow Ensemble",
    "training.constant_kernel.kernel_regression": "kernel_regression Regression",
    "results.estimate": "estimate Estimate",
    "machine.devices": "device_report",
    "machine.precision": "double_precision",
    "machine.memory": "memory_budget limit_memory",
}

# What else is public. (neural_tangents is missing, since it needs a package that
# is seldom installed: `from ntkbook import *` and help(ntkbook) must do without it.)
MODULES = """
    alignment critique data feature_learning flow infinite learning_curves page paths
    results taylor
    width
""".split()

__getattr__, __all__ = exports(__name__, NAMES)
__all__ = sorted([*__all__, *MODULES])


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
