"""The book's notebooks by their names: `01_...` are chapters, `P1_...` projects."""

NOTEBOOKS = "[0-9P][0-9]_*.ipynb"  # sorted, the chapters come first


def number_of(name: str) -> str:
    """What the book calls a notebook.

    >>> number_of("03_width_scaling.ipynb"), number_of("P1_test_error")
    ('3', 'P1')
    """
    return name[:2].lstrip("0")


def is_project(name: str) -> bool:
    """Whether it is a project.

    >>> is_project("P1_test_error.ipynb"), is_project("03_width_scaling")
    (True, False)
    """
    return name.startswith("P")
