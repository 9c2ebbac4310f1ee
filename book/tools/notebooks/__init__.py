"""Chapters as notebooks: run, lint, compare, seal, and convert for Colab."""
