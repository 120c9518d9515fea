"""The API documentation. `python3 -m sphinx docs dist/docs`, where haft is installed or in PYTHONPATH."""

import haft

project = "haft"
author = "The Haft authors"
copyright = author  # noqa: A001
release = version = haft.__version__
extensions = ["sphinx.ext.autodoc"]
autodoc_member_order = "bysource"
autodoc_typehints = "description"
html_theme = "alabaster"
nitpicky = True
nitpick_ignore_regex = [
    # There is no network to look Python's own documentation up, and private classes have no entry.
    ("py:(class|exc|obj|meth)", r"(?!haft\.).*"),
    ("py:class", r"haft\.aio\._T|_T"),
]
