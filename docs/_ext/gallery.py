"""The gallery: the order of the examples, the figures that are shown, and their thumbnails."""

from functools import partial
from pathlib import Path

from matplotlib.figure import Figure
from PIL import Image, ImageOps
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


def crop_thumbnails(app):
    """Show the top of a tall figure at its full width; as a whole it is too small to read."""
    size = app.config.sphinx_gallery_conf["thumbnail_size"]
    images = Path(app.srcdir, app.config.sphinx_gallery_conf["gallery_dirs"], "images")
    for path in images.glob("*_001.png"):
        thumbnail = images / "thumb" / path.name.replace("_001", "_thumb")
        with Image.open(path) as figure:
            is_tall = figure.width * size[1] < figure.height * size[0]
            fill = partial(ImageOps.fit, centering=(0.5, 0)) if is_tall else ImageOps.pad
            fill(figure.convert("RGBA"), size).save(thumbnail)


def setup(app):
    # After the gallery itself.
    app.connect("builder-inited", crop_thumbnails, priority=900)
    return {"parallel_read_safe": True}
