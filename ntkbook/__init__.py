"""Companion library of the book *The Neural Tangent Kernel*: small, fast, tested.

A network is any function ``apply(params, x) -> (n, k)``. The names below are what most
chapters use; each chapter's own module (``ntkbook.taylor``, ...) holds the rest, and
``ntkbook.page`` what belongs to the book and not to its mathematics. All are imported
when they are first used, so that ``import ntkbook`` costs next to nothing.
"""

from ntkbook._lazy import exports

__version__ = "0.1.0"

NAMES = {
    "_estimate": "Estimate estimate",
    "kernels.empirical.on_disk": "ntk_on_disk",
    "kernels.empirical.operator": "ntk_operator",
    "kernels.empirical.tangent": "ntk ntk_diagonal ntk_routes",
    "machine.devices": "device_report",
    "machine.memory": "limit_memory memory_budget",
    "machine.precision": "double_precision",
    "networks.lenet": "lenet",
    "networks.mlp": "Network mlp",
    "networks.resnet": "resnet",
    "taylor": "Kappa kappa linearize taylor_expand",
    "training.descent": "Trajectory gradient_descent",
    "training.gradient_flow": "Flow gradient_flow",
    "training.kernel_flow": "KernelFlow kernel_flow",
    "training.kernel_regression": "Regression kernel_regression",
    "training.sgd": "KernelTraining Training kernel_sgd sgd",
}

# What is public beside them. (neural_tangents is missing, since it needs a package that
# is seldom installed: `from ntkbook import *` and help(ntkbook) must do without it.)
MODULES = """
    alignment critique data flow infinite page paths results taylor width
""".split()

__getattr__, __all__ = exports(__name__, NAMES)
__all__ = sorted([*__all__, *MODULES])


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
