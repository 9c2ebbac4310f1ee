"""The page *Performance*, from the files that `make bench` leaves: no number is typed.

    {benchmark} NAME      the tables of one benchmark, and its machine
    {benchmark-figure}    all empirical kernels in one figure
    {benchmark-machines}  processor, versions, dates, load

Everything is text in MyST or HTML, made by functions that the tests call too.
"""

import json
from collections.abc import Iterable
from html import escape
from pathlib import Path

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter

from book.tools.sphinx.parsed import Parsed, list_table
from ntkbook.page.figures import COLORS, STYLE
from ntkbook.page.figures._svg import Tracer

RESULTS = Path(__file__).resolve().parents[4] / "benchmarks" / "results"
DRAWN = ("mlp", "lenet", "resnet")

FIELDS = {
    "benchmark": ["what", "dtype", "machine", "tables"],
    "machine": ["cores", "processor", "memory_gib", "device", "versions", "date"]
    + ["load_before"],
    "table": ["title", "tolerance", "rows"],
    "row": ["name", "how", "points", "times", "rounds", "seconds", "ratio"]
    + ["first_call", "first_ratio", "difference"],
}


def stored(folder: Path, name: str) -> dict:
    """Return what one benchmark left.

    Raises:
        ValueError: it has not run, or a field is missing; the message says which.
    """
    path = folder / f"{name}.json"
    if not path.is_file():
        raise ValueError(f"{path.name} is missing; measure it: make bench")
    found = json.loads(path.read_text())
    _complete(path, "benchmark", found)
    _complete(path, "machine", found["machine"])
    for table in found["tables"]:
        _complete(path, "table", table)
        for row in table["rows"]:
            _complete(path, "row", row)
    return found


def _complete(path: Path, kind: str, found: dict):
    if missing := [field for field in FIELDS[kind] if field not in found]:
        raise ValueError(
            f"{path.name}: a {kind} has no {', '.join(missing)}; measure again: "
            "make bench"
        )


def seconds(value: float) -> str:
    """Return a time in a unit that suits it, with two or three digits.

    >>> [seconds(s) for s in (0.000118, 0.0238, 1.28, 75.8, 812)]
    ['0.12 ms', '24 ms', '1.3 s', '76 s', '810 s']
    """
    return f"{digits(value)} s" if value >= 1 else f"{digits(1000 * value)} ms"


def digits(value: float) -> str:
    """Return two digits that count, and no exponent.

    >>> [digits(v) for v in (0.0118, 0.996, 1, 9.96, 448.3, 12345)]
    ['0.012', '1.0', '1.0', '10', '450', '12000']
    """
    value = float(f"{value:.2g}")
    return (
        f"{value:.0f}"
        if value >= 10
        else f"{value:.2g}"
        if value < 1
        else f"{value:.1f}"
    )


def table_text(table: dict) -> list[str]:
    """Return one table as MyST, with what has to be said of it below."""
    head = ["Way", "Time", "Ratio", "First call", "Its ratio", "Difference"]
    notes = []
    rows = [head, *(_cells(row, notes) for row in table["rows"])]
    options = {"widths": "40 11 11 12 12 14", "class": "ntk-benchmark"}
    lines = list_table(table["title"], rows, **options)
    if "error" in table:
        notes.append(
            f"On the first {table['checked_points']} points "
            f"`{table['rows'][0]['name']}` differs from the product of the whole "
            f"Jacobian in float64 by {power(table['error'])} of the largest entry."
        )
    notes.append(f"A difference above {power(table['tolerance'])} ends the run.")
    return [*lines, "", *notes, ""]


def _cells(row: dict, notes: list[str]) -> list[str]:
    remarks = [row["how"]] if row["how"] else []
    if row["times"] > 1:
        remarks.append(f"timed on {row['points']} points")
        notes.append(
            f"Of {row['name']} the time is that of {row['points']} points, times "
            f"{digits(row['times'])}, for the pairs that are missing."
        )
    first = row["first_call"]
    return [
        "<br>".join([row["name"], *(f"<small>{remark}</small>" for remark in remarks)]),
        seconds(row["seconds"]),
        digits(row["ratio"]),
        "–" if first is None else seconds(first),
        "–" if first is None else digits(row["first_ratio"]),
        "–" if row["difference"] is None else power(row["difference"]),
    ]


def power(value: float) -> str:
    """Return a small number as a reader writes it.

    >>> power(2.25e-07), power(0)
    ('2 · 10⁻⁷', '0')
    """
    if not value:
        return "0"
    mantissa, exponent = f"{value:.0e}".split("e")
    raised = str(int(exponent)).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
    return f"{mantissa} · 10{raised}"


def machine_text(benchmarks: Iterable[dict]) -> list[str]:
    """Say where and when each benchmark ran, and under which load."""
    lines = [":::{list-table} When each benchmark ran", ":header-rows: 1"]
    lines += [":widths: 40 15 15 15 15", ":class: ntk-benchmark", ""]
    rows, places = [["Benchmark", "Precision", "Date", "Rounds", "Load"]], {}
    for found in benchmarks:
        here = found["machine"]
        counts = {len(row["rounds"]) for t in found["tables"] for row in t["rows"]}
        rows.append([found["what"], found["dtype"], here["date"][:10]])
        rows[-1] += [str(max(counts)), f"{here['load_before']:.1f}"]
        versions = ", ".join(f"{k} {v}" for k, v in here["versions"].items() if v)
        place = (
            f"{here['processor']}, {here['cores']} cores, "
            f"{here['memory_gib']:.0f} GiB, JAX on {here['device']}; {versions}."
        )
        places.setdefault(place, []).append(found["what"])
    for cells in rows:
        lines += [f"{'* ' if i == 0 else '  '}- {c}" for i, c in enumerate(cells)]
    lines += [":::", ""]
    for place, names in places.items():
        lines += [f"{', '.join(names)}: {place}", ""]
    return lines


def figure_html(benchmarks: Iterable[dict]) -> str:
    """Draw how many times slower each way is than ours, on a scale of powers of ten."""
    found = list(benchmarks)
    tables = [(b["what"], b["tables"][0]["rows"][1:]) for b in found]
    count = sum(len(rows) for _, rows in tables)
    style = STYLE | {"figure.constrained_layout.use": True}
    with plt.rc_context(style):
        figure, panels = plt.subplots(
            len(tables), 1, sharex=True, squeeze=False,
            figsize=(6.4, 0.27 * count + 0.5 * len(tables) + 0.5),
            height_ratios=[len(rows) + 0.8 for _, rows in tables],
        )  # fmt: skip
        for panel, (what, rows) in zip(panels[:, 0], tables, strict=True):
            for y, row in enumerate(rows):
                color = COLORS[
                    "network" if row["name"].startswith("ntk") else "infinite"
                ]
                limit = row["difference"] is None
                panel.barh(
                    y, row["ratio"] - 1, left=1, height=0.6,
                    color="none" if limit else color, edgecolor=color,
                )  # fmt: skip
                panel.annotate(
                    f"{digits(row['ratio'])}", (max(row["ratio"], 1), y), (4, 0),
                    textcoords="offset points", va="center", fontsize=9,
                )  # fmt: skip
            panel.set_yticks(range(len(rows)), [row["name"] for row in rows])
            panel.set_ylim(len(rows) - 0.4, -0.6)
            panel.set_xscale("log")
            panel.axvline(1, color=COLORS["data"], linewidth=1)
            panel.set_title(what, loc="left")
            panel.tick_params(axis="y", length=0)
        panels[-1, 0].xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:g}"))
        panels[-1, 0].margins(x=0.15)
        panels[-1, 0].set_xlabel("time, as a multiple of ntkbook.ntk's")
        (width, height), lines = Tracer().trace(figure)
    picture = "".join(lines).replace(Tracer.PREFIX, "benchmarks")
    alt = "Bars on a logarithmic scale. " + " ".join(
        f"{what}: " + ", ".join(f"{r['name']} {digits(r['ratio'])}" for r in rows) + "."
        for what, rows in tables
    )
    caption = (
        "How many times longer each way takes than <code>ntkbook.ntk</code> for the "
        "same kernel, on a logarithmic scale; a bar to the left of the line is faster. "
        "The empty bar computes no kernel: it is the limit."
    )
    return (
        '<figure class="ntk-bars"><div tabindex="0">'
        f'<svg viewBox="0 0 {width} {height}" role="img" '
        f'aria-label="{escape(alt)}" fill="currentColor" stroke-linejoin="round">'
        f"{picture}</svg></div>"
        f"<figcaption>{caption}</figcaption></figure>"
    )


class Benchmark(Parsed):
    """The tables of one benchmark."""

    required_arguments = 1

    def text(self):
        tables = stored(RESULTS, self.arguments[0])["tables"]
        return [line for table in tables for line in table_text(table)]


class Machines(Parsed):
    """Where all of them ran."""

    def text(self):
        names = sorted(path.stem for path in RESULTS.glob("*.json"))
        return machine_text(stored(RESULTS, name) for name in names)


class Figure(Parsed):
    """The empirical kernels in one figure."""

    def text(self):
        html = figure_html(stored(RESULTS, name) for name in DRAWN)
        return ["```{raw} html", *html.splitlines(), "```"]


def setup(app):
    app.add_directive("benchmark", Benchmark)
    app.add_directive("benchmark-machines", Machines)
    app.add_directive("benchmark-figure", Figure)
