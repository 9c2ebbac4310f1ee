"""From the sources to the site: build it, print it, draw its posters."""
