"""What a published book needs to be found, shared, cited and mended.

Most of it needs one of the two addresses in _config.yml. With the site's
(`html.baseurl`): a card for links to each page (OpenGraph), a sitemap, the feed of
changes. With the repository's (`repository.url`): buttons, the line that clones it,
and on each page a link that reports an error there. Without them pages have a
description (descriptions.py), and nothing else of this.
"""

import os.path
import re
from html import escape, unescape
from pathlib import Path
from urllib.parse import urlencode

from docutils import nodes
from sphinx.util.docutils import SphinxDirective

from book.tools.about import CITATION, authors, citation, site_address

NOT_IN_SITEMAP = ["search.html", "genindex.html"]
MARK = Path(__file__).resolve().parents[2] / "assets" / "mark.png"  # the favicon


def site(config):
    return site_address(config.html_baseurl)


def repository(config):
    return config.html_theme_options.get("repository_url", "").rstrip("/")


def configure(app, config):
    config.html_baseurl = config.ogp_site_url = site(config)
    config.ogp_site_name = config.html_title
    config.ogp_social_cards = {
        "enable": bool(site(config)),
        "line_color": "#2f6db5",
        # Else it would be Sphinx's. A card's name is a digest of these settings too, so
        # the path must be the same wherever the book is built.
        "image_mini": os.path.relpath(MARK, app.srcdir),
    }
    if site(config):
        config.sitemap_url_scheme = "{link}"
        config.sitemap_locales = [None]
        config.sitemap_excludes = NOT_IN_SITEMAP
    there = bool(repository(config))
    config.html_theme_options["use_repository_button"] = there
    config.html_theme_options["use_issues_button"] = there


def page(app, pagename, templatename, context, doctree):
    """The feed's link in the head; the link that reports an error at the foot."""
    if doctree is None:
        return
    if not site(app.config):  # a card without an address would only lead astray
        lines = context["metatags"].splitlines(keepends=True)
        context["metatags"] = "".join(li for li in lines if 'property="og:' not in li)
    if address := site(app.config):
        context["metatags"] += (
            f'<link rel="alternate" type="application/atom+xml" title="Changes" '
            f'href="{escape(address)}feed.xml">\n'
        )
    if address := repository(app.config):
        title = unescape(re.sub("<[^>]+>", "", context["title"]))
        query = urlencode(
            {"title": f"Error in: {title}", "body": f"Page: {pagename}\n"}
        )
        report = escape(f"{address}/issues/new?{query}")
        link = f'<a href="{report}">Report an error on this page</a>'
        context["body"] += f'<p class="ntk-report">{link}</p>'
    if context["title"] == app.config.html_title:  # the theme adds the book's title
        context["title"] = "Start"


def bibtex(address="", year=""):
    """The book's own entry, from CITATION.cff; its `year` where that has no date."""
    about = citation()
    fields = {
        "title": f"{{{about['title']}}}",
        "author": " and ".join(f"{{{name}}}" for name in authors(about)),
        "year": str(about.get("date-released", year))[:4],
        "version": str(about["version"]),
        "doi": about.get("doi", ""),
        "url": about.get("url", "") or address,
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join(["@book{ntkbook,", *lines, "}"])


class HowToCite(SphinxDirective):
    """The book's entry in BibTeX, with what is known of its address and DOI."""

    def run(self):
        self.env.note_dependency(str(CITATION))
        text = bibtex(site(self.config), str(self.config.copyright))
        return [nodes.literal_block(text, text, language="bibtex")]


class Clone(SphinxDirective):
    """The line that fetches the repository; nothing where it has no address."""

    def run(self):
        address = repository(self.config)
        text = f"git clone {address} ntk-book && cd ntk-book"
        return [nodes.literal_block(text, text, language="sh")] if address else []


def setup(app):
    app.setup_extension("book.tools.sphinx.descriptions")
    if app.config.html_baseurl:
        app.setup_extension("sphinx_sitemap")
    app.add_directive("how-to-cite", HowToCite)
    app.add_directive("clone", Clone)
    app.connect("config-inited", configure)
    app.connect("html-page-context", page, priority=600)  # after `mend_html`
