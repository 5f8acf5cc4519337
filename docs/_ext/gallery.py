"""The gallery: in which order examples come, and which of their figures are shown."""

from pathlib import Path

from matplotlib.figure import Figure
from sphinx_gallery.scrapers import figure_rst

STORY = (
    "plot_figure_1",
    "plot_figure_2",
    "plot_hierarchy",
    "plot_explanation",
    "plot_attractors",
    "plot_fairness",
    "plot_coverage",
    "plot_elbow",
    "plot_stability",
    "plot_planted",
    "plot_tables_1_2",
    "plot_100_labels",
)


def follow_the_story(name):
    """Sort key of an example: what is not in the story comes after it, by name."""
    stem = Path(name).stem
    return STORY.index(stem) if stem in STORY else len(STORY), stem


def scrape_displays(block, block_vars, gallery_conf):
    """Save the figures of displays, which draw outside of pyplot, where nobody else looks."""
    paths = []
    for value in list(block_vars["example_globals"].values()):
        figure = getattr(value, "figure_", value)
        if isinstance(figure, Figure) and not hasattr(figure, "is_in_gallery"):
            figure.is_in_gallery = True
            # What pyplot manages, the next scraper saves and closes.
            if figure.canvas.manager is None:
                path = next(block_vars["image_path_iterator"])
                figure.savefig(path, dpi=120)
                paths.append(path)
    return figure_rst(paths, gallery_conf["src_dir"])
