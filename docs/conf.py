"""The documentation site: Sphinx reads the repository's Markdown files by MyST.

The source directory is the repository (`make docs` passes it), so that a link means the same on the
site and in a checkout. A link to a file that is no page, a test for instance, becomes a copy of it.
"""

project = "Waybill"
project_copyright = "Waybill"
extensions = ["myst_parser"]
root_doc = "docs/index"
include_patterns = ["*.md", "docs/**.md", "deploy/kubernetes/README.md"]
exclude_patterns = [".venv", "build", "node_modules", "openapi/lint", ".waybill"]

# Every broken link, anchor and toctree entry is a warning, and `make docs` ends with an error then.
nitpicky = True
myst_heading_anchors = 4
suppress_warnings = [
    "misc.highlighting_failure",  # JSON with an ellipsis
]

html_theme = "pydata_sphinx_theme"
html_title = "Waybill"
html_favicon = "site/static/icon.svg"
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_js_files = [("tables.js", {"defer": "defer"})]
html_extra_path = ["site/root"]  # leads from the root to docs/index.html
templates_path = ["site/templates"]
html_sidebars = {"**": ["pages.html"]}
html_context = {"default_mode": "auto"}
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "logo": {
        "text": "Waybill",
        "image_light": "_static/icon.svg",
        "image_dark": "_static/icon.svg",
    },
    "navbar_center": [],
    "navbar_end": ["theme-switcher"],
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": [],
    "footer_end": [],
    "show_prev_next": False,
}
