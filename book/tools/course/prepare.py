"""Any copy of an assignment, with a student's answers, as nbgrader grades it.

Students may have worked in nbgrader's release, otter's copy, the plain notebook or the
chapter itself in Colab, and may have added, moved and deleted cells. What is graded is
put together anew: the release's own cells, and, below each exercise, what the student
wrote there. All metadata and outputs are left out, so that none can do harm.
"""

import copy
import hashlib
import re

import nbformat

from book.tools.course.exercises.slicing import names_of, needed
from book.tools.course.submissions import HEADING
from book.tools.notebooks.colab import MARK

NOTHING_WRITTEN = "\n\n*Nothing is written here; the cells above hold the answer.*"
OTTERS_BLANK = "_Type your answer here, replacing this text._"
LONGEST = 100_000  # characters of answers that are looked through for names
# With these, code reads names that do not stand in it.
INDIRECT = {"eval", "exec", "globals", "vars", "locals", "get_ipython"}
RESET = "# So that no exercise finds the answer to the one before.\nanswer = ..."


def digest(source: str) -> str:
    """The same for cells that differ by white space only, or by otter's marks."""
    source = re.sub("<!-- (BEGIN|END) QUESTION -->", "", source)
    return hashlib.sha256("".join(source.split()).encode()).hexdigest()[:16]


def known(notebooks: list) -> list[str]:
    """Digests of all cells that the given notebooks hand out."""
    found = {digest(cell.source) for nb in notebooks for cell in nb.cells}
    return sorted(found | {digest(OTTERS_BLANK), digest("")})


class Region:
    """What a student's notebook has below one exercise."""

    def __init__(self, id: str):
        self.slug = id.replace(".", "-")
        self.id = id
        self.cells: list = []

    def place_of(self, cell) -> str | None:
        """What the cell is there for: "answer" (code), "text", or neither."""
        names = _names(cell)
        if cell.cell_type == "code":
            if f"answer-{self.slug}" in names or re.match(
                rf"# Exercise {re.escape(self.id)}:", cell.source
            ):
                return "answer"
        elif f"text-{self.slug}" in names or cell.source.startswith("*Your answer:*"):
            return "text"
        return None


def split(nb, ids: set[str]) -> tuple[list, dict[str, Region]]:
    """The cells before the first exercise, and those below each.

    An exercise whose heading is gone begins at the cell for its answer.
    """
    before: list = []
    regions: dict[str, Region] = {}
    here = before
    for cell in nb.cells:
        found = HEADING.search(cell.source) if cell.cell_type == "markdown" else None
        if found and found[1] in ids:
            here = regions.setdefault(found[1], Region(found[1])).cells
        elif own := _answered_in(cell) & ids - regions.keys():
            region = Region(min(own))
            here = regions.setdefault(region.id, region).cells
        here.append(cell)
    return before, regions


def _answered_in(cell) -> set[str]:
    """The exercises for whose answer a cell was handed out: one, or none."""
    if cell.cell_type == "code":
        if found := re.match(r"# Exercise (\w+\.\w+):", cell.source):
            return {found[1]}
    slugs = (re.fullmatch(r"(?:answer|text)-(.+)", str(x)) for x in _names(cell))
    return {found[1].replace("-", ".") for found in slugs if found}


def _names(cell) -> set:
    """What a cell is called: in its own id, Colab's, or nbgrader's."""
    names = {cell.get("id"), cell.metadata.get("id")}
    return names | {cell.metadata.get("nbgrader", {}).get("grade_id")}


def prepare(nb, release, handed_out: set[str]):
    """What is to be graded, or None where none of the exercises is in it; and which
    exercises have anything in them.

    Args:
        nb: the student's notebook.
        release: nbgrader's, as students get it.
        handed_out: digests of what stands in the copies for students.
    """
    ids = {h for c in release.cells for h in HEADING.findall(c.source)}
    before, regions = split(nb, ids)
    if not regions:
        return None, []
    start, templates = split(release, ids)
    own = {digest(cell.source) for cell in start}
    cells = [copy.deepcopy(cell) for cell in start if MARK not in cell.source]
    theirs = [cell for cell in before if MARK not in cell.source]
    early = any(digest(cell.source) not in handed_out for cell in theirs)
    # The chapter itself, in Colab, or cells that were added or changed: then all the
    # code runs again as it stands, since cells depend on those before them. But of a
    # chapter in which nobody changed anything, and which takes a minute or two, only
    # what the answers use.
    code = [cell for cell in theirs if cell.cell_type == "code"]
    again = any(digest(cell.source) not in own for cell in code)
    kept = [cell.source if again else "" for cell in code]
    if again and all(digest(source) in handed_out for source in kept):
        below = [cell for region in regions.values() for cell in region.cells]
        answers = [cell.source for cell in below if cell.cell_type == "code"]
        kept = _used(kept, [a for a in answers if digest(a) not in handed_out])
    sources = iter(kept)
    for cell in theirs:
        if cell.cell_type == "code":
            if source := next(sources):
                cells.append(nbformat.v4.new_code_cell(source))
        elif digest(cell.source) not in handed_out:
            cells.append(_plain(cell))
    early &= len(templates) == 1  # in a project all that was written belongs to it
    written = []
    for id, template in templates.items():
        region = regions.get(id, Region(id))
        body, any_new = _below(region, template, handed_out, early)
        cells += body
        if any_new:
            written.append(id)
    new = nbformat.v4.new_notebook(cells=cells, metadata=release.metadata)
    for number, cell in enumerate(new.cells):
        cell.id = f"cell-{number}"
    return new, written


def _used(chapter: list[str], answers: list[str]) -> list[str]:
    """What of a chapter's cells must run so that these answers find what they use: of
    some nothing; all, where the code of the answers does not say."""
    if sum(map(len, answers)) > LONGEST:
        return chapter
    try:
        names = [names_of(answer) for answer in answers]
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # `%time`, or malice
        return chapter
    wanted = set().union(*(each.loads | each.late for each in names))
    if wanted & INDIRECT:
        return chapter
    found = dict(needed(chapter, wanted)) if wanted else {}
    return [found.get(number, "") for number in range(len(chapter))]


def _below(
    region: Region, template: Region, handed_out: set[str], any_new: bool
) -> tuple[list, bool]:
    """The cells of one exercise, and whether the student wrote any."""
    ours = {_grade_id(cell).partition("-")[0]: cell for cell in template.cells}
    fresh = {kind: copy.deepcopy(cell) for kind, cell in ours.items()}
    body, places = [], {}
    tests = {"form", "right"} & ours.keys()
    for cell in region.cells:
        changed = digest(cell.source) not in handed_out
        place = region.place_of(cell)
        is_text = cell.cell_type == "markdown"
        if is_text and changed and HEADING.match(cell.source.lstrip()):
            changed = _has_more(cell.source, ours["exercise"].source)
        elif place in ours and place not in places:
            places[place] = fresh[place]
            if changed:
                places[place].source = cell.source
                _attach(places[place], cell)
            body.append(places[place])
            any_new |= changed
            continue
        if changed and cell.source.strip():
            any_new = True
            body.append(_plain(cell))
    if "answer" in ours and "answer" not in places:
        body.insert(0, fresh["answer"])
    if "text" in ours:
        if "text" not in places:
            body.append(fresh["text"])
        if any_new and digest(fresh["text"].source) == digest(ours["text"].source):
            fresh["text"].source += NOTHING_WRITTEN
    if tests:
        body.insert(0, nbformat.v4.new_code_cell(RESET))
    rest = [c for k, c in fresh.items() if k not in ("exercise", "answer", "text")]
    return [fresh["exercise"], *body, *rest], any_new


def _grade_id(cell) -> str:
    return cell.metadata.get("nbgrader", {}).get("grade_id", cell.id)


def _has_more(text: str, handed_out: str) -> bool:
    """Whether an exercise's own cell has lines that were not handed out."""
    lines = {line.strip() for line in handed_out.splitlines()}
    new = [x for line in text.splitlines() if (x := line.strip()) not in lines]
    return any(not re.match(r"\*(Think|Compute|Explore) ·", line) for line in new)


def _attach(new, cell) -> None:
    """Pictures of work on paper belong to the text."""
    if new.cell_type == "markdown" and cell.get("attachments"):
        new.attachments = cell.attachments


def _plain(cell):
    """A student's cell without metadata and outputs."""
    make = {
        "code": nbformat.v4.new_code_cell,
        "markdown": nbformat.v4.new_markdown_cell,
        "raw": nbformat.v4.new_raw_cell,
    }[cell.cell_type]
    new = make(cell.source)
    _attach(new, cell)
    return new
