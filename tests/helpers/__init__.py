"""What several tests use: draws, needs, browsers, sample chapters, networks."""
