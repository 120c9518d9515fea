"""Sphinx's configuration of the site. The folder that it is used on is made by stage.py and api.py."""

project = "Haft"
author = "the Haft authors"
html_title = "Haft"
html_short_title = "Haft"
root_doc = "index"

extensions = ["myst_parser"]
source_suffix = {".rst": "restructuredtext", ".md": "markdown"}
exclude_patterns = ["_tree"]
myst_heading_anchors = 4

html_theme = "furo"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_show_copyright = False
html_theme_options = {"navigation_with_keys": True}
# Without a network and without a date in it, so that equal sources make equal pages.
html_last_updated_fmt = None

# haft::HandleTable::New is found under N, and the contents of a page show no parameters.
add_function_parentheses = True
toc_object_entries_show_parents = "hide"
cpp_index_common_prefix = ["haft::"]
c_allow_pre_v3 = False

highlight_language = "text"
pygments_style = "tango"
pygments_dark_style = "one-dark"

# Each name that a comment mentions must be found. The types within signatures need not be: they are also the standard
# library's, templates' parameters and internal ones.
nitpicky = True
nitpick_ignore_regex = [(r"(c|cpp):identifier", r".*")]


def setup(app):
    """Registers the language of BUILD files, which Pygments of Debian 12 does not know by its name."""
    from pygments.lexers.python import PythonLexer

    app.add_lexer("starlark", PythonLexer)
