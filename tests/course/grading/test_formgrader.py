"""What students wrote is shown to their teachers without what could act there."""

import runpy
from pathlib import Path

import bs4
import nbformat
import pytest
from nbconvert.exporters import HTMLExporter
from traitlets.config import Config

from tests.helpers import needs
from tests.helpers.course import sandbox

needs.package("nbgrader", get="make environment")

from nbgrader.server_extensions.formgrader import handlers  # noqa: E402

PICTURE = {"photo.png": {"image/png": "iVBORw0KGgo="}}
ABOUT = {
    "grade_id": "text-9-1",
    "solution": True,
    "grade": True,
    "points": 4,
    "score": 0,
}
HARMFUL = "<script>act()</script><img src=x onerror='act()'><iframe src='/'></iframe>"
TEXT = f"""\
# Mine

{HARMFUL}

[a](javascript:act()) **x** $a<b$ ![](attachment:photo.png)

| a |
|---|
| 1 |
"""
SHOWN = {
    "text/html": f"{HARMFUL}<table><tr><th>n</th></tr></table>",
    "text/markdown": HARMFUL,
    "application/javascript": "act()",
    "image/svg+xml": "<svg onload='act()'/>",
    "text/latex": HARMFUL,
}


@pytest.fixture(scope="module", params=["formgrade", "feedback"])
def page(request):
    """The page that nbgrader makes of a notebook full of it."""
    config = Config()
    file = sandbox.GRADING / "nbgrader_config.py"
    runpy.run_path(str(file), {"get_config": lambda: config})
    config.HTMLExporter.template_name = request.param
    config.HTMLExporter.extra_template_basedirs = [handlers.template_path]
    styles = Path(handlers.static_path, "node_modules", "bootstrap", "dist", "css")
    config.HTMLExporter.extra_template_paths = [str(styles)]
    cells = [nbformat.v4.new_markdown_cell(TEXT, attachments=PICTURE) for _ in "ab"]
    cells[0].metadata["nbgrader"] = ABOUT
    shown = [nbformat.v4.new_output("display_data", {k: v}) for k, v in SHOWN.items()]
    cells.append(nbformat.v4.new_code_cell("1", outputs=shown))
    nb = nbformat.v4.new_notebook(cells=cells)
    scores = {"score": 0, "max_score": 0, "late_penalty": 0}
    resources = {"base_url": "", "index": 0, "total": 1, "nbgrader": scores}
    return HTMLExporter(config=config).from_notebook_node(nb, resources)[0]


def test_nothing_of_it_acts(page):
    soup = bs4.BeautifulSoup(page, "html.parser")
    assert not soup.find_all("iframe")
    assert not [s for s in soup.find_all("script") if "act()" in s.get_text()]
    for tag in soup.select("#notebook *, .cell *"):
        assert not [name for name in tag.attrs if name.startswith("on")], tag
        assert not tag.get("href", "").startswith("javascript"), tag


def test_the_rest_is_shown(page):
    assert page.count('src="data:image/png;base64,iVBORw0KGgo="') == 2
    assert "<strong>x</strong>" in page and "<th>n</th>" in page
