"""`make live`: an edited page is shown in the browser, without a hand on it."""

import os
import socket
import subprocess
import sys

import pytest
from playwright.sync_api import expect

from tests.helpers.chromium import ROOT
from tests.helpers.processes import free_port

CONFIG = """title: A book
only_build_toc_files: true
execute: {execute_notebooks: "off"}
sphinx:
  config: {html_static_path: [book/assets], html_css_files: [own.css]}
"""


@pytest.fixture
def small(tmp_path):
    """A book of two pages."""
    (tmp_path / "book" / "assets").mkdir(parents=True)
    (tmp_path / "book" / "assets" / "own.css").write_text("p { color: blue; }")
    (tmp_path / "_config.yml").write_text(CONFIG)
    toc = "format: jb-book\nroot: book/start\nchapters: [{file: book/second}]\n"
    (tmp_path / "_toc.yml").write_text(toc)
    (tmp_path / "book" / "start.md").write_text("# A book\n\nThe first sentence.\n")
    (tmp_path / "book" / "second.md").write_text("# Second\n\nNothing.\n")
    return tmp_path


@pytest.fixture
def address(small):
    port = free_port()
    command = [sys.executable, "-m", "book.tools.site.live", f"--root={small}"]
    env = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        [*command, f"--port={port}"], cwd=small, env=env, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    said = []
    for line in process.stdout:
        said.append(line)
        if line.startswith("Open "):
            break
    assert said and said[-1].startswith("Open "), "".join(said)
    yield f"http://127.0.0.1:{port}/book/start.html"
    process.terminate()
    process.wait()
    with socket.socket() as taken:  # nothing of it is left
        assert taken.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.weekly
def test_what_is_edited_is_shown(small, address, browser):
    page = browser.new_page()
    page.goto(address)
    words = page.locator("article p").first
    expect(words).to_have_text("The first sentence.")
    source = small / "book" / "start.md"
    source.write_text("# A book\n\nAnother sentence.\n")
    expect(words).to_have_text("Another sentence.")
    source.write_text(
        "# A book\n\nA third one, $x^2$, {no-role}`x`.\n"
    )  # it warns, and goes on
    expect(words).to_contain_text("A third one")
    (small / "book" / "assets" / "own.css").write_text("p { color: rgb(1, 2, 3); }")
    expect(words).to_have_css("color", "rgb(1, 2, 3)")
    assert (small / "_build" / "live" / "html" / "book" / "second.html").exists()
    page.close()


def test_a_port_that_is_taken_is_said(small):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "-m", "book.tools.site.live", f"--root={small}",
             f"--port={port}"], cwd=ROOT, capture_output=True, text=True,
        )  # fmt: skip
    assert done.returncode == 1
    assert f"Port {port} is taken; try: make live PORT={port + 1}" in done.stderr
