"""How Sphinx builds the site. Read by `sphinx-build -c handbook`; nothing imports it."""

project = "mgit"
copyright = "the authors of mgit"  # noqa: A001 - Sphinx wants it so
extensions = ["myst_parser"]
root_doc = "index"
source_suffix = {".md": "markdown"}
exclude_patterns = ["_extra"]
nitpicky = True
smartquotes = False  # `--dry-run` is no dash
language = "en"

myst_heading_anchors = 4  # as forges name headings
myst_enable_extensions = ["deflist"]
# A terminal shows more than a lexer knows.
suppress_warnings = ["misc.highlighting_failure"]

html_theme = "furo"
html_title = "mgit handbook"
html_static_path = ["_static"]
html_extra_path = ["../dist/handbook/_extra"]
html_css_files = ["handbook.css"]
html_copy_source = False
html_show_sourcelink = False
html_show_sphinx = False
html_last_updated_fmt = None  # the same pages are the same bytes
html_theme_options = {
    "navigation_with_keys": True,
    "light_css_variables": {"color-brand-primary": "#1f5fbf", "color-brand-content": "#1f5fbf"},
    "dark_css_variables": {"color-brand-primary": "#7fb0ff", "color-brand-content": "#7fb0ff"},
}
