"""An explorable figure in a running kernel: the sliders redraw it for any value."""

from html import escape

from ntkbook.page.figures._svg import Tracer


def live(figure):
    """The widgets of an `Explorable`; only what ipywidgets 7 and 8 have in common."""
    import ipywidgets

    controls = {
        name: _slider(ipywidgets, figure.labels[name], values, values[at])
        for (name, values), at in zip(figure.sliders.items(), figure.first, strict=True)
    }
    picture = ipywidgets.HTML()

    def redraw(change=None):
        values = {name: control.value for name, control in controls.items()}
        try:
            picture.value = _svg(figure.draw(**values), str(figure.alt(**values)))
        except Exception as error:  # a widget's callback would swallow it silently
            picture.value = f"<pre>{escape(f'{type(error).__name__}: {error}')}</pre>"

    for control in controls.values():
        control.observe(redraw, names="value")
    redraw()
    return ipywidgets.VBox([picture, *controls.values()])


def _slider(ipywidgets, label: str, values: list, start):
    """A slider over the whole range of its values, or a choice where they have none."""
    common = {"description": label, "continuous_update": False}
    numbers = all(type(v) in (int, float) for v in values)
    if not numbers or min(values) == max(values):
        return ipywidgets.SelectionSlider(options=values, value=start, **common)
    low, high = min(values), max(values)
    if all(isinstance(v, int) for v in values):
        return ipywidgets.IntSlider(value=start, min=low, max=high, **common)
    step = (high - low) / 200
    return ipywidgets.FloatSlider(value=start, min=low, max=high, step=step, **common)


def _svg(drawn, alt: str) -> str:
    (width, height), lines = Tracer().trace(drawn)
    return (
        f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(alt)}" '
        f'style="width:100%;max-width:{1.4 * width:.0f}px" fill="currentColor">'
        f"{''.join(lines)}</svg>"
    ).replace(Tracer.PREFIX, "live")
