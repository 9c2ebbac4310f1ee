"""The page *Claims*: what the sources say and what was measured, from the records.

    {claims-counts}    how many claims of each source got each verdict
    {claims-table}     a table for each source
    {claims-counted}   the counts of all, in a sentence
    {measured}`ID`     what one claim's cell measured, for any page

The same as a CSV file lies beside the built page. The filters above the tables are made
by `book.js`, so that a reader without scripts sees none that do nothing.
"""

import csv
from collections import Counter
from functools import cache
from html import escape
from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective, SphinxRole

from ntkbook.page.claims import collect, problems, shown
from ntkbook.page.claims.records import VERDICTS, records

CHAPTERS = "notebooks/"
CSV = "book/claims.csv"
SIGN = {"=": "", "<=": "≤ ", ">=": "≥ "}
COLUMNS = ["claim", "source", "place", "statement", "relation", "reported"]
COLUMNS += ["corrected", "measured", "low", "high", "verdict", "why", "cell"]
NEWS = ["refuted", "not reproduced", "reproduced with a correction", "reported only"]
NEWS += ["reproduced"]  # the order in a source's table
COUNTS = """
:::{list-table} What came of the claims, by source
:name: claims-counts
:header-rows: 1
:class: ntk-counts

"""
HEAD = """
:::{{list-table}} What {{cite:t}}`{source}` says
:name: claims-{source}
:header-rows: 1
:widths: 46 16 16 22
:class: ntk-claims

* - Claim
  - Reported
  - Measured
  - Verdict
"""


@cache
def measured(source_folder) -> dict:
    """Return for each claim's id the cell that measures it.

    Raises:
        ValueError: if records and cells do not match.
    """
    notebooks = sorted(Path(source_folder, CHAPTERS).rglob("*.ipynb"))
    cells = collect(notebooks)
    if wrong := problems(records(), cells):
        raise ValueError("; ".join(wrong))
    return {cell.row["id"]: cell for cell in cells}


class _Directive(SphinxDirective):
    def run(self):
        try:
            text = self.text()
        except ValueError as problem:
            raise self.error(str(problem)) from problem
        parent = nodes.container()
        self.state.nested_parse(StringList(text, "claims"), 0, parent)
        return parent.children


class ClaimsCounts(_Directive):
    """How many claims of each source got each verdict."""

    def text(self):
        return counts()


class ClaimsTable(_Directive):
    """Every claim with what we measured."""

    def text(self):
        text, cells = [], measured(self.env.srcdir)
        for source in _sources():
            text += HEAD.format(source=source).splitlines()
            own = [r for r in records().values() if r.source == source]
            for record in sorted(own, key=lambda record: NEWS.index(record.verdict)):
                text += row(record, cells.get(record.id))
            text.append(":::")
        return text


class ClaimsCounted(_Directive):
    """All verdicts counted, in a sentence."""

    def text(self):
        found = Counter(record.verdict for record in records().values())
        outcome = ", ".join(f"{found[v]} {v}" for v in VERDICTS if found[v])
        return [f"Of {found.total()} claims: {outcome}."]


class MeasuredValue(SphinxRole):
    """What the cell of a claim measured, with a link to the cell."""

    def run(self):
        cell = measured(self.env.srcdir).get(self.text)
        if cell is None:
            message = f"no cell measures the claim {self.text!r}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        html = _link(records()[self.text], cell, cell.row["measured"])
        return [nodes.raw("", html, format="html")], []


def counts() -> list[str]:
    """How many claims of each source got each verdict, as a table in MyST."""
    found = Counter((r.source, r.verdict) for r in records().values())
    verdicts = [v for v in VERDICTS if any(found[s, v] for s in _sources())]
    lines = [["Source", *(f"{VERDICTS[v]} {v}" for v in verdicts), "all"]]
    for source in _sources():
        numbers = [found[source, v] for v in verdicts]
        lines.append([f"{{cite:t}}`{source}`", *numbers, sum(numbers)])
    totals = [sum(found[s, v] for s in _sources()) for v in verdicts]
    lines.append(["all", *totals, sum(totals)])
    text = COUNTS.splitlines()
    for cells in lines:
        text += [f"{'* ' if i == 0 else '  '}- {c or '–'}" for i, c in enumerate(cells)]
    return [*text, ":::"]


def row(record, cell) -> list[str]:
    """One claim, as a row of its source's table."""
    reported = SIGN[record.relation] + shown(record.reported)
    if record.corrected is not None:
        reported += f"; corrected: {SIGN[record.relation]}{shown(record.corrected)}"
    value, verdict = "not measured", f"{VERDICTS[record.verdict]} {record.verdict}"
    if cell:
        value = cell.row["measured"]
        if cell.row["interval"]:
            value += " [{}, {}]".format(*cell.row["interval"])
        value = _link(record, cell, value)
    claim = f"{record.statement}<br><small>{escape(record.place)}</small>"
    if record.verdict != "reproduced":
        reason = record.why or record.correction or record.cost
        claim += f'<br><span class="ntk-why">{escape(reason)}</span>'
    return [f"* - {claim}", f"  - {reported}", f"  - {value}", f"  - {verdict}"]


def write_csv(app, exception):
    """Write the same beside the page, for those who want to count for themselves."""
    if exception or app.builder.format != "html":
        return
    cells = measured(app.srcdir)
    path = Path(app.outdir, CSV)
    path.parent.mkdir(exist_ok=True)
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        table.writerows(as_list(r, cells.get(r.id)) for r in records().values())


def as_list(record, cell) -> list[str]:
    """One claim, as the CSV file has it; the same columns as `COLUMNS`."""
    corrected = "" if record.corrected is None else shown(record.corrected)
    low, high = (cell and cell.row["interval"]) or ("", "")
    return [
        *(record.id, record.source, record.place, record.statement, record.relation),
        *(shown(record.reported), corrected, cell.row["measured"] if cell else ""),
        *(low, high, record.verdict, record.why or record.correction or record.cost),
        _place(record, cell) if cell else "",
    ]


def _link(record, cell, text: str) -> str:
    return f'<a href="../{escape(_place(record, cell))}">{escape(text)}</a>'


def _place(record, cell) -> str:
    return f"notebooks/{cell.notebook.stem}.html#claim-{record.id}"


def _sources() -> list[str]:
    return list(dict.fromkeys(record.source for record in records().values()))


def setup(app):
    app.add_directive("claims-counts", ClaimsCounts)
    app.add_directive("claims-counted", ClaimsCounted)
    app.add_directive("claims-table", ClaimsTable)
    app.add_role("measured", MeasuredValue())
    app.connect("build-finished", write_csv)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
