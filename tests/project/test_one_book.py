"""Nine authors, one book: each chapter opens, is ordered and ends as the others are."""

import json
import re

import pytest

from book.tools.sphinx.glossary import one_of
from tests.helpers.chromium import ROOT

CHAPTERS = sorted(ROOT.glob("notebooks/[0-9]*.ipynb"))
ENDING = ["Traps", "Summary", "Exercises", "Further reading"]
AIMS = "```{admonition} What you will be able to do"
chapter = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def cells_of(path) -> list[dict]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell | {"source": "".join(cell["source"])} for cell in cells]


def text_of(cells) -> str:
    return "\n\n".join(c["source"] for c in cells if c["cell_type"] == "markdown")


@chapter
def test_a_chapter_opens_with_its_question_its_aims_and_its_sources(path):
    title, *paragraphs = cells_of(path)[0]["source"].split("\n\n")
    assert re.fullmatch(r"# [^\n]+: [^\n]+\?", title), "a subject, and a question"
    (aims,) = [i for i, text in enumerate(paragraphs) if text.startswith(AIMS)]
    after = " ".join(paragraphs[aims + 1 :])
    assert aims > 0 and "{cite:t}`" in after, "whom it follows"
    assert "(../book/claims.md)" in after, "where the verdicts are"


@chapter
def test_a_chapter_ends_with_the_same_parts_in_the_same_order(path):
    headings = re.findall(r"(?m)^## (.+)$", text_of(cells_of(path)))
    assert headings[-4:] == ENDING


@chapter
def test_a_summary_ends_with_what_a_later_chapter_answers(path):
    summary = re.split(r"(?m)^## ", text_of(cells_of(path)))[-3]
    last = summary.strip().split("\n\n")[-1]
    own = int(path.name[:2])
    later = [int(n) for n in re.findall(r"Chapter (\d+)", last)]
    assert path == CHAPTERS[-1] or own + 1 in later


@chapter
def test_no_sentence_runs_across_a_cell(path):
    cells, cut = cells_of(path), []
    for number, (cell, after) in enumerate(zip(cells, [*cells[1:], None], strict=True)):
        if cell["cell_type"] != "markdown":
            continue
        if re.match(r"[a-z]", cell["source"]):
            cut.append(f"cell {number} begins in a sentence")
        if after and after["cell_type"] == "code":
            ends = re.search(r"[.?!:)`|]\s*$", cell["source"])
            cut += [] if ends else [f"cell {number} ends in a sentence"]
    assert cut == []


@chapter
def test_the_readme_asks_the_question_of_the_title(path):
    title = cells_of(path)[0]["source"].split("\n")[0].removeprefix("# ")
    _, question = title.split(": ", 1)
    readme = " ".join((ROOT / "README.md").read_text(encoding="utf-8").split())
    assert question.lower() in readme.lower()


def entries() -> list[tuple[list[str], str]]:
    """The glossary's entries: the names of a term, its declared forms, and the text."""
    page = (ROOT / "book" / "glossary.md").read_text(encoding="utf-8")
    (body,) = re.findall(r"(?ms)^```\{glossary\}\n(.*?)^```", page)
    split = [e.split("\n  ", 1) for e in re.split(r"\n\n(?=\S)", body.strip())]
    return [(names.split("\n"), text) for names, text in split]


def places() -> dict[str, str]:
    """For each notebook, and each label in one, the notebook's text."""
    found = {}
    for path in ROOT.glob("notebooks/*.ipynb"):
        text = text_of(cells_of(path))
        labels = re.findall(r"(?m)^:label:\s*(\S+)|^\(([\w:-]+)\)=", text)
        for name in (f"/notebooks/{path.stem}", *(a or b for a, b in labels)):
            assert name not in found, f"{name} is in two notebooks"
            found[name] = text
    return found


def test_the_glossary_leads_to_a_place_where_the_term_stands():
    """Else the link ends on a page that does not have the word, singular or plural."""
    texts, absent, links = places(), [], 0
    for names, text in entries():
        for target in re.findall(r"\{(?:doc|(?:prf:)?ref)\}`([^`]+)`", text):
            target = re.sub(r".*<(.*)>$", r"\1", target)
            links += 1
            known = {name if name.isupper() else name.lower() for name in names}
            running = " ".join(texts.get(target, "").split())
            if not one_of(known).search(running):
                absent.append(f"{names[0]}: {target}")
    assert links > 40, "the glossary was not read"
    assert absent == []
