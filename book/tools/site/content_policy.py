"""Give every built page a Content-Security-Policy, which browsers hold it to.

A page loads only the book's own files and runs no script but those that the
build wrote into it: each script inside a page is named by its digest. Where a page is
opened from a folder, its own files are those of the folder.
"""

import base64
import hashlib
import re
from pathlib import Path

RULES = {
    "default-src": "'none'",
    "script-src": "'self'",
    # MathJax writes style sheets and attributes while it lays out formulas, and the
    # figures carry style attributes; no digest can name these.
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data:",
    "font-src": "'self'",
    "connect-src": "'self'",  # the search reads the pages that it found
    "form-action": "'self'",
    "base-uri": "'none'",
}
# The speaker's view of the slides is a window that reveal.js writes, scripts and all,
# with the deck in frames; these pages hold nothing that a reader could have written.
SLIDES = RULES | {"script-src": "'self' 'unsafe-inline'", "frame-src": "'self'"}
META = '\n    <meta http-equiv="Content-Security-Policy" content="{}" />'

# The theme's one handler inside a tag, which no policy without 'unsafe-…' allows;
# book.js listens in its place.
HANDLER = ' onclick="toggleFullScreen()"'


def protect(html: Path) -> None:
    """Write the policy into every page of the book that was built into this folder."""
    for path in html.rglob("*.html"):
        if "_static" not in path.relative_to(html).parts:  # the theme's; no pages
            page = path.read_text(encoding="utf-8").replace(HANDLER, "")
            rules = SLIDES if path.parent.name == "slides" else None
            path.write_text(protected(page, rules), encoding="utf-8")


def protected(page: str, rules: dict | None = None) -> str:
    """The page with its policy, which comes before whatever it governs.

    Example:
        >>> print(protected('<meta charset="utf-8"><script>go()</script>'))
        <meta charset="utf-8">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; \
script-src 'self' 'sha256-5KYv+PUboo5h+0+YAtGRPbwv5d/QxzHslP4YGnUaxRw='; \
style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self'; \
connect-src 'self'; form-action 'self'; base-uri 'none'" /><script>go()</script>
    """
    if rules is None:
        scripts = re.findall(r"(?s)<script(?![^>]*\ssrc=)[^>]*>(.*?)</script>", page)
        own = " ".join([RULES["script-src"], *sorted({*map(digest, scripts)})])
        rules = RULES | {"script-src": own}
    policy = "; ".join(f"{name} {sources}" for name, sources in rules.items())
    head = re.search(r'<meta charset="utf-8"\s*/?>', page)
    return page[: head.end()] + META.format(policy) + page[head.end() :]


def digest(script: str) -> str:
    """What names a script in a policy."""
    found = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(found).decode()}'"
