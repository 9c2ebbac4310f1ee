"""Chapter 7's largest Gram matrix: 10 000 images, a LeNet, and 1000 eigenvectors.

`make run RUN=07_gram` measures how long it takes and how much memory, and stores both.
A smaller number of images may be given: `python notebooks/runs/07_gram.py 2000`.
"""

import resource
import sys
import time

import jax
import jax.numpy as jnp
import numpy as np

import ntkbook
from ntkbook import lenet
from ntkbook.alignment import eigenfunctions
from ntkbook.data import fashion_mnist
from ntkbook.machine.devices import device_report
from ntkbook.results import keep


def main(count=10_000):
    """Compute, report, and store if it was the whole."""
    images = fashion_mnist().images[:count]
    x = jnp.asarray((images - images.mean()) / images.std(), jnp.float32)
    net = lenet("relu")
    params = net.init(jax.random.key(0), x[:1])
    start, used = time.perf_counter(), time.process_time()
    gram = np.asarray(ntkbook.ntk(net.apply, params, x))
    middle = time.perf_counter()
    print(f"Gram matrix: {middle - start:.0f} s", flush=True)
    found = eigenfunctions(gram, count // 10)
    end, used = time.perf_counter(), time.process_time() - used
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    unit = found.functions / count**0.5
    residuals = np.linalg.norm(
        gram.astype(np.float64) / count @ unit - unit * found.values, axis=0
    )
    result = {
        "images": count,
        "eigenvectors": count // 10,
        "weights": sum(leaf.size for leaf in jax.tree.leaves(params)),
        "gram seconds": round(middle - start),
        "eigenvectors seconds": round(end - middle),
        "processor seconds": round(used),
        "peak GiB": round(peak, 1),
        "first and last eigenvalue": [float(found.values[i]) for i in (0, -1)],
        "largest residual": float(residuals.max()),
        "distance from orthonormal": float(
            np.abs(unit.T @ unit - np.eye(unit.shape[1])).max()
        ),
        "provenance": {
            "command": "make run RUN=07_gram",
            "settings": {"images": count, "eigenvectors": count // 10},
            "minutes": round((end - start) / 60, 1),
            "machine": device_report(),
        },
    }
    print(result)
    if count == 10_000:
        print(keep("07_gram", result))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
