"""Figures with sliders that need no kernel, no network and no widget library.

`explore` draws one picture per position of its sliders, ahead of time, and packs
them into one piece of HTML with a small player. It behaves the same in the built
book, in JupyterLab and in Colab: the sliders are native range inputs, so they work
by keyboard, by touch and with a screen reader. Where scripts are off, or a notebook
is not trusted, the starting picture still stands there.

Why it stays small: pictures of one family share their axes, ticks and labels, so each
distinct line of SVG is stored once, and a picture is a list of line numbers.
"""

import hashlib
import itertools
import json
import math
from collections.abc import Callable, Sequence
from html import escape
from numbers import Real

import numpy as np

from ntkbook.page.figures._svg import Tracer

MAX_FRAMES = 400
MAX_BYTES = 1_500_000


def explore(
    draw: Callable,
    *,
    alt: Callable[..., str],
    caption: str,
    labels: dict[str, str] | None = None,
    start: dict | None = None,
    **sliders,
) -> "Explorable":
    """A figure with one slider per keyword in `sliders`.

    Args:
        draw: `draw(**values)` returns a Matplotlib figure; `explore` closes it. One
            layout, found from nine of the pictures, serves for all. Write symbols in
            Unicode ("α"), not as `$...$`: text stays text.
        alt: `alt(**values)` says in words what that picture shows.
        caption: what to notice; it stands under the figure.
        labels: what a slider is called on the page, by its name.
        start: the position shown first, by slider name; by default the first value.
        sliders: name = the values it steps through. Several sliders give every
            combination, so keep their product small.

    Raises:
        ValueError: no slider, an empty one, a `start` that is not a position, `draw`
            not returning a figure, pictures of different sizes, or too much of it.

    Example:
        >>> import matplotlib.pyplot as plt
        >>> def draw(k):
        ...     figure, axes = plt.subplots()
        ...     axes.plot([0, 1], [0, k])
        ...     return figure
        >>> explore(draw, alt="A line of slope {k}.".format, caption="", k=[1, 2])
        Explorable figure: k from 1 to 2 (2 values), shown at k = 1.
        A line of slope 1.
    """
    sliders = {name: _listed(name, values) for name, values in sliders.items()}
    if not sliders:
        raise ValueError("explore: no slider; give one, such as alpha=[0.1, 1, 10]")
    count = math.prod(map(len, sliders.values()))
    if count > MAX_FRAMES:
        raise ValueError(
            f"explore: {count} pictures are too many (at most {MAX_FRAMES}); "
            "give the sliders fewer values, or show fewer sliders"
        )
    labels = {name: (labels or {}).get(name, name) for name in sliders}
    first = _position(sliders, start or {})

    tracer, frames, alts, boxes = Tracer(), [], [], set()
    positions = [
        dict(zip(sliders, values, strict=True))
        for values in itertools.product(*sliders.values())
    ]
    spread = np.linspace(0, count - 1, min(count, 9)).astype(int)
    tracer.fit(draw(**positions[i]) for i in spread)
    for named in positions:
        box, lines = tracer.trace(draw(**named))
        boxes.add(box)
        frames.append(lines)
        alts.append(str(alt(**named)))
    if len(boxes) > 1:
        raise ValueError(
            f"explore: draw gave pictures of different sizes {sorted(boxes)} (points); "
            "give every figure the same figsize"
        )
    box = boxes.pop()
    return Explorable(draw, alt, caption, labels, sliders, first, box, frames, alts)


class Explorable:
    """A drawn figure with sliders; see `explore`, which makes it."""

    def __init__(self, draw, alt, caption, labels, sliders, first, box, frames, alts):
        self.draw, self.alt, self.caption = draw, alt, caption
        self.labels, self.sliders, self.first = labels, sliders, first
        self.box, self.frames, self.alts = box, frames, alts
        self.html = self._page()
        if len(self.html) > MAX_BYTES:
            raise ValueError(
                f"explore: {len(self.html):,} bytes of HTML are too many (at most "
                f"{MAX_BYTES:,}); use fewer slider values or thin the curves out "
                "(200 points are plenty on a page)"
            )

    def __repr__(self) -> str:
        spans = [
            f"{self.labels[k]} from {shown(v[0])} to {shown(v[-1])} ({len(v)} values)"
            for k, v in self.sliders.items()
        ]
        here = ", ".join(
            f"{self.labels[k]} = {shown(v[i])}"
            for (k, v), i in zip(self.sliders.items(), self.first, strict=True)
        )
        alt = self.alts[self._number(self.first)]
        return f"Explorable figure: {', '.join(spans)}, shown at {here}.\n{alt}"

    def _repr_html_(self) -> str:
        return self.html

    def live(self):
        """The same figure as widgets: the kernel redraws it for any slider value.

        Needs ipywidgets (version 7 or 8) and a running kernel.
        """
        from ntkbook.page.figures._widgets import live

        return live(self)

    def _number(self, position: Sequence[int]) -> int:
        """Which frame stands at this position; the last slider runs fastest."""
        shape = [len(values) for values in self.sliders.values()]
        return int(np.ravel_multi_index(position, shape))

    def _page(self) -> str:
        table: dict[str, int] = {}  # each distinct line and its number
        for line in itertools.chain.from_iterable(self.frames):
            table.setdefault(line, len(table))
        first = self._number(self.first)
        data = {
            "lines": list(table),
            "frames": [_runs([table[line] for line in f]) for f in self.frames],
            "alts": self.alts,
            "values": [[shown(x) for x in v] for v in self.sliders.values()],
        }
        sliders = "".join(
            _SLIDER.format(
                label=escape(self.labels[name]),
                top=len(values) - 1,
                at=at,
                value=escape(shown(values[at])),
            )
            for (name, values), at in zip(self.sliders.items(), self.first, strict=True)
        )
        html = _FIGURE.format(
            width=self.box[0],
            height=self.box[1],
            alt=escape(self.alts[first]),
            still="\n".join(self.frames[first]),
            sliders=sliders,
            caption=escape(self.caption, quote=False),
            style=_STYLE,
            # "</" would end the script element early.
            data=json.dumps(data, ensure_ascii=False, separators=(",", ":")).replace(
                "</", "<\\/"
            ),
            player=_PLAYER,
        )
        # Named by its own content: the same figure gives the same bytes, and two
        # different figures on a page never share an id.
        name = "x" + hashlib.sha256(html.encode()).hexdigest()[:8]
        return html.replace(Tracer.PREFIX, name)


def shown(value) -> str:
    """A slider value as the page shows it.

    Example:
        >>> shown(0.30000000000000004), shown(-2), shown("tanh")
        ('0.3', '−2', 'tanh')
    """
    if isinstance(value, Real) and not isinstance(value, bool):
        return f"{float(value):.4g}".replace("-", "−")
    return str(value)


def _listed(name: str, values) -> list:
    if isinstance(values, str) or not np.iterable(values):
        raise ValueError(
            f"explore: slider {name!r} needs a sequence of values, got {values!r}"
        )
    values = [v.item() if isinstance(v, np.generic) else v for v in values]
    if not values:
        raise ValueError(f"explore: slider {name!r} has no values")
    return values


def _position(sliders: dict[str, list], start: dict) -> tuple[int, ...]:
    """Where the sliders stand at first, as one index per slider."""
    for name, value in start.items():
        if name not in sliders:
            raise ValueError(f"explore: start names {name!r}; sliders: {list(sliders)}")
        if value not in sliders[name]:
            raise ValueError(
                f"explore: start has {name} = {value!r}, which is none of its values "
                f"{sliders[name]}"
            )
    return tuple(v.index(start.get(name, v[0])) for name, v in sliders.items())


def _runs(numbers: list[int]) -> list[int]:
    """Line numbers as first, count, first, count, ... of their unbroken runs.

    Example:
        >>> _runs([0, 1, 2, 7, 4, 5])
        [0, 3, 7, 1, 4, 2]
    """
    runs: list[int] = []
    for n in numbers:
        if runs and runs[-2] + runs[-1] == n:
            runs[-1] += 1
        else:
            runs += [n, 1]
    return runs


# `data-lm-suppress-shortcuts` keeps JupyterLab from taking the arrow keys.
_SLIDER = """<label hidden><span>{label}</span>\
<input type="range" min="0" max="{top}" value="{at}" step="1" autocomplete="off" \
aria-valuetext="{value}" data-lm-suppress-shortcuts="true">\
<output>{value}</output></label>"""

_FIGURE = f"""<figure class="ntk-explore" data-explore="{Tracer.PREFIX}">
<style>{{style}}</style>
<div class="ntk-picture"><svg viewBox="0 0 {{width}} {{height}}" role="img" \
aria-label="{{alt}}" style="min-width:{{width}}px;max-width:calc({{width}}px*1.5)" \
fill="currentColor" stroke-linejoin="round">{{still}}</svg></div>
<div class="ntk-sliders">{{sliders}}</div>
<figcaption>{{caption}}</figcaption>
<script>({{player}})("{Tracer.PREFIX}",{{data}})</script>
</figure>"""

# The colours come from the page: `currentColor` for ink; for paper, whichever theme
# variable the host defines (the book's, then JupyterLab's, then the browser's own).
_STYLE = """
.ntk-explore{--ntk-paper:var(--pst-color-background,var(--jp-layout-color0,Canvas));
--ntk-accent:var(--pst-color-primary,var(--jp-brand-color1,#2f86d6));
margin:1.5rem 0;padding:0;max-width:none;text-align:left}
.ntk-explore .ntk-picture{overflow-x:auto}
.ntk-explore svg{display:block;width:100%;height:auto;margin:0 auto;
font-family:system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
.ntk-explore label{display:flex;align-items:center;gap:.75rem;min-height:44px;margin:0;
font-size:1rem;max-width:40rem;margin:0 auto}
.ntk-explore label[hidden]{display:none}
.ntk-explore label span{flex:none}
.ntk-explore output{flex:none;min-width:4em;font-variant-numeric:tabular-nums}
.ntk-explore input{flex:1;min-width:0;height:44px;margin:0;cursor:pointer;
accent-color:var(--ntk-accent)}
.ntk-explore figcaption{display:block;margin:.5rem auto 0;max-width:40rem;
font-size:.95em;line-height:1.5;text-align:left;color:inherit}
"""

# Every element is looked up from its own figure, never by a page-wide id, so that the
# same figure may stand twice on a page. A picture is put together from runs of lines.
_PLAYER = """(name, data) => {
  for (const figure of document.querySelectorAll(`[data-explore=${name}]`)) {
    if (figure.dataset.playing) continue;
    figure.dataset.playing = "yes";
    const svg = figure.querySelector("svg"), box = svg.parentElement;
    const inputs = [...figure.querySelectorAll("input")];
    const show = () => {
      let number = 0, picture = "";
      inputs.forEach((input, i) => {
        const value = data.values[i][input.valueAsNumber];
        number = number * data.values[i].length + input.valueAsNumber;
        input.setAttribute("aria-valuetext", value);
        input.nextElementSibling.textContent = value;
      });
      const runs = data.frames[number];
      for (let i = 0; i < runs.length; i += 2)
        picture += data.lines.slice(runs[i], runs[i] + runs[i + 1]).join("");
      svg.innerHTML = picture;
      svg.setAttribute("aria-label", data.alts[number]);
    };
    for (const input of inputs) {
      input.parentElement.hidden = false;
      input.addEventListener("input", show);
    }
    // On a narrow screen the picture scrolls sideways; then the keyboard must reach it.
    const reach = () => { box.tabIndex = box.scrollWidth > box.clientWidth ? 0 : -1; };
    reach();
    addEventListener("resize", reach);
    show();
  }
}"""
