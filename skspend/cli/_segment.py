"""``skspend segment``: fit a pipeline on transactions, and find the segment of every customer."""

import math
import time
from contextlib import ExitStack, nullcontext
from dataclasses import replace
from functools import partial

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text
from sklearn.pipeline import Pipeline

from .. import segmentation as work
from .._utils._errors import blame_data
from .._utils._output import output_folder, strict, write_json
from .._utils._text import all_periods, count, cut, printable
from .._utils._threads import one_thread_of_blas
from ..aggregation._aggregator import BEFORE, MONTHS
from ..categories._coefficients import check_aliases, load_coefficients
from ..datasets import load_complete_journey
from ..inspection._agreement import tell_found_again
from ..inspection._segments import EVERYBODY
from ..metrics._halves import BY_CHANCE
from ..plotting import TrajectoryDisplay
from ..segmentation._refits import FEWEST_TO_REFIT
from . import _files as files
from ._console import CommandError, EpochProgress, Steps, console, say

OUTPUTS = ("segments.parquet", "trajectories.parquet", "trajectories.png", "model.json", "run.json")
MIGRATION = "migration.parquet"
"""Written beside them with a previous model."""
LONGEST_NAME = 100
"""Characters of a name on the screen."""
BUNDLED_PERIOD = 2
"""Months. The bundled households have one year of data, which makes six periods."""


def segment_file(file, output, force, options):
    """Write all results; return a record with the segments, and a function to show it."""
    started = time.perf_counter()
    outputs = OUTPUTS + (MIGRATION,) * bool(options["previous"])
    inputs = files.inputs(file, *map(options.get, ("previous", "coefficients", "aliases")))
    with output_folder(output, outputs, force=force, inputs=inputs) as folder:
        described, record = _run(file, options, folder)
        record["seconds"]["total"] = time.perf_counter() - started
        write_json(record, folder / "run.json")
    segments = described.drop(columns="exemplars").to_dict("records")
    result = strict(record | {"output": output, "segments": segments})
    return result, partial(_show, described, record, output, is_bundled=file is None)


def _run(file, options, folder):
    """Write all results but run.json; return a frame of the segments and the record of run.json."""
    normalize = _choose_normalize(options)
    with Steps() as steps, ExitStack() as stack:
        with steps.step("Reading"):
            previous = options["previous"] and work.SegmentModel.load(options["previous"])
            log, aliases, coefficients = _read(file, options, previous)
            files.note_alike(log.categories)
        # Its products are too small for several threads, which would wait for each other.
        stack.enter_context(one_thread_of_blas())
        with steps.step("Aggregating"):
            spend, panel, is_fitted = work.aggregate(
                log,
                period=options["period"] or ("year" if file else BUNDLED_PERIOD),
                n_periods=options["periods"],
                normalize=normalize,
                traits=not options["without_traits"],
                random_state=options["seed"],
            )
            _note_infrequent(spend)
            placed = previous and work.find_nodes(previous, log)
        fits = work.make_steps(
            coefficients=coefficients,
            aliases=aliases,
            traits=not options["without_traits"],
            max_depth=options["depth"],
            random_state=options["seed"],
        )
        states, segment = fits.named_steps.values()
        fitted = panel.take(is_fitted)
        refits = nullcontext()
        if options["stability"]:
            refits = work.Refits(fits, panel, is_fitted, random_state=options["seed"])
        with refits:
            with steps.step("Training") as task:
                work.train(states, fitted, EpochProgress(steps.progress, task))
            with steps.step("Clustering"):
                seen = work.Seen.of_all(states, panel)
                names = work.cluster(
                    segment,
                    seen.trajectories[is_fitted],
                    seen.scores[is_fitted],
                    fitted,
                    previous=previous,
                    anchor=None if previous is None else placed[is_fitted],
                )
                pipeline = Pipeline([("spend", spend), *fits.steps])
                reading = work.Reading.of(log, options["outflow"] or "positive", options["mcc"])
                model = work.SegmentModel(pipeline, names, reading)
            refitted = None
            if options["stability"]:
                with steps.counted("Refitting") as progress:
                    refitted = refits.compare(model, seen.trajectories, progress=progress)
        agreement, reproduced = refitted or (None, None)
        if agreement is not None:
            stable = {row["node"]: row["stable"] for row in agreement["nodes"]}
            model = replace(model, stable=stable)
        customers, (first, last), read_as = log.customers, log.span, files.reading(log)
        n_transactions = log.n_transactions
        # What follows needs memory, and the transactions no more.
        del log, panel, refits
        with steps.step("Writing"):
            described = model.describe(seen)
            table = model.place(customers, seen)
            files.note_what_does_not_count(n_transactions, spend.left_out_[BEFORE], table)
            if reproduced is not None:
                table.insert(table.columns.get_loc("strength") + 1, "reproduced", reproduced)
                is_stable = table["stable_segment"] != EVERYBODY
                agreement["stable_segments"] = table["stable_segment"][is_stable].nunique()
                agreement["customers_without_stable_segment"] = int((~is_stable).sum())
            table.to_parquet(folder / "segments.parquet", index=False)
            seen.trajectories.rename_axis("customer").reset_index().to_parquet(
                folder / "trajectories.parquet", index=False
            )
            _draw(seen.trajectories[is_fitted], table["level1"][is_fitted], folder)
            model.save(folder / "model.json")
            digest = files.digest(folder / "model.json")
            moved = None
            if previous is not None:
                migration, moved = work.compare_models(previous, model, placed, seen.trajectories)
                migration.to_parquet(folder / MIGRATION, index=False)
    used = {"period": spend.period, "periods": spend.n_periods_, "normalize": spend.normalize}
    data = {"transactions": n_transactions, "first_day": str(first), "last_day": str(last)}
    record = {
        "parameters": {"file": file, **options, **used},
        "versions": work.versions(),
        "model": {"sha256": digest},
        "data": data | {"read_as": read_as},
        "figures": model.summarise(seen, fitted, is_fitted, described),
        "stability": agreement,
        "previous": moved,
        "seconds": steps.seconds,
    }
    return described, record


def _draw(trajectories, names, folder):
    """Write the picture of the trajectories of the customers who shape the tree."""
    display = TrajectoryDisplay.from_predictions(trajectories, names)
    display.figure_.suptitle(
        f"Where {len(names):,} customers move from period to period: the mean path of each "
        f"segment, and an ellipse around half of its customers"
    )
    display.figure_.savefig(folder / "trajectories.png")


def _read(file, options, previous):
    """The log, the aliases and the coefficients of a run."""
    coefficients = options["coefficients"] and files.read_coefficients(options["coefficients"])
    aliases = options["aliases"] and files.read_aliases(options["aliases"])
    if file is None:
        households = load_complete_journey()
        log = households.data
    else:
        period = options["period"] or "year"
        if previous is not None:
            # Both models add up whole periods of their own.
            period = math.gcd(MONTHS.get(period, period), previous.pipeline["spend"].n_months_)
        log = files.read_log(file, options, period)
    if aliases:
        with blame_data(options["aliases"]):
            check_aliases(load_coefficients(coefficients), log.categories, aliases)
    elif file is None:
        aliases = _bundled_aliases(households, coefficients)
    return log, aliases, coefficients


def _note_infrequent(spend):
    """Note which categories are one, if there are too many of them for factors."""
    rare = spend.infrequent_categories_
    if rare is not None:
        n_own = len(spend.categories_) - 1
        files.note(
            f"The {len(rare):,} categories with the fewest customers count as one, "
            f"{spend.categories_[-1]!r}; the other {n_own:,} count by themselves. To merge them in "
            f"another way, write groups of them in the file."
        )


def _bundled_aliases(households, coefficients):
    """The aliases of the bundled households that lead to one of the user's own coefficients."""
    if coefficients is None:
        return households.aliases
    known = set().union(*coefficients.values())
    return {name: target for name, target in households.aliases.items() if target in known}


def _choose_normalize(options):
    chosen = options["normalize"] or ("income" if options["income"] else "spending")
    if options["income"] and chosen != "income":
        raise CommandError(
            f"--income has no effect with --normalize {chosen}. Leave one of them out."
        )
    return None if chosen == "none" else chosen


def _show(described, record, output, *, is_bundled):
    """Print the data, the segments, and how far to trust them."""
    figures, data = record["figures"], record["data"]
    screen = console()
    tell = partial(screen.print, highlight=False, markup=False)
    files.say_how_read(data["read_as"])
    n_active, n_fitted = figures["customers_active_in_all_periods"], figures["customers_fitted"]
    drawn = f"{n_fitted:,} of " if n_fitted < n_active else ""
    tell(
        f"{figures['customers']:,} customers, {data['transactions']:,} transactions, "
        f"{data['first_day']} to {data['last_day']}.\n"
        f"The segments were fitted on {drawn}the {n_active:,} customers "
        f"who spend in {all_periods(figures['periods'])}; every customer is in one."
    )
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    shown = described[described["depth"] <= record["parameters"]["depth_shown"]]
    names, things = [], [thing for things in described["spends_more_on"] for thing in things]
    # Names that a bank writes in capitals throughout are easier to read in lower case.
    write = str.lower if things and all(map(str.isupper, things)) else str
    for path, depth in zip(shown["path"], shown["depth"], strict=True):
        name = cut(write(path.rpartition(" > ")[2]), LONGEST_NAME)
        names.append(name if depth == 1 else f"{'  ' * (depth - 1)}> {name}")
    # A long name is folded before it takes the place of what is beside it.
    width = min(max(map(len, [*names, "Segment"])), screen.width * 2 // 5)
    table.add_column("Segment", overflow="fold", width=width)
    for name in ("Customers", "Share", "Strength"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Spends more than others on", overflow="fold")
    for row, name in zip(shown.itertuples(), names, strict=True):
        table.add_row(
            Text(name, "bold" if row.depth == 1 else ""),
            f"{row.customers:,}",
            f"{row.share:.1%}",
            f"{row.strength:.2f}",
            Text(", ".join(cut(write(thing), LONGEST_NAME) for thing in row.spends_more_on)),
        )
    if len(shown):
        screen.print(table)
    if len(shown) < len(described):
        below = count(len(described) - len(shown), "segment")
        tell(
            f"Not shown are {below} inside these: pass --depth-shown {described['depth'].max()}, "
            f"or see segments.parquet."
        )
    if not len(described):
        tell("These customers do not divide into segments: they are all in one.")
    stability = record["stability"]
    if stability is not None and np.isfinite(stability["ari"]):
        tell(
            f"Another fit puts {stability['same']:.0%} of held-out customers into the same "
            f"top-level segment (ARI {stability['ari']:.2f}, {stability['low']:.2f} to "
            f"{stability['high']:.2f} over {stability['fits']} fits)."
        )
        tell(tell_found_again(pd.DataFrame(stability["nodes"])))
        tell(_tell_stable(stability))
    elif stability is None and record["parameters"]["stability"]:
        tell(
            f"The segments were not compared with other fits, because fewer than "
            f"{FEWEST_TO_REFIT} customers spend in {all_periods(figures['periods'])}. So "
            f"segments.parquet has no stable_segment and no reproduced."
        )
    if figures["split_half_kappa"] is not None:
        tell(_tell_halves(figures["same_in_both_halves"], figures["split_half_kappa"]))
    if record["previous"]:
        tell(printable(_tell_moves(record["previous"])))
    tell(_caution(figures["coverage"]))
    if is_bundled and figures["coverage"] is not None:
        tell(
            "The data of these households are grocery purchases at one retailer, and few of the "
            "published coefficients are about groceries."
        )
    outputs = OUTPUTS + (MIGRATION,) * bool(record["previous"])
    say(f"Written to {output}: {', '.join(outputs)}.")
    options = record["parameters"]
    # The model knows the other options of the file.
    used = {name: options[name] for name in files.NOT_IN_MODEL if options["file"]}
    words = "report", f"{output}/model.json", options["file"]
    say(f"To see a report: {files.command_line(words, used)}")


def _tell_stable(stability):
    """How many stable segments there are, and how many customers are in none of them."""
    n_stable = stability["stable_segments"]
    n_without = stability["customers_without_stable_segment"]
    if not n_stable:
        return (
            f"No segment at the top level is found again, so the stable_segment of every customer "
            f"is {EVERYBODY!r}."
        )
    told = (
        f"The stable_segment of a customer is the smallest that is found again; there "
        f"{'is' if n_stable == 1 else 'are'} {n_stable:,} of these"
    )
    if not n_without:
        return f"{told}."
    return (
        f"{told}. For {count(n_without, 'customer')}, even the top-level segment is not found "
        f"again, and the stable_segment is {EVERYBODY!r}."
    )


def _tell_halves(same, kappa):
    """Whether customers differ by more than chance."""
    told = (
        f"Two halves of the time give {same:.0%} of the fitted customers the same top-level "
        f"segment (kappa {kappa:.2f}, where 0 is chance)."
    )
    if kappa >= BY_CHANCE:
        return told
    return (
        f"{told} So customers differ little more than if all of them bought alike: do not use "
        f"these segments, even if other fits find them again."
    )


def _caution(coverage):
    """What the names rest on, and what they are not for."""
    use = "use segments to understand customers, never to decide about a person."
    if coverage is None:
        return f"The names rest on all spending, and say nothing about personality: {use}"
    return (
        f"{coverage:.1%} of the spending has a coefficient. Personality from spending is weak "
        f"evidence (r about .15): {use}"
    )


def _tell_moves(moved):
    """Who keeps the top-level segment of the previous model, and what is new, in one sentence."""
    told = f"{moved['same']:.0%} of {moved['customers']:,} customers keep their top-level segment"
    for kind in ("new", "gone"):
        if names := moved[kind]:
            some = count(len(names), "segment is", "segments are")
            told += f"; {some} {kind}: {' | '.join(names)}"
    return f"{told}."
