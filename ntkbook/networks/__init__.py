"""What is studied: networks, their tangent kernel, training, and kernel regression."""

from ntkbook._lazy import submodules

__getattr__ = submodules(__name__)
