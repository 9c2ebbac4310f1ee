"""The tables of the page for instructors, from the exercises' metadata.

{course-syllabus} 6    the weeks of a course of six (or twelve) weeks
{course-exercises}     all exercises
{still-to-write}       which chapters have no slides or lesson plan yet
"""

from pathlib import Path

from book.tools.course import syllabus
from book.tools.sphinx.parsed import Parsed

CHAPTERS = "notebooks/"


class CourseTable(Parsed):
    """The weeks of a course, or all exercises."""

    optional_arguments = 1

    def text(self):
        source = Path(self.env.srcdir)
        self.env.note_dependency(str(source / "book" / "course.toml"))
        plan = syllabus.plan(source / "book" / "course.toml")
        if self.name == "still-to-write":
            return [syllabus.still_to_write(plan)]
        chapters = syllabus.exercises(source / CHAPTERS)
        for chapter in chapters.values():
            self.env.note_dependency(
                str(source / CHAPTERS / f"{chapter['name']}.ipynb")
            )
        if self.name == "course-exercises":
            return syllabus.exercises_table(chapters).splitlines()
        length = int(self.arguments[0])
        return syllabus.syllabus_table(plan, chapters, length).splitlines()


def setup(app):
    app.add_directive("course-exercises", CourseTable)
    app.add_directive("course-syllabus", CourseTable)
    app.add_directive("still-to-write", CourseTable)
