"""What the signatures call an array; jaxtyping adds its shape."""

import jax
import numpy as np

AnyArray = jax.Array | np.ndarray
