"""The files at the site's root: for readers who come there, get lost, or subscribe.

`index.html` is always written, since Sphinx serves the first page from its own address.
The others need the site's address: a 404 page is served at any depth, so that it cannot
link by a relative path, and robots and feed readers want whole addresses.
"""

import re
from html import escape
from xml.etree import ElementTree

from book.tools.about import authors, citation, site_address

PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
{head}<link rel="icon" href="data:,">
<title>{title}</title>
</head>
<body><main><h1>{title}</h1>{body}</main></body>
</html>
"""
START = "book/start.html"
ABOUT = "why wide neural networks learn almost like linear models, and where this ends"
ATOM = "http://www.w3.org/2005/Atom"
VERSION = re.compile(r"^## (\S+), ([^\n]+)\n(.*?)(?=^## |\Z)", re.M | re.S)
DATE = re.compile(r"\d{4}-\d\d-\d\d")


def write(folder, title, site, changelog):
    """Write them all into the built book's `folder`; `site` is its address, or ''."""
    site = site_address(site)
    head = _description(f"The entrance to the book {title}, on {ABOUT}.")
    head += f'<meta http-equiv="refresh" content="0; url={START}">\n'
    if site:
        head += f'<link rel="canonical" href="{escape(site)}{START}">\n'
    body = f'<a href="{START}">Start here</a>'
    (folder / "index.html").write_text(PAGE.format(head=head, title=title, body=body))
    if not site:
        return
    body = (
        f'<p>There is no such page (any more). <a href="{escape(site)}{START}">The '
        f'book\'s first page</a>; <a href="{escape(site)}search.html">search</a>.</p>'
    )
    head = _description(f"There is no page of the book {title} at this address.")
    head += '<meta name="robots" content="noindex">\n'
    lost = PAGE.format(head=head, title="Page not found", body=body)
    (folder / "404.html").write_text(lost)
    robots = f"User-agent: *\nAllow: /\nSitemap: {site}sitemap.xml\n"
    (folder / "robots.txt").write_text(robots)
    (folder / "feed.xml").write_bytes(feed(title, site, changelog))


def _description(text):
    return f'<meta name="description" content="{escape(text)}">\n'


def feed(title, site, changelog):
    """The dated versions of the changelog as an Atom feed, the newest first."""
    dated = [
        (version, date, text.strip())
        for version, date, text in VERSION.findall(changelog)
        if DATE.fullmatch(date)
    ]
    root = ElementTree.Element("feed", xmlns=ATOM)

    def add(parent, name, text=None, **attributes):
        ElementTree.SubElement(parent, name, attributes).text = text

    add(root, "title", title)
    add(root, "id", site)
    add(root, "link", href=f"{site}feed.xml", rel="self")
    newest = dated[0][1] if dated else "1970-01-01"
    add(root, "updated", f"{newest}T00:00:00Z")
    for name in authors(citation()):
        add(ElementTree.SubElement(root, "author"), "name", name)
    for version, date, text in dated:
        entry = ElementTree.SubElement(root, "entry")
        add(entry, "title", f"Version {version}")
        add(entry, "id", f"{site}book/changelog.html#{version}")
        add(entry, "link", href=f"{site}book/changelog.html")
        add(entry, "updated", f"{date}T00:00:00Z")
        add(entry, "content", re.sub(r"\{\w+\}", "", text), type="text")
    return ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
