"""The page *Claims*: what the sources say and what was measured, from the records.

    {claims-counts}      how many claims of each source, and kind, got each verdict
    {claims-of} KEY      the claims of one source, folded; KEY is of the bibliography
    {claims-verdicts}    what the verdicts mean
    {claims-counted}     the counts of all, in a sentence
    {measured}`ID`       what one claim's cell measured, for any page

All fields lie next to the built page as CSV and JSON. The filters above the claims are
made by `book.js`, so that a reader without scripts sees none that do nothing.
"""

import csv
import json
import re
from collections import Counter
from dataclasses import fields
from functools import cache
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.util.docutils import SphinxDirective, SphinxRole

from book.tools.sphinx.parsed import Parsed, list_table
from ntkbook.page.claims import collect, problems
from ntkbook.page.claims.measured import held_against, with_interval
from ntkbook.page.claims.records import KINDS, MEANING, VERDICTS, Record, records
from ntkbook.page.claims.typeset import parts, typeset

CHAPTERS = "notebooks/"
BESIDE = "book/claims"
BIBLIOGRAPHY = Path(__file__).parents[3] / "references.bib"
FIELDS = [field.name for field in fields(Record)]
MEASURED = ["measured", "low", "high", "n", "control_measured", "corrected_measured"]
OTHERS = ("control", "corrected")
COLUMNS = [*FIELDS, *MEASURED, "cell", "source_address", "source_code"]
# In a source's list, what does not hold as it stands comes first.
ORDER = [*list(VERDICTS)[4:0:-1], "inconclusive", "reproduced", "true by definition"]
ORDER += ["reported only"]


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


@cache
def address_of(source: str) -> str:
    """Where a source can be read, from the bibliography."""
    text = BIBLIOGRAPHY.read_text(encoding="utf-8")
    entry = text[text.index(f"{{{source},") :]
    found = re.search(r"(?m)^\s*url\s*=\s*\{([^}]+)\}", entry[: entry.index("\n}")])
    if not found:
        raise ValueError(f"{source} has no url in the bibliography")
    return found[1]


class ClaimsCounts(Parsed):
    """How many claims of each source, and of each kind, got each verdict."""

    def text(self):
        return [*counts("source"), "", *counts("kind")]


class ClaimsCounted(Parsed):
    """All verdicts counted, in a sentence."""

    def text(self):
        found = Counter(record.verdict for record in records().values())
        outcome = ", ".join(f"{found[v]} {v}" for v in VERDICTS if found[v])
        return [f"Of {found.total()} claims: {outcome}."]


class ClaimsVerdicts(Parsed):
    """What the verdicts mean, from their one definition."""

    def text(self):
        pairs = ([f"{VERDICTS[v]} {v}", f": {MEANING[v]}", ""] for v in VERDICTS)
        return [line for pair in pairs for line in pair]


class ClaimsOf(SphinxDirective):
    """The claims of one source, folded until somebody opens them."""

    required_arguments = 1

    def run(self):
        try:
            cells = measured(self.env.srcdir)
        except ValueError as problem:
            raise self.error(str(problem)) from problem
        source = self.arguments[0]
        own = [r for r in records().values() if r.source == source]
        own.sort(key=lambda record: ORDER.index(record.verdict))
        found = Counter(record.verdict for record in own)
        text = ", ".join(f"{found[v]} {v}" for v in VERDICTS if found[v])
        shown = [
            _raw(
                f'<details class="ntk-source" data-source="{escape(source)}"><summary>'
            ),
            nodes.inline("", f"{len(own)} claim{'s' * (len(own) > 1)}: {text}"),
            _raw("</summary>"),
        ]
        for record in own:
            shown += one(record, cells.get(record.id))
        parent = nodes.container("", *shown, _raw("</details>"))
        return [parent]


class MeasuredValue(SphinxRole):
    """What the cell of a claim measured, with a link to the cell."""

    def run(self):
        cell = measured(self.env.srcdir).get(self.text)
        if cell is None:
            message = f"no cell measures the claim {self.text!r}"
            return [], [self.inliner.reporter.error(message, line=self.lineno)]
        address = f"../{_place(records()[self.text], cell)}"
        value = typeset(cell.row["measured"])
        return [_raw(f'<a href="{escape(address)}">{value}</a>')], []


def counts(by: str) -> list[str]:
    """How many claims of each source, or kind, got each verdict, as a table in MyST."""
    found = Counter((getattr(r, by), r.verdict) for r in records().values())
    rows = list(dict.fromkeys(getattr(r, by) for r in records().values()))
    if by == "kind":
        rows = [kind for kind in KINDS if kind in rows]
    verdicts = [v for v in VERDICTS if any(found[row, v] for row in rows)]
    lines = [[by.capitalize(), *(f"{VERDICTS[v]} {v}" for v in verdicts), "all"]]
    for row in rows:
        numbers = [found[row, v] for v in verdicts]
        name = f"{{cite:t}}`{row}`" if by == "source" else KINDS[row]
        lines.append([name, *numbers, sum(numbers)])
    totals = [sum(found[row, v] for row in rows) for v in verdicts]
    lines.append(["all", *totals, sum(totals)])
    rows = [[cell or "–" for cell in line] for line in lines]
    options = {"name": f"claims-by-{by}", "class": "ntk-counts"}
    return list_table(f"What came of the claims, by {by}", rows, **options)


def one(record: Record, cell) -> list[nodes.Node]:
    """One claim: a line that says what came out, which opens to all the rest."""
    row = cell.row if cell else {}
    numbers = " ".join(held_against(record)) if cell else str(record.reported or "")
    if cell:
        numbers += f"; measured {with_interval(row, 'measured')}"
        numbers += f", n = {row['n']}" if row["n"] else ""
        if row["corrected"]:
            numbers += f"; corrected {with_interval(row, 'corrected')}"
    reason = " ".join(filter(None, (record.correction, record.why, record.undecided)))
    if record.verdict != "reproduced":
        reason = reason or record.cost or record.remark
    open_row = (
        f'<details class="ntk-row" id="{escape(record.id)}" '
        f'data-verdict="{escape(record.verdict)}" data-kind="{record.kind}"><summary>'
    )
    shown = [
        _raw(open_row),
        _span(f"{VERDICTS[record.verdict]} {record.verdict}", "ntk-verdict"),
        _span(record.statement, "ntk-statement"),
        _span(numbers, "ntk-numbers"),
    ]
    if reason and record.verdict != "reproduced":
        shown.append(_span(reason, "ntk-why"))
    shown.append(_raw('</summary><ul class="ntk-fields">'))
    for name, text in _more(record, row, reason):
        shown += [_raw(f"<li>{name}: "), _span(text), _raw("</li>")]
    links = [_link(address_of(record.source), "the source")]
    if cell:
        links.append(_link(f"../{_place(record, cell)}", "the cell that measures it"))
    if record.link:
        links.append(_link(record.link, f"the source's code, {record.code}"))
    links.append(_link(f"#{record.id}", "this row"))
    return [*shown, _raw(f"<li>Links: {'; '.join(links)}</li></ul></details>")]


def _more(record: Record, row: dict, reason: str):
    control = record.control
    if row.get("control"):
        control = f"{control.rstrip('.')}: {with_interval(row, 'control')}"
    every = {
        "Place": record.place,
        "Kind": KINDS[record.kind],
        "What was measured": record.effect,
        "Scale": record.scale,
        "Reason for this value": record.reason,
        "Control": control,
        "Why true or false": record.yes_no,
        "Cost": "" if reason == record.cost else record.cost,
        "Remark": "" if reason == record.remark else record.remark,
    }
    return [(name, text) for name, text in every.items() if text]


def _raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


def _span(text: str, name: str | None = None) -> nodes.inline:
    """Text as nodes of their own, so that the search of the book finds its words."""
    span = nodes.inline(classes=[name] if name else [])
    makes = {"sup": nodes.superscript, "sub": nodes.subscript}
    for part, tag in parts(text):
        span += makes[tag]("", part) if tag else nodes.Text(part)
    return span


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _place(record, cell) -> str:
    return f"notebooks/{cell.notebook.stem}.html#claim-{record.id}"


def write_beside(app, exception):
    """Write every field next to the page, for readers who count for themselves."""
    if exception or app.builder.format != "html":
        return
    cells = measured(app.srcdir)
    every = [as_dict(r, cells.get(r.id)) for r in records().values()]
    path = Path(app.outdir, BESIDE)
    path.parent.mkdir(exist_ok=True)
    text = json.dumps(every, indent=1, ensure_ascii=False)
    path.with_suffix(".json").write_text(text + "\n", encoding="utf-8")
    with path.with_suffix(".csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS)
        table.writeheader()
        table.writerows(every)


def as_dict(record: Record, cell) -> dict:
    """One claim with every field of its record and of its measurement."""
    row = cell.row if cell else {}
    low, high = row.get("measured interval") or (None, None)
    found = (row.get("measured"), low, high, row.get("n"))
    others = (row.get(name) and with_interval(row, name) for name in OTHERS)
    return {
        **{name: getattr(record, name) for name in FIELDS},
        **dict(zip(MEASURED, (*found, *others), strict=True)),
        "cell": _place(record, cell) if cell else "",
        "source_address": address_of(record.source),
        "source_code": record.link,
    }


def setup(app):
    app.add_directive("claims-counts", ClaimsCounts)
    app.add_directive("claims-counted", ClaimsCounted)
    app.add_directive("claims-verdicts", ClaimsVerdicts)
    app.add_directive("claims-of", ClaimsOf)
    app.add_role("measured", MeasuredValue())
    app.connect("build-finished", write_beside)
