"""The pictures of the studies, each of one frame."""

import numpy as np
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter, PercentFormatter

from ..plotting import ElbowDisplay
from ..plotting._axes import prepare_axes
from ._elbow import elbow_table
from ._transfer import FEW, MEAN, transfer_table

PRETRAINED_COLOR, RANDOM_COLOR, REFERENCE_COLOR = "#0072B2", "#D55E00", "#666666"
COLORS = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888", "#000000"
LEAST_R2 = -0.4
"""Models that predict far worse than the mean does are drawn at the edge."""


def draw_elbow(results):
    """Scores over units, a panel for each network; from :func:`elbow_study`."""
    table = elbow_table(results).rename(columns={"units": "value"})
    networks = table["network"].unique()
    axes, _ = prepare_axes(None, len(networks), width=4.2, height=3.4, n_columns=2)
    for ax, network in zip(axes, networks, strict=True):
        curve = table[table["network"] == network]
        chosen = float(curve.loc[curve["is_elbow"], "value"].item())
        score_name = "R2" if "autoencoder" in network else "accuracy of the type"
        ElbowDisplay(curve, chosen, "units").plot(ax, score_name=score_name)
        ax.set_title(network, fontsize="medium")
    return axes[0].figure


def draw_transfer(study):
    """R2 of each model from 100 labels, with 95 % intervals; from :func:`transfer_study`."""
    table = transfer_table(study[study["size"] == FEW])
    labels = table["label"].unique()
    # References without a network come last, and so at the bottom.
    models = sorted(dict.fromkeys(table["model"]), key=lambda name: "," not in name)[::-1]
    axes, _ = prepare_axes(None, len(labels), width=5.4, height=0.32 * len(models) + 1.2)
    for ax, label in zip(axes, labels, strict=True):
        rows = table[table["label"] == label].set_index("model").reindex(models)
        drawn = rows["r2"].clip(lower=LEAST_R2)
        for position, model in enumerate(models):
            is_inside = rows["r2"][model] >= LEAST_R2
            ax.errorbar(
                drawn[model],
                position,
                xerr=rows["r2_interval"][model] if is_inside else None,
                marker="o" if is_inside else "<",
                color=_model_color(model),
                capsize=3,
            )
            if not is_inside:
                ax.annotate(
                    f"{rows['r2'][model]:.1f}",
                    (LEAST_R2, position),
                    xytext=(6, 0),
                    textcoords="offset points",
                    va="center",
                    fontsize="small",
                )
        ax.axvline(0, color="black", lw=0.8)
        ax.set(yticks=range(len(models)), xlabel=f"R2 of {label} on other customers")
        ax.set_yticklabels(models if ax is axes[0] else [])
        ax.set_xlim(LEAST_R2 - 0.02, max(0.12, rows["r2"].max() + 0.05))
        ax.grid(axis="x", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].figure.suptitle(f"{FEW} labels; 0 is knowing nothing but the mean")
    return axes[0].figure


def _model_color(model):
    if "pretrained" in model or "fine-tuned" in model:
        return PRETRAINED_COLOR
    return RANDOM_COLOR if "random" in model else REFERENCE_COLOR


def draw_sizes(study):
    """Squared error over the number of labels; from :func:`transfer_study`."""
    table = transfer_table(study)
    at_each = table.groupby("model")["size"].nunique()
    models = [m for m in dict.fromkeys(table["model"]) if at_each[m] == table["size"].nunique()]
    labels = table["label"].unique()
    axes, _ = prepare_axes(None, len(labels), width=4.6, height=4.4)
    for ax, label in zip(axes, labels, strict=True):
        at_mean = table[(table["label"] == label) & (table["model"] == MEAN)]
        for model, color in zip(models, _cycle(models), strict=True):
            rows = table[(table["label"] == label) & (table["model"] == model)]
            rows = rows.sort_values("size")
            ax.errorbar(
                rows["size"], rows["mse"], rows["mse_interval"], marker="o", capsize=3,
                color=color, label=model,
            )  # fmt: skip
        if len(at_mean):
            ax.axhline(at_mean["mse"].iloc[0], color="black", lw=0.8, ls="--", label=MEAN)
        ax.set(xscale="log", xlabel="labels", ylabel="mean squared error", title=label)
        sizes = sorted(table["size"].unique())
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
        ax.minorticks_off()
        ax.spines[["top", "right"]].set_visible(False)
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 3, 5, 7)))
        ax.yaxis.set_major_formatter(FormatStrFormatter("%.3g"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    handles, names = axes[0].get_legend_handles_labels()
    axes[0].figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize="small")
    return axes[0].figure


def _cycle(items):
    return [COLORS[position % len(COLORS)] for position in range(len(items))]


def draw_windows(study):
    """Stability in time and agreement with the longest window; from :func:`window_study`."""
    axes, _ = prepare_axes(None, 2, width=4.4, height=3.4)
    windows = list(dict.fromkeys(study["window"].astype(str)))
    methods = study["method"].unique()
    for ax, (name, title) in zip(
        axes,
        (
            ("kappa", "same segment, middle to end (kappa)"),
            ("agreement", "as with the longest window (Rand index)"),
        ),
        strict=True,
    ):
        for method, color in zip(methods, _cycle(methods), strict=True):
            rows = study[study["method"] == method]
            ax.plot(rows["window"].astype(str), rows[name], marker="o", color=color, label=method)
        ax.set(ylim=(min(0, study[name].min()) - 0.02, 1.02), title=title, xlabel=_unit(windows))
        ax.title.set_fontsize("medium")
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].legend(frameon=False, fontsize="small", loc="center left")
    return axes[0].figure


def _unit(windows):
    return "months of a window" if all(name.isdigit() for name in windows) else "window"


def draw_noise(study):
    """Who changes the segment; from :func:`noise_study`."""
    table = study.groupby(["kept", "noise", "outliers"], sort=False)["changed"].mean()
    cases = [case for case in dict.fromkeys(table.index.droplevel("kept")) if any(case)]
    kept = list(dict.fromkeys(table.index.get_level_values("kept")))
    (ax,), _ = prepare_axes(None, width=7, height=3.6)
    width = 0.8 / len(kept)
    for number, (name, color) in enumerate(zip(kept, _cycle(kept), strict=True)):
        heights = [table[(name, *case)] for case in cases]
        positions = np.arange(len(cases)) + (number - (len(kept) - 1) / 2) * width
        ax.bar(positions, heights, width, color=color, label=f"{_KEPT[name]}")
    ax.set_xticks(range(len(cases)), [f"noise {n:.0%}\noutliers {o:.0%}" for n, o in cases])
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylabel("customers in another segment")
    ax.spines[["top", "right"]].set_visible(False)
    ax.figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize="small")
    return ax.figure


_KEPT = {
    "model": "network and tree kept",
    "network": "network kept, tree anew",
    "nothing": "all made anew",
    "scores": "k-means on mean scores kept",
}


def draw(name, frame):
    """Pictures of a study of :class:`~skspend.study.PaperStudy`, by the names of files.

    Parameters
    ----------
    name : str
        Of the study, such as "bank-elbow".
    frame : DataFrame

    Returns
    -------
    figures : dict of str to Figure
        Empty for a study that has none.
    """
    study = name.split("-")[1]
    if study == "transfer":
        figures = {name: draw_transfer(frame)}
        if frame["size"].nunique() > 1:
            figures[f"{name}-sizes"] = draw_sizes(frame)
        return figures
    draws = {"elbow": draw_elbow, "window": draw_windows, "noise": draw_noise}
    return {name: draws[study](frame)} if study in draws else {}
