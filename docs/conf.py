"""How the site is built: ``python -m sphinx -W --keep-going docs docs/_build/html``.

Neither the build nor the pages it makes need a network: formulas are MathML, which browsers draw
themselves, and there are no links to the object lists of other projects.
"""

import os
import sys
import warnings
from pathlib import Path

from docutils import nodes
from pygments.lexers.special import TextLexer

import skspend

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(Path(__file__).parent / "_ext"))

project = "skspend"
author = "the skspend developers"
copyright = "the skspend developers, BSD 3-clause licence"
version = release = skspend.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "command_help",
    "gallery",
    "mathml",
    "myst_parser",
    "numpydoc",
    "sphinx_copybutton",
    "sphinx_design",
    "sphinx_gallery.gen_gallery",
    "tutorial_report",
]
exclude_patterns = ["_build", "reference/backreferences", "**/GALLERY_HEADER.rst"]
templates_path = ["_templates"]
default_role = "literal"
nitpicky = True
# Their own references are not at hand without a network.
nitpick_ignore_regex = [(r"py:.*", r"(hdbscan|joblib|sklearn|skops)\..*")]
pygments_style = "friendly"

myst_enable_extensions = ["attrs_inline", "colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3
# Or "--" in a table becomes a dash.
smartquotes_action = "q"

toc_object_entries_show_parents = "hide"
autosummary_generate = True
autodoc_typehints = "none"
autodoc_default_options = {"members": True, "inherited-members": "object"}
numpydoc_show_class_members = False

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True

sphinx_gallery_conf = {
    "examples_dirs": "../examples",
    "gallery_dirs": "gallery",
    # The others need a cluster, and are shown as they are.
    "filename_pattern": r"/plot_",
    "doc_module": ("skspend",),
    "backreferences_dir": "reference/backreferences",
    "image_scrapers": ("gallery.scrape_displays", "matplotlib"),
    "reference_url": {"skspend": None},
    "remove_config_comments": True,
    "show_signature": False,
    "download_all_examples": False,
    "within_subsection_order": "gallery.follow_the_story",
    "write_computation_times": False,
    "thumbnail_size": (600, 450),
    "default_thumb_file": str(Path(__file__).parent / "_static" / "cluster.png"),
}
# Examples show households of whose spending few categories have a coefficient; they say so.
warnings.filterwarnings("ignore", message="Only .* of the spending", category=UserWarning)

html_theme = "pydata_sphinx_theme"
html_title = "skspend"
html_logo = "_static/logo.svg"
html_favicon = "_static/logo.svg"
html_static_path = ["_static"]
html_css_files = ["skspend.css"]
html_copy_source = False
html_show_sourcelink = False
# Excerpts of what is found are fetched, which browsers refuse where pages are files.
html_show_search_summary = False
html_context = {"default_mode": "auto"}
html_sidebars = {
    page: []
    for page in (
        "changelog",
        "comparison",
        "contributing",
        "data",
        "deprecation",
        "index",
        "measured",
        "scale",
        "tutorial",
    )
}
html_theme_options = {
    "logo": {"text": "skspend"},
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_prev_next": False,
    "secondary_sidebar_items": ["page-toc"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}


def skip_what_is_scikit_learns(app, what, name, member, skip, options):
    """Leave out of a class's page what every scikit-learn estimator or dict has."""
    module = getattr(member, "__module__", None) or ""
    is_of_dict = getattr(dict, name, None) is member
    return True if module.startswith("sklearn.") or is_of_dict else None


def strip_last_line(app, doctree):
    """Doctests end with an empty line, which nobody needs to see."""
    for block in doctree.findall(nodes.literal_block):
        if block.rawsource == block.astext():
            block.rawsource = block.rawsource.rstrip()
            block.children = [nodes.Text(block.rawsource)]


def find_where_users_import_it(app, env, node, contnode):
    """Resolve what a docstring calls by the module that defines it."""
    target, near = node["reftarget"], node.get("py:module") or "skspend"
    if "." in target and not target.startswith("skspend."):
        return None
    name = target.rpartition(".")[2]
    domain = env.get_domain("py")
    found = [
        full
        for full, entry in domain.objects.items()
        if full.rpartition(".")[2] == name and not entry.aliased
    ]
    if len(found) > 1:
        found = [full for full in found if full.startswith(f"{near}.")]
    if len(found) != 1:
        return None
    return domain.resolve_xref(env, node["refdoc"], app.builder, "obj", found[0], node, contnode)


def setup(app):
    """Called by Sphinx."""
    app.add_lexer("csv", TextLexer)
    app.connect("autodoc-skip-member", skip_what_is_scikit_learns)
    app.connect("doctree-read", strip_last_line)
    app.connect("missing-reference", find_where_users_import_it)
