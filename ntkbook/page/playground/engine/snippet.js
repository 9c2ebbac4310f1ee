// A setting as Python: a text that runs it with ntkbook and finds the same numbers.
// tests/site/playground/test_as_python.py runs it.
const PYTHON = (() => {
  const literal = (value) => JSON.stringify(value)
    .replace(/"[^"]*"|true|false|[,:]/g, (part) =>
      ({ true: "True", false: "False", ",": ", ", ":": ": " })[part] ?? part);
  const name = (activation) => (activation === "sin" ? "jnp.sin" : `"${activation}"`);

  function network({ depth, width, activation, weight_std, bias_std, parametrization, zero_output, scale }) {
    const stds = `weight_std=${weight_std}, bias_std=${bias_std}`;
    if (parametrization === "mean_field") return meanField(activation, weight_std, bias_std, zero_output, scale);
    const factor = parametrization === "mup" ? `${scale} / ${width}**0.5` : `${scale}`;
    const more = parametrization === "standard" ? ',\n    parametrization="standard"' : "";
    return `net = ntkbook.mlp(
    ${width}, ${depth}, ${name(activation)}, ${stds},
    zero_output=${zero_output ? "True" : "False"}, scale=${factor}${more},
)
apply = net.apply
layers = setting.weights()  # those that the page draws
start = ${zero_output ? '{"now": layers, "start": layers}' : "layers"}`;
  }

  const FUNCTIONS = { tanh: "jnp.tanh", relu: "jax.nn.relu", erf: "jax.scipy.special.erf", sin: "jnp.sin" };

  const meanField = (activation, weight, bias, zero, scale) => `start = setting.weights()  # those that the page draws


def plain(layers, x):
    for l, layer in enumerate(layers):
        root = layer["weight"].shape[0] ** 0.5
        z = ${weight} / root * (x @ layer["weight"])${bias ? ` + ${bias} * layer["bias"]` : ""}
        z = z / root if l else z  # mean-field: 1 / width after the first layer
        x = ${FUNCTIONS[activation]}(z)
    return z


def apply(layers, x):
    return ${scale} * ${zero ? "(plain(layers, x) - plain(start, x))" : "plain(layers, x)"}`;

  const train = ({ loss, batch, weight_decay }) => batch || weight_decay
    ? `

@partial(jax.jit, static_argnums=0)
def train(model):
    def loss(w, rows):
        f, t = model(w, x[rows]), y[rows]
        return ${loss === "squared" ? "0.5 * jnp.sum((f - t) ** 2)" : "jnp.sum(jnp.logaddexp(0.0, -t * f))"} * len(x) / len(rows)

    def step(w, rows):
        slope = jax.grad(loss)(w, rows)
        w = jax.tree.map(
            lambda p, g, p0: p - step_size * (g + decay * (p - p0)), w, slope, start
        )
        return w, model(w, x)

    return jax.lax.scan(step, start, batches)[1]


network = train(apply)  # the outputs after each step, (steps, n, 1)
linear = train(ntkbook.linearize(apply, start))`
    : `

def train(model):
    return ntkbook.gradient_descent(
        model, start, x, y, step_size=step_size, steps=steps, loss="${loss}",
        record=np.arange(steps + 1),
    ).outputs[1:]


network = train(apply)  # the outputs after each step, (steps, n, 1)
linear = train(ntkbook.linearize(apply, start))`;

  function limit({ depth, activation, weight_std, bias_std, parametrization, scale, width }) {
    const stds = `weight_std=${weight_std}, bias_std=${bias_std}`;
    if (parametrization !== "standard") {
      const down = parametrization === "ntk" ? "" : ` / ${width}`;
      return `limit = ${scale}**2${down} * ntkbook.infinite.ntk(
    x, depth=${depth}, activation=${name(activation)}, ${stds}
)`;
    }
    return `limit = sigma = x @ x.T / x.shape[1]  # in standard units: each layer at its own rate
for l in range(${depth + 1}):
    rate, slope, before = x.shape[1] if l == 0 else ${width}, 0.0, 0.0
    if l:
        q = jnp.diag(sigma)
        sigma, slope, _ = ntkbook.infinite.expectations(
            ${name(activation)}, q[:, None], q[None, :], sigma
        )
        before = limit
    limit = rate * sigma + ${bias_std > 0 ? 1 : 0} + ${weight_std}**2 * slope * before
    sigma = ${weight_std}**2 * sigma + ${bias_std}**2
limit = ${scale}**2 * limit`;
  }

  const infinite = ({ network: net, training: { loss } }) => `
${limit(net)}
a, f, infinite = jnp.zeros_like(y), apply(start, x), []
for rows in batches:  # gradient descent with this kernel, on one number for each point
    slope = ${loss === "squared" ? "f - y" : "-y / (1 + jnp.exp(y * f))"}
    share = jnp.zeros_like(y).at[rows].set(len(x) / len(rows))
    a = a - step_size * (share * slope + decay * a)
    f = apply(start, x) + limit @ a
    infinite.append(f)
`;

  function snippet(partial, steps = 100) {
    const state = STATE.complete(partial), { network: net, training } = state;
    const own = training.batch || training.weight_decay;
    const without = INFINITE.missing(net);
    return `${own ? "from functools import partial\n\n" : ""}import jax
import jax.numpy as jnp
import numpy as np

import ntkbook

ntkbook.double_precision()
setting = ntkbook.page.playground(${literal(STATE.without(state))})
x, y, x_test, y_test = map(jnp.asarray, setting.points())
${network(net)}

steps = ${steps}
batches = setting.batches(steps)  # the points of each step
kernel = ntkbook.ntk(apply, start, x)
largest = float(np.linalg.eigvalsh(kernel)[-1])
step_size = ${training.step} * 2 / largest
decay = ${training.weight_decay} * largest
${train(training)}
${without ? `# ${without}` : infinite(state)}
for name, outputs in [("network", network), ("linear", linear)${without ? "" : ', ("infinite", infinite)'}]:
    print(f"{name}: {outputs[-1].ravel()}")
`;
  }

  return { snippet };
})();
