"""Companion library of the book *The Neural Tangent Kernel*: small, fast, tested.

A network is any function ``apply(params, x) -> (n, k)``. The names below are what the
chapters use; each chapter's own module (``ntkbook.taylor``, ...) holds the rest.
"""

import importlib

from ntkbook import alignment as alignment
from ntkbook import critique as critique
from ntkbook import flow as flow
from ntkbook import infinite as infinite
from ntkbook import paths as paths
from ntkbook import taylor as taylor
from ntkbook import width as width
from ntkbook.machine.devices import device_report as device_report
from ntkbook.machine.memory import limit_memory as limit_memory
from ntkbook.machine.memory import memory_budget as memory_budget
from ntkbook.machine.precision import double_precision as double_precision
from ntkbook.networks.flow import Flow as Flow
from ntkbook.networks.flow import gradient_flow as gradient_flow
from ntkbook.networks.network import Network as Network
from ntkbook.networks.network import mlp as mlp
from ntkbook.networks.regression import KernelFlow as KernelFlow
from ntkbook.networks.regression import Regression as Regression
from ntkbook.networks.regression import kernel_flow as kernel_flow
from ntkbook.networks.regression import kernel_regression as kernel_regression
from ntkbook.networks.tangent import ntk as ntk
from ntkbook.networks.tangent import ntk_diagonal as ntk_diagonal
from ntkbook.networks.tangent import ntk_routes as ntk_routes
from ntkbook.networks.tangent_on_disk import ntk_on_disk as ntk_on_disk
from ntkbook.networks.tangent_operator import ntk_operator as ntk_operator
from ntkbook.networks.training import Trajectory as Trajectory
from ntkbook.networks.training import gradient_descent as gradient_descent
from ntkbook.page.claims import claim as claim
from ntkbook.page.exercises import check as check
from ntkbook.page.explore import explore as explore
from ntkbook.page.live import contributions_in_browser as contributions_in_browser
from ntkbook.page.live import posterior_in_browser as posterior_in_browser
from ntkbook.page.live import tangent_in_browser as tangent_in_browser
from ntkbook.page.live import train_in_browser as train_in_browser
from ntkbook.taylor import Kappa as Kappa
from ntkbook.taylor import kappa as kappa
from ntkbook.taylor import linearize as linearize
from ntkbook.taylor import taylor_expand as taylor_expand

__version__ = "0.1.0"


def __getattr__(name: str):
    # Loaded when first asked for: the rest of the library never needs it.
    if name == "neural_tangents":
        return importlib.import_module("ntkbook.neural_tangents")
    raise AttributeError(f"module 'ntkbook' has no attribute {name!r}")
