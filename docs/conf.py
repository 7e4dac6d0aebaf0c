"""The documentation as pages, made by `make docs`: nothing on them is loaded from a network."""

project = "SealData"
author = "SealData contributors"
extensions = ["myst_parser"]
myst_enable_extensions = ["colon_fence"]
myst_heading_anchors = 4  # links to headings work as on GitHub: page.md#a-heading
html_theme = "furo"  # its fonts and scripts are files of the site
html_title = "SealData"
html_show_sourcelink = False
html_copy_source = False
suppress_warnings = ["misc.highlighting_failure"]  # a block that shows output has no language
