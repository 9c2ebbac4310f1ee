"""The notebooks for Colab: no raw markup, the book's numbers, no solutions."""

import re
from pathlib import Path

import nbformat
import pytest
import yaml

from book.tools.files import WITH_GUIDES
from book.tools.notebooks import colab
from book.tools.notebooks.citations import Bibliography
from book.tools.notebooks.to_markdown import Book, Renderer
from tests.helpers.sample_chapter import chapter

ROOT = Path(__file__).resolve().parents[2]

RAW = re.compile(r"\{[\w:-]+\}`|^\s*[`:]{3,}\{|^\([\w-]+\)=|:label:|\$\$ \(", re.M)


def convert(nb, **more):
    settings = colab.Settings(version="0.1.0", **more)
    return colab.convert(nb, number=2, settings=settings)


@pytest.fixture(scope="module")
def converted():
    return convert(chapter())


def text_of(nb) -> str:
    return "\n\n".join(cell.source for cell in nb.cells)


def test_nothing_raw_is_left(converted):
    text = text_of(converted).replace("{ref}`not-a-role`", "")  # inside a code block
    assert not RAW.search(text)
    nbformat.validate(converted)


@pytest.mark.parametrize(
    "expected",
    [
        "> **Definition 2.1 (A line).**",
        "> **Theorem 2.1.**",
        "> **Theorem 2.2 (Second).**",
        "a = b \\tag{2.1}",
        "> y = k x \\tag{2.2}",
        "> \\begin{aligned}\n> u &= v \\\\\n> w &= x\n> \\end{aligned} \\tag{2.3}",
        "*Proof.* By (2.2) and (2.3). □",
        "> **Note.** Take note.",
        "> **A trap.** Mind the step.",
        "Not numbered: $$c = d$$",
        "p = q \\tag{2.5}",  # the equation in the solution is (2.4)
        "see\nThe first section, Figure 2.1, Theorem 2.1, (2.1) and\nExercise 2.2.",
        "In the book's notation, $f$ is $f$.",
        "**Figure 2.1.** A line by (2.2).",
        "### Exercise 2.1: Think\n\n*Think · about 5 minutes · difficulty 1 of 3*\n\n"
        "Is Theorem 2.1 true?",
        "By Chizat et al. [2019] and others [Chizat et al., 2019; Jacot et al., 2018]",
        'x = {"a": 1}  # {ref}`not-a-role`',
    ],
)
def test_markup_becomes_plain_text_with_the_books_numbers(converted, expected):
    assert expected in text_of(converted)


def test_solutions_are_out(converted):
    text = text_of(converted)
    assert "Because" not in text and "key(" not in text and "eq-inside" not in text


def test_a_computing_exercise_is_followed_by_a_cell_to_answer_in(converted):
    sources = [cell.source for cell in converted.cells]
    question = next(
        i for i, s in enumerate(sources) if "Exercise 2.2" in s and "Co" in s
    )
    assert sources[question + 1] == (
        "# Exercise 2.2: your answer takes roughly 1 line.\n"
        'answer = ...\n\nntkbook.page.check("2.2", answer)'
    )
    code = [cell.source for cell in converted.cells if cell.cell_type == "code"]
    assert sum("ntkbook.page.check" in source for source in code) == 1


def test_outputs_are_cleared_and_ids_are_unique(converted):
    assert not any(cell.get("outputs") for cell in converted.cells)
    ids = [cell.id for cell in converted.cells]
    assert len(ids) == len(set(ids))


def test_the_chapter_itself_is_left_alone():
    nb = chapter()
    convert(nb)
    assert nb == chapter()


def test_converting_twice_gives_the_same(converted):
    assert converted == convert(chapter())


def test_cited_works_are_listed_at_the_end(converted):
    last = converted.cells[-1].source
    assert last.startswith("## References") and "Léna" not in last
    assert last.index("L. Chizat") < last.index("A. Jacot")


def test_setup_comes_right_after_the_title(converted):
    title, setup = converted.cells[:2]
    assert title.source == "# A sample chapter"
    compile(setup.source, "setup", "exec")
    assert "--no-deps" in setup.source
    assert re.findall(r"(?m)^ +install\((.*)\)", setup.source) == ["package"]
    assert not {"jax", "jaxlib", "numpy"} & set(colab.NEEDS)


def test_all_that_setup_installs_is_pinned_by_the_lock_for_colabs_jax(converted):
    needs = colab.Settings().needs
    assert [need.split("==")[0] for need in needs] == list(colab.NEEDS)
    assert all(re.fullmatch(r"\w+==\d[\w.]+", need) for need in needs)
    assert repr(needs) in converted.cells[1].source
    has = (
        (ROOT / "tests" / "notebooks" / "colab-requirements.txt")
        .read_text()
        .replace("-", "_")
    )
    assert not [name for name in colab.NEEDS if f"\n{name}==" in has]


def test_without_an_address_the_first_cell_carries_the_wheel(tmp_path, monkeypatch):
    wheel = tmp_path / "ntkbook-0.1.0-py3-none-any.whl"
    wheel.write_bytes(bytes(range(256)) * 100)
    setup = convert(chapter(), wheel=wheel).cells[1]
    assert setup.metadata["cellView"] == "form"
    assert max(map(len, setup.source.splitlines())) <= 1000
    start, found, end = setup.source.partition("if importlib.util.find_spec")
    names, installed = {}, []
    exec(start, names)
    names["install"] = installed.append
    monkeypatch.chdir(tmp_path)
    take = f"{found}{end}".split("for package in")[0].split(":\n", 1)[1]
    wheel.rename("original")
    exec("\n".join(line.strip() for line in take.splitlines()), names)
    assert wheel.read_bytes() == bytes(range(256)) * 100
    assert installed == [wheel.name]


def test_with_an_address_it_carries_nothing(tmp_path):
    wheel = tmp_path / "ntkbook-0.1.0-py3-none-any.whl"
    wheel.write_bytes(bytes(10**5))
    setup = convert(chapter(), wheel=wheel, site="https://a.b/").cells[1]
    assert len(setup.source) < 2000 and "cellView" not in setup.metadata


@pytest.mark.parametrize(
    "more, source",
    [
        (
            {"site": "https://a.b/"},
            "'https://a.b/colab/ntkbook-0.1.0-py3-none-any.whl'",
        ),
        ({"repository": "https://c.d/e"}, "'ntkbook @ git+https://c.d/e@v0.1.0'"),
    ],
)
def test_setup_knows_where_the_library_is(more, source):
    assert f"    install({source})\n" in convert(chapter(), **more).cells[1].source


def test_links_lead_to_the_site_once_there_is_one():
    text = text_of(convert(chapter(), site="https://a.b"))
    assert "[notation](https://a.b/book/notation.html)" in text


@pytest.mark.parametrize(
    "source, message",
    [
        ("{ref}`nowhere`", "the label 'nowhere' is nowhere in the book"),
        ("{odd}`role`", "the role {odd} has no plain form"),
        ("```{odd}\n```", "the directive {odd} has no plain form"),
        ("```{note}\nopen", "is never closed"),
        ("{cite}`nobody1900`", "has the key 'nobody1900'"),
    ],
)
def test_what_cannot_be_converted_is_an_error(source, message):
    book = Book(bibliography=Bibliography(ROOT / "book" / "references.bib"))
    with pytest.raises(ValueError, match=re.escape(message)):
        Renderer("1", book).render(source)


def test_the_books_chapters_convert(tmp_path):
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    written = colab.convert_all(ROOT / "notebooks", tmp_path, config)
    assert len(written) == len(list((ROOT / "notebooks").glob(WITH_GUIDES)))
    for path in written:
        nb = nbformat.read(path, as_version=4)
        nbformat.validate(nb)
        for cell in nb.cells:
            if cell.cell_type == "markdown":
                assert not RAW.search(cell.source), (path.name, cell.id)
