"""Companion library of the book *The Neural Tangent Kernel*: small, fast, tested.

A network is any function ``apply(params, x) -> (n, k)``. The names below are what the
chapters use; each chapter's own module (``ntkbook.taylor``, ...) holds the rest. All
are imported when they are first used, so that ``import ntkbook`` costs next to nothing
and whoever computes a kernel does not wait for the libraries that draw figures.
"""

from importlib import import_module

from ntkbook._lazy import submodules

__version__ = "0.1.0"

# All but neural_tangents, which needs a package that is seldom installed: whoever asks
# for everything, as `from ntkbook import *` and help(ntkbook) do, must not need it.
MODULES = "alignment critique flow infinite machine networks page paths taylor width"
NAMES = {
    "machine.devices": "device_report",
    "machine.memory": "limit_memory memory_budget",
    "machine.precision": "double_precision",
    "networks.flow": "Flow gradient_flow",
    "networks.network": "Network mlp",
    "networks.regression": "KernelFlow Regression kernel_flow kernel_regression",
    "networks.tangent": "ntk ntk_diagonal ntk_routes",
    "networks.tangent_on_disk": "ntk_on_disk",
    "networks.tangent_operator": "ntk_operator",
    "networks.training": "Trajectory gradient_descent",
    "page.claims": "claim",
    "page.exercises": "check",
    "page.explore": "explore",
    "page.live": """
        contributions_in_browser posterior_in_browser tangent_in_browser
        train_in_browser
    """,
    "taylor": "Kappa kappa linearize taylor_expand",
}
HOMES = {name: home for home, names in NAMES.items() for name in names.split()}

__all__ = sorted([*MODULES.split(), *HOMES])
_module = submodules(__name__)


def __getattr__(name: str):
    if name not in HOMES:
        return _module(name)
    found = getattr(import_module(f"{__name__}.{HOMES[name]}"), name)
    globals()[name] = found  # from now on it is found without this function
    return found


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
