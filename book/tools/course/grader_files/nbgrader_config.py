"""nbgrader's settings for this course, written by `make course`.

Beyond names and wording they say how students' code is run: in a kernel with limits
and with no view of anything else (kernels/python3), so that a submission that loops, or
dies, or prints without end only loses its own marks; that each mark is confirmed
outside that kernel; and that the formgrader and the pages with feedback show
students' HTML without what could act in your browser, where you are logged in.
"""

import os
import sys
from pathlib import Path

import bleach
from bleach.css_sanitizer import CSSSanitizer
from jinja2 import pass_context
from nbclient.exceptions import CellTimeoutError, DeadKernelError
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath
from nbformat.v4 import new_output
from nbgrader import preprocessors
from nbgrader.converters import Autograde
from nbgrader.utils import is_grade, is_solution

from ntkbook.page.exercises.grading import MIME, doubt

HERE = Path(__file__).resolve().parent
CELL_SECONDS = int(os.environ.get("COURSE_CELL_SECONDS", 180))


def no_marks(name, reason):
    """The output of a graded cell that failed."""
    return [new_output("error", ename=name, evalue=reason, traceback=[reason])]


class Execute(preprocessors.Execute):
    """Runs a submission; when its kernel dies, the rest of it counts as failed."""

    dead = ""

    def preprocess(self, nb, resources, *more):
        try:
            return super().preprocess(nb, resources, *more)
        except Exception:  # putting away a dead kernel may fail too
            if not self.dead:
                raise
            return nb, resources

    def preprocess_cell(self, cell, resources, index):
        if not self.dead:
            try:
                return super().preprocess_cell(cell, resources, index)
            except CellTimeoutError:  # nor did it stop when interrupted
                self.dead = f"the kernel died in cell {index + 1}: it would not stop"
            except (DeadKernelError, RuntimeError) as error:
                self.dead = f"the kernel died in cell {index + 1}: {error}"
        if cell.cell_type == "code":
            cell.outputs = no_marks("DeadKernelError", self.dead)
        return cell, resources


class Confirm(preprocessors.NbGraderPreprocessor):
    """Looks at the answers again, here, where the student's code cannot reach."""

    def preprocess_cell(self, cell, resources, index):
        if is_grade(cell) and not is_solution(cell) and cell.cell_type == "code":
            if reason := doubt(cell.source, cell.outputs):
                errors = [o for o in cell.outputs if o.output_type == "error"]
                handed_in = any(MIME in o.get("data", {}) for o in cell.outputs)
                said = no_marks("AssertionError", reason)
                cell.outputs = said if handed_in else errors or said
            else:  # a warning among the outputs would cost the marks
                cell.outputs = [o for o in cell.outputs if MIME in o.get("data", {})]
        return cell, resources


HARMLESS = "p br hr h1 h2 h3 h4 h5 h6 div span pre del sub sup img "
HARMLESS += "table caption thead tbody tr th td"
HARMLESS = {*bleach.ALLOWED_TAGS, *HARMLESS.split()}
KEPT = bleach.ALLOWED_ATTRIBUTES | {"img": ["src", "alt", "width", "height"]}


def clean(html):
    """HTML without scripts and whatever else is not known to be harmless."""
    return bleach.clean(
        html.decode() if isinstance(html, bytes) else str(html),
        tags=HARMLESS,
        attributes=KEPT | {"*": ["class", "style"]},
        protocols={*bleach.ALLOWED_PROTOCOLS, "data"},  # pictures
        css_sanitizer=CSSSanitizer(["color", "background-color", "text-align"]),
    )


@pass_context
def clean_markdown(context, source):
    """Markdown as HTML, with the pictures that are attached to its cell."""
    pictures = context.get("cell", {}).get("attachments", {})
    renderer = IPythonRenderer(
        escape=False, attachments=pictures, exclude_anchor_links=True
    )
    return clean(MarkdownWithMath(renderer=renderer).render(source))


# Kernels are looked for here first.
os.environ["JUPYTER_PATH"] = os.pathsep.join(
    filter(None, [str(HERE), os.environ.get("JUPYTER_PATH")])
)

c = get_config()
if "COURSE_SCRATCH" in os.environ and sys.platform.startswith("linux"):
    # Talk to the kernel by files, so that it needs no network (see contained.py).
    c.KernelManager.transport = "ipc"
    c.KernelManager.ip = os.path.join(os.environ["JUPYTER_RUNTIME_DIR"], "k")
c.CourseDirectory.course_id = "ntkbook"
c.CourseDirectory.db_url = f"sqlite:///{HERE / 'gradebook.db'}?timeout=60"
c.ClearSolutions.code_stub = {"python": "# Your code here."}
c.ClearSolutions.text_stub = "*Your answer:*"
c.OverwriteCells.add_missing_cells = True
c.Execute.timeout = CELL_SECONDS + 10  # the kernel's own limit comes first
c.Execute.iopub_timeout = 30
c.LimitOutput.max_lines = 1000
# The templates of nbgrader's own do not ask for it in Markdown: hence the filters.
c.HTMLExporter.sanitize_html = True
c.HTMLExporter.filters = {"markdown2html": clean_markdown, "clean_html": clean}

own = {preprocessors.Execute: [Execute], preprocessors.SaveAutoGrades: [Confirm]}
own[preprocessors.SaveAutoGrades].append(preprocessors.SaveAutoGrades)
c.Autograde.autograde_preprocessors = [
    mine
    for theirs in Autograde.autograde_preprocessors.default_args[0]
    for mine in own.get(theirs, [theirs])
]
