"""The kernels of infinitely wide networks in scikit-learn's own form.

A module of its own, loaded when first asked for: scikit-learn takes longer to import
than all the rest of this library.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.gaussian_process.kernels import Hyperparameter, Kernel

from ntkbook.kernels.infinite.inputs import vectors
from ntkbook.kernels.infinite.recursion import nngp, ntk
from ntkbook.validation import batch, checks
from ntkbook.validation.host import outside_jit

KINDS = {"nngp": nngp, "ntk": ntk}


class NetworkKernel(Kernel):
    r"""The kernel of an infinitely wide network, as scikit-learn wants a kernel.

    For ``GaussianProcessRegressor``, where maximum likelihood then chooses
    :math:`\sigma_w` and :math:`\sigma_b`; and, since it can be called with two sets of
    inputs, for ``SVC(kernel=...)`` and ``KernelRidge(kernel=...)``.

    Args:
        kind: ``"nngp"`` or ``"ntk"``.
        depth: number of hidden layers, at least 1.
        activation: as for :func:`ntkbook.infinite.ntk`.
        weight_std: :math:`\sigma_w > 0`, one number for all layers.
        bias_std: :math:`\sigma_b > 0`, likewise.
        weight_std_bounds: where to look for :math:`\sigma_w`, or ``"fixed"``.
        bias_std_bounds: where to look for :math:`\sigma_b`, or ``"fixed"``.

    Example:
        >>> import numpy as np, ntkbook
        >>> from sklearn.gaussian_process import GaussianProcessRegressor
        >>> ntkbook.double_precision()
        >>> x = np.linspace(-1, 1, 8)[:, None]
        >>> kernel = ntkbook.infinite.NetworkKernel("nngp", depth=2, activation="erf")
        >>> found = GaussianProcessRegressor(kernel).fit(x, np.sin(3 * x[:, 0]))
        >>> bool(found.score(x, np.sin(3 * x[:, 0])) > 0.99)
        True
    """

    def __init__(
        self,
        kind: str = "ntk",
        depth: int = 1,
        activation: str | Callable = "relu",
        weight_std: float = 2**0.5,
        bias_std: float = 0.1,
        weight_std_bounds=(1e-2, 1e2),
        bias_std_bounds=(1e-3, 1e2),
    ):
        # scikit-learn's rule: keep every argument as it came, check where it is used.
        self.kind = kind
        self.depth = depth
        self.activation = activation
        self.weight_std = weight_std
        self.bias_std = bias_std
        self.weight_std_bounds = weight_std_bounds
        self.bias_std_bounds = bias_std_bounds

    @property
    def hyperparameter_weight_std(self) -> Hyperparameter:
        """What scikit-learn may change about the weights."""
        return Hyperparameter("weight_std", "numeric", self.weight_std_bounds)

    @property
    def hyperparameter_bias_std(self) -> Hyperparameter:
        """What scikit-learn may change about the biases."""
        return Hyperparameter("bias_std", "numeric", self.bias_std_bounds)

    def __call__(self, X, Y=None, eval_gradient: bool = False):
        """Return the kernel ``(n1, n2)``, and on request its gradient.

        The gradient, ``(n, n, number of free hyperparameters)``, is by the logarithms
        of the hyperparameters, in alphabetical order: scikit-learn's convention.
        """
        outside_jit(X=X, Y=Y)
        checks.boolean("eval_gradient", eval_gradient)
        X = vectors("X", X)
        if Y is not None:
            Y = vectors("Y", Y)
            batch.same_kind("X", X, "Y", Y)
        kernel = np.array(self._kernel()(X, Y))  # a copy: scikit-learn writes into it
        if not eval_gradient:
            return kernel
        free = [h.name for h in self.hyperparameters if not h.fixed]
        gradient = np.empty((*kernel.shape, len(free)))
        for name in free:
            if getattr(self, name) == 0:
                raise ValueError(
                    f"`{name}` is 0, which has no logarithm to search along; start "
                    f'above 0, or pass {name}_bounds="fixed".'
                )
        if free:
            logs = np.log([getattr(self, name) for name in free])
            gradient[:] = _gradient(self._kernel, tuple(free), jnp.array(logs), X)
        return kernel, checks.finite_result(
            gradient,
            "the kernel's gradient is not finite: `weight_std`, `bias_std` or the "
            "inputs are too large or too close to 0.",
        )

    def __repr__(self) -> str:
        """Show the settings by name; scikit-learn would show unnamed logarithms."""
        act = self.activation
        act = repr(act) if isinstance(act, str) else getattr(act, "__name__", repr(act))
        return (
            f"NetworkKernel({self.kind!r}, depth={self.depth}, activation={act}, "
            f"weight_std={self.weight_std:.3g}, bias_std={self.bias_std:.3g})"
        )

    def diag(self, X):
        """Return the kernel of each input with itself, ``(n,)``."""
        outside_jit(X=X)
        kernel, X = self._kernel(), vectors("X", X)
        kernel(X[:1])  # checks what it can, which a traced call cannot
        return np.array(jax.vmap(lambda x: kernel(x[None])[0, 0])(X))

    def is_stationary(self) -> bool:
        """Say whether the kernel depends on differences of inputs only: it does not."""
        return False

    def _kernel(self, **changed):
        """Return a function of one or two sets of inputs."""
        checks.one_of("kind", self.kind, KINDS)
        checks.finite_float("weight_std", self.weight_std, above=0)
        checks.finite_float("bias_std", self.bias_std, least=0)
        settings = {"weight_std": self.weight_std, "bias_std": self.bias_std, **changed}
        return partial(
            KINDS[self.kind], depth=self.depth, activation=self.activation, **settings
        )


def _gradient(kernel, names, logs, x):
    """Return the derivatives of ``kernel(**settings)(x)`` by the settings' logs."""

    def of_logs(logs):
        values = jnp.exp(logs)
        return kernel(**{name: values[i] for i, name in enumerate(names)})(x)

    return jax.jacfwd(of_logs)(logs)
