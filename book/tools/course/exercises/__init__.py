"""The exercises of a chapter: read, cut free, varied, and written for each use."""
