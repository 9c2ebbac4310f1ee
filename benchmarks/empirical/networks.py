"""The networks of the comparison: in JAX, and the same functions in PyTorch.

All libraries get the same weights. PyTorch keeps the axes of weights and of images in
another order, and so do the twins; their last dense layers read the pixels in JAX's.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import flax.linen as nn
import jax
import jax.numpy as jnp
import numpy as np

import ntkbook

FEATURES = 64
DEPTH = 2
GROUPS, EPSILON = 4, 1e-5


class Setting(NamedTuple):
    """A network with its parameters and inputs, and how to make it in PyTorch."""

    title: str
    apply: Callable
    params: Any
    x: jax.Array
    in_torch: Callable  # () -> (module, inputs)


def mlp(points: int, width: int) -> Setting:
    net = ntkbook.mlp(
        width, DEPTH, "relu", parametrization="standard", weight_std=2**0.5
    )
    x = jax.random.normal(jax.random.key(0), (points, FEATURES), np.float32)
    params = net.init(jax.random.key(1), x)
    title = (
        f"{points} points, {FEATURES} features, {DEPTH} hidden layers of {width}, "
        "ReLU, 1 output"
    )
    weights = [layer["weight"] for layer in params]
    return Setting(title, net.apply, params, x, lambda: (_torch_mlp(weights), _t(x)))


class FlaxMLP(nn.Module):
    """The network of `mlp`, as Flax users write it."""

    width: int

    @nn.compact
    def __call__(self, x):
        for _ in range(DEPTH):
            x = nn.relu(nn.Dense(self.width, use_bias=False)(x))
        return nn.Dense(1, use_bias=False)(x)


def in_flax(params) -> tuple:
    """Return the apply and the parameters of the same MLP in Flax."""
    width = params[0]["weight"].shape[1]
    layers = {f"Dense_{i}": {"kernel": p["weight"]} for i, p in enumerate(params)}
    return FlaxMLP(width).apply, {"params": layers}


class LeNet(nn.Module):
    """LeNet-5 for images of 28 x 28 pixels, with ReLU and average pooling."""

    @nn.compact
    def __call__(self, x):
        x = nn.relu(nn.Conv(6, (5, 5), padding=2)(x))
        x = nn.avg_pool(x, (2, 2), (2, 2))
        x = nn.relu(nn.Conv(16, (5, 5), padding=0)(x))
        x = nn.avg_pool(x, (2, 2), (2, 2))
        x = x.reshape(len(x), -1)
        for width in 120, 84:
            x = nn.relu(nn.Dense(width)(x))
        return nn.Dense(10)(x)


class ResNet(nn.Module):
    """A stem, three residual blocks with group norm, an average over the pixels."""

    channels: tuple = (16, 32, 64)

    @nn.compact
    def __call__(self, x):
        def norm(x):
            return nn.GroupNorm(GROUPS, epsilon=EPSILON)(x)

        x = nn.Conv(self.channels[0], (3, 3), padding=1)(x)
        for i, channels in enumerate(self.channels):
            step = 1 if i == 0 else 2
            y = nn.Conv(channels, (3, 3), step, padding=1)(nn.relu(norm(x)))
            y = nn.Conv(channels, (3, 3), padding=1)(nn.relu(norm(y)))
            x = y + (x if step == 1 else nn.Conv(channels, (1, 1), step)(x))
        return nn.Dense(10)(nn.relu(norm(x)).mean((1, 2)))


def lenet(points: int) -> Setting:
    title = f"{points} images of 28 × 28 × 1, 10 outputs"
    return _of_images(LeNet(), (points, 28, 28, 1), title, _torch_lenet)


def resnet(points: int, side: int = 32) -> Setting:
    title = f"{points} images of {side} × {side} × 3, 10 outputs"
    return _of_images(ResNet(), (points, side, side, 3), title, _torch_resnet)


def _of_images(model, shape, title, twin) -> Setting:
    x = jax.random.normal(jax.random.key(0), shape, np.float32)
    params = model.init(jax.random.key(1), x[:1])
    count = sum(a.size for a in jax.tree.leaves(params))
    title += f", {count} parameters"

    def in_torch():
        module = twin()
        _fill(module, params["params"])
        return module, _t(jnp.moveaxis(x, 3, 1))

    return Setting(title, model.apply, params, x, in_torch)


def _t(array):
    import torch

    return torch.tensor(np.asarray(array))


def _fill(module, params):
    """Give a twin Flax's weights: layers of one kind follow in the order of use."""
    import torch

    kinds = {"Conv": torch.nn.Conv2d, "Dense": torch.nn.Linear}
    kinds["GroupNorm"] = torch.nn.GroupNorm
    for name, kind in kinds.items():
        layers = [m for m in module.modules() if isinstance(m, kind)]
        for i, layer in enumerate(layers):
            found = params[f"{name}_{i}"]
            weight = found["scale"] if name == "GroupNorm" else found["kernel"].T
            if name == "Conv":  # rows, columns, in, out -> out, in, rows, columns
                weight = weight.swapaxes(2, 3)
            layer.weight.data, layer.bias.data = _t(weight), _t(found["bias"])


def _torch_mlp(weights):
    import torch

    layers = []
    for w in weights:
        layer = torch.nn.Linear(*w.shape, bias=False)
        layer.weight.data = _t(w.T)
        layers += [layer, torch.nn.ReLU()]
    return torch.nn.Sequential(*layers[:-1])


def _torch_lenet():
    import torch

    class Flatten(torch.nn.Module):
        def forward(self, x):
            return x.permute(0, 2, 3, 1).flatten(1)

    return torch.nn.Sequential(
        torch.nn.Conv2d(1, 6, 5, padding=2),
        torch.nn.ReLU(),
        torch.nn.AvgPool2d(2),
        torch.nn.Conv2d(6, 16, 5),
        torch.nn.ReLU(),
        torch.nn.AvgPool2d(2),
        Flatten(),
        torch.nn.Linear(400, 120),
        torch.nn.ReLU(),
        torch.nn.Linear(120, 84),
        torch.nn.ReLU(),
        torch.nn.Linear(84, 10),
    )


def _torch_resnet():
    import torch

    class Twin(torch.nn.Module):
        def __init__(self, channels=ResNet.channels):
            super().__init__()
            self.stem = torch.nn.Conv2d(3, channels[0], 3, padding=1)
            self.blocks, before = torch.nn.ModuleList(), channels[0]
            for c in channels:
                step = 1 if c == before else 2
                parts = [
                    torch.nn.GroupNorm(GROUPS, before, EPSILON),
                    torch.nn.Conv2d(before, c, 3, step, padding=1),
                    torch.nn.GroupNorm(GROUPS, c, EPSILON),
                    torch.nn.Conv2d(c, c, 3, padding=1),
                ]
                if step == 2:
                    parts.append(torch.nn.Conv2d(before, c, 1, step))
                self.blocks.append(torch.nn.ModuleList(parts))
                before = c
            self.norm = torch.nn.GroupNorm(GROUPS, before, EPSILON)
            self.dense = torch.nn.Linear(before, 10)

        def forward(self, x):
            x = self.stem(x)
            for norm1, conv1, norm2, conv2, *short in self.blocks:
                y = conv2(torch.relu(norm2(conv1(torch.relu(norm1(x))))))
                x = y + (short[0](x) if short else x)
            return self.dense(torch.relu(self.norm(x)).mean((2, 3)))

    return Twin()
