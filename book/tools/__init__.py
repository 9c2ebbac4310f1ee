"""The tools that make the book; run them from the root: `python -m book.tools...`."""
