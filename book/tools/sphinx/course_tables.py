"""The tables of the page for instructors, from the exercises' metadata.

{course-syllabus} 6    the weeks of a course of six (or twelve) weeks
{course-exercises}     all exercises
"""

from pathlib import Path

from docutils import nodes
from docutils.statemachine import StringList
from sphinx.util.docutils import SphinxDirective

from book.tools.course import syllabus

CHAPTERS = "notebooks/"


class CourseTable(SphinxDirective):
    """The weeks of a course, or all exercises."""

    optional_arguments = 1

    def run(self):
        source = Path(self.env.srcdir)
        chapters = syllabus.exercises(source / CHAPTERS)
        for chapter in chapters.values():
            self.env.note_dependency(
                str(source / CHAPTERS / f"{chapter['name']}.ipynb")
            )
        try:
            if self.name == "course-exercises":
                text = syllabus.exercises_table(chapters)
            else:
                plan = syllabus.plan(source / "book" / "course.toml")
                length = int(self.arguments[0])
                text = syllabus.syllabus_table(plan, chapters, length)
        except (ValueError, KeyError, IndexError) as problem:
            raise self.error(f"{self.name}: {problem}") from problem
        parent = nodes.container()
        lines = StringList(text.splitlines(), self.name)
        self.state.nested_parse(lines, 0, parent)
        return parent.children


def setup(app):
    app.add_directive("course-exercises", CourseTable)
    app.add_directive("course-syllabus", CourseTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
