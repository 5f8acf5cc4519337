"""The figures of the studies, each drawn from the frame of one study."""

from itertools import cycle

import numpy as np
from matplotlib.ticker import FormatStrFormatter, LogLocator, NullFormatter, PercentFormatter

from ..plotting import ElbowDisplay
from ..plotting._axes import prepare_axes
from ._claims import KEPT
from ._elbow import elbow_table
from ._rich import RICH, SHARES, rich_table
from ._transfer import FEW, MEAN, transfer_table

COLORS = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#888888", "#000000"
LEAST_R2 = -0.4
"""Models with a lower R2 are drawn at the edge."""


def draw_elbow(results):
    """Draw scores over units, in a panel for each network of an elbow study."""
    table = elbow_table(results).rename(columns={"units": "value"})
    networks = table["network"].unique()
    axes, figure = prepare_axes(None, len(networks), width=4.2, height=3.4, n_columns=2)
    for ax, network in zip(axes, networks, strict=True):
        curve = table[table["network"] == network]
        chosen = float(curve.loc[curve["is_elbow"], "value"].item())
        score_name = "R2" if "autoencoder" in network else "accuracy of the type"
        ElbowDisplay(curve, chosen, "units").plot(ax, score_name=score_name)
        ax.set_title(network, fontsize="medium")
    return figure


def draw_transfer(study):
    """Draw the R2 of each model of a transfer study from 100 labels, with 95 % intervals."""
    table = transfer_table(study[study["size"] == FEW])
    labels = table["label"].unique()
    # Baselines without a network come last, and so at the bottom.
    models = sorted(dict.fromkeys(table["model"]), key=lambda name: "," not in name)[::-1]
    height = 0.32 * len(models) + 1.2
    axes, figure = prepare_axes(None, len(labels), width=5.4, height=height)
    for ax, label in zip(axes, labels, strict=True):
        rows = table[table["label"] == label].set_index("model").reindex(models)
        for position, (model, row) in enumerate(rows.iterrows()):
            color = "#D55E00" if "random" in model else "#666666"
            if "pretrained" in model or "fine-tuned" in model:
                color = "#0072B2"
            if row["r2"] >= LEAST_R2:
                style = {"xerr": row["r2_interval"], "marker": "o"}
            else:
                style = {"marker": "<"}
                place = {"xytext": (6, 0), "textcoords": "offset points", "va": "center"}
                edge = (LEAST_R2, position)
                ax.annotate(f"{row['r2']:.1f}", edge, **place, fontsize="small")
            ax.errorbar(max(row["r2"], LEAST_R2), position, color=color, capsize=3, **style)
        ax.axvline(0, color="black", lw=0.8)
        ax.set(yticks=range(len(models)), xlabel=f"R2 of {label} on other customers")
        ax.set_yticklabels(models if ax is axes[0] else [])
        ax.set_xlim(LEAST_R2 - 0.02, max(0.12, rows["r2"].max() + 0.05))
        ax.grid(axis="x", alpha=0.3)
    figure.suptitle(f"{FEW} labels; predicting the mean has an R2 of 0")
    return figure


def draw_sizes(study):
    """Draw the squared error of a transfer study over the number of labels."""
    table = transfer_table(study)
    sizes = sorted(table["size"].unique())
    at_each = table.groupby("model", sort=False)["size"].nunique()
    models = at_each.index[at_each == len(sizes)]
    labels = table["label"].unique()
    axes, figure = prepare_axes(None, len(labels), width=4.6, height=4.4)
    for ax, label in zip(axes, labels, strict=True):
        of_label = table[table["label"] == label].sort_values("size")
        for model, color in zip(models, cycle(COLORS)):
            rows = of_label[of_label["model"] == model]
            style = {"marker": "o", "capsize": 3, "color": color, "label": model}
            ax.errorbar(rows["size"], rows["mse"], rows["mse_interval"], **style)
        for mse in of_label.loc[of_label["model"] == MEAN, "mse"].head(1):
            ax.axhline(mse, color="black", lw=0.8, ls="--", label=MEAN)
        ax.set(xscale="log", xlabel="labels", ylabel="mean squared error", title=label)
        ax.set_xticks(sizes, [f"{size:,}" for size in sizes])
        ax.minorticks_off()
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 1.2, 1.5, 2, 3, 5, 7)))
        ax.yaxis.set_major_formatter(FormatStrFormatter("%.3g"))
        ax.yaxis.set_minor_formatter(NullFormatter())
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=2, fontsize="small")
    return figure


def draw_rich(study):
    """Draw how well models predict default from shares and from the rich panel."""
    table, models = rich_table(study), study["model"].unique()[::-1]
    names = {"auc": "AUC of default", "calibration_error": "calibration error"}
    axes, figure = prepare_axes(None, len(names), width=4.2, height=0.4 * len(models) + 1.2)
    positions = np.arange(len(models))
    for ax, (measure, words) in zip(axes, names.items(), strict=True):
        for reading, color, shift in ((SHARES, COLORS[1], -0.12), (RICH, COLORS[0], 0.12)):
            means, halves = table.xs(reading, level="reading").loc[models, measure].to_numpy().T
            style = {"ls": "", "marker": "o", "capsize": 3, "color": color, "label": reading}
            ax.errorbar(means, positions + shift, xerr=halves, **style)
        ax.set(yticks=positions, xlabel=f"{words} on later loans")
        ax.set_yticklabels(models if ax is axes[0] else [])
        ax.grid(axis="x", alpha=0.3)
    axes[0].axvline(0.5, color="black", lw=0.8)
    axes[1].set_xlim(0)
    handles, readings = axes[0].get_legend_handles_labels()
    figure.legend(handles, readings, loc="outside lower center", ncols=2, frameon=False)
    figure.suptitle(f"{FEW} labels of earlier loans; an AUC of 0.5 is chance")
    return figure


def draw_window(study):
    """Draw stability and agreement of a window study over the length of the window."""
    axes, figure = prepare_axes(None, 2, width=4.4, height=3.4)
    windows = study["window"].astype(str)
    titles = {
        "kappa": "stability from the middle to the end (kappa)",
        "agreement": "agreement with the longest window (Rand index)",
    }
    for ax, (name, title) in zip(axes, titles.items(), strict=True):
        for method, color in zip(study["method"].unique(), cycle(COLORS)):
            rows = study["method"] == method
            ax.plot(windows[rows], study.loc[rows, name], marker="o", color=color, label=method)
        ax.set(ylim=(min(0, study[name].min()) - 0.02, 1.02))
        ax.set_xlabel("months of a window" if windows.str.isdigit().all() else "window")
        ax.set_title(title, fontsize="medium")
    axes[0].legend(frameon=False, fontsize="small", loc="center left")
    return figure


def draw_noise(study):
    """Draw the share of customers who change their segment in a noise study."""
    changed = study.groupby(["kept", "noise", "outliers"], sort=False)["changed"].mean()
    cases = [case for case in dict.fromkeys(changed.index.droplevel("kept")) if any(case)]
    (ax,), figure = prepare_axes(None, width=7, height=3.6)
    width = 0.8 / len(KEPT)
    for number, (kept, color) in enumerate(zip(KEPT, cycle(COLORS))):
        heights = [changed[(kept, *case)] for case in cases]
        positions = np.arange(len(cases)) + (number - (len(KEPT) - 1) / 2) * width
        ax.bar(positions, heights, width, color=color, label=KEPT[kept])
    ax.set_xticks(range(len(cases)), [f"noise {n:.0%}\noutliers {o:.0%}" for n, o in cases])
    ax.yaxis.set_major_formatter(PercentFormatter(1))
    ax.set_ylabel("customers who change their segment")
    figure.legend(loc="outside upper center", ncols=2, frameon=False, fontsize="small")
    return figure
