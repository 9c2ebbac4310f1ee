"""The network that trains on the first page, as the directive `{train-in-browser}`."""

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from ntkbook.page.live import train_in_browser


class TrainInBrowser(SphinxDirective):
    """The piece, with the directive's text as its caption."""

    has_content = True

    def run(self):
        piece = train_in_browser(*(["\n".join(self.content)] if self.content else []))
        return [nodes.raw("", piece._repr_html_(), format="html")]


def setup(app):
    app.add_directive("train-in-browser", TrainInBrowser)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
