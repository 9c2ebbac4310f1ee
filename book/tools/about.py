"""What the book says of itself: its site's address, and who wrote it."""

from pathlib import Path

import yaml

CITATION = Path(__file__).resolve().parents[2] / "CITATION.cff"


def site_address(given: str | None) -> str:
    """The site's address as it stands before a path: with one slash, or empty.

    >>> site_address("https://book.example/ntk"), site_address("https://book.example/")
    ('https://book.example/ntk/', 'https://book.example/')
    >>> site_address(None)
    ''
    """
    return given.rstrip("/") + "/" if given else ""


def citation() -> dict:
    """What CITATION.cff says."""
    return yaml.safe_load(CITATION.read_text(encoding="utf-8"))


def authors(about: dict) -> list[str]:
    """The authors' names, as a bibliography sorts them.

    >>> authors({"authors": [{"name": "A group"},
    ...                      {"family-names": "Noether", "given-names": "Emmy"}]})
    ['A group', 'Noether, Emmy']
    """
    return [
        author.get("name") or f"{author['family-names']}, {author['given-names']}"
        for author in about["authors"]
    ]
