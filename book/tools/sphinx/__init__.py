"""The book's Sphinx extensions: what Jupyter Book does not do for its pages."""

from functools import cache
from importlib import import_module

from pybtex import plugin

EXTENSIONS = """
    addresses book_map glossary nonbreaking page search_index
    pages.api pages.claims pages.course pages.performance pages.playground
""".split()


def setup(app):
    # For each reference pybtex looks through all installed packages for its plugins,
    # which takes a tenth of the build.
    plugin.entry_points = cache(plugin.entry_points)
    for name in EXTENSIONS:
        import_module(f"{__name__}.{name}").setup(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
