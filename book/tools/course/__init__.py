"""Coursework out of the chapters: hand it out, vary it, grade it."""
