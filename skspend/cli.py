"""The command ``skspend``: a file of transactions goes in, segments of customers come out.

What it does is in ``segmentation``; here are the options, the progress and the tables on screen.
"""

import time
from functools import partial

import click
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text
from sklearn.pipeline import Pipeline

from . import __version__, files
from . import segmentation as work
from ._console import Command, CommandError, EpochProgress, Steps
from .aggregation import MONTHS
from .datasets import load_berka, load_complete_journey

BUNDLED_PERIOD = 2
"""Months: six periods in the year that the bundled households were watched."""
PIPED_WIDTH = 100
"""Columns of a table that goes to no terminal."""
ROLES = ("customer", "date", "category", "amount")


class _Period(click.ParamType):
    name = "period"

    def convert(self, value, param, ctx):
        if value in MONTHS:
            return value
        if str(value).isdigit() and int(value) > 0:
            return int(value)
        self.fail(f"{value!r} is none of {', '.join(MONTHS)}, and no number of months.", param, ctx)


def _column_options(command):
    options = [
        click.option("--customer", metavar="COLUMN", default="customer", show_default=True),
        click.option("--date", metavar="COLUMN", default="date", show_default=True),
        click.option("--category", metavar="COLUMN", default="category", show_default=True),
        click.option("--amount", metavar="COLUMN", default="amount", show_default=True),
        click.option(
            "--outflow",
            type=click.Choice(["positive", "negative"]),
            default="positive",
            show_default=True,
            help="The sign of money spent.",
        ),
        click.option(
            "--income",
            metavar="COLUMN",
            help="Holds the customer's yearly income; the mean of a customer's rows counts.",
        ),
        click.option(
            "--drop-unreadable",
            is_flag=True,
            help="Leave rows out that cannot be read, and count them by reason.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main():
    """Find segments of customers in bank transactions.

    Spending by category and period, the personality it shows, trajectories in the state space of a
    small recurrent network, and a tree of segments in which every customer has a place.

    \b
    Examples:
      skspend segment                      bundled real households, to see what comes out
      skspend segment transactions.csv     your own customers
      skspend predict skspend-output/model.skops new.parquet
      skspend study --quick                what the paper claims, and what is found
    """


@main.command(cls=Command)
@click.argument("file", required=False)
@_column_options
@click.option(
    "--period",
    type=_Period(),
    metavar="[year|half|quarter|month|NUMBER]",
    help="Length of a period; a number counts months.  [default: year]",
)
@click.option(
    "--periods",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of periods, back from the last month of the data.  [default: all whole ones]",
)
@click.option(
    "--normalize",
    type=click.Choice(["spending", "income", "none"]),
    help="What amounts are divided by.  [default: spending, or income with --income]",
)
@click.option(
    "--coefficients",
    metavar="FILE.csv",
    help="Coefficients of categories on the five traits: a column category and one for each trait, "
    "or the columns category, trait and value.  [default: published directions]",
)
@click.option(
    "--aliases",
    metavar="FILE.csv",
    help="Two columns: category in the data, category of the coefficients.",
)
@click.option("--units", type=click.IntRange(min=1), default=6, show_default=True,
              help="Dimensions of the state space; 3 in the paper, steadier with 5.")  # fmt: skip
@click.option("--depth", type=click.IntRange(min=1), default=3, show_default=True,
              help="Most levels of the tree.")  # fmt: skip
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="The same seed gives the same segments.")  # fmt: skip
@click.option("--output", metavar="DIR", default="skspend-output", show_default=True,
              help="Folder for the results.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace results that are there.")
@click.pass_context
def segment(ctx, file, output, force, **options):
    """Segment the customers of FILE, a CSV or Parquet file of transactions.

    FILE has a row for each transaction: customer, date, category and amount. It may be larger than
    memory, or a pattern in quotes for several files, such as "bank/*.parquet". Customers who spend
    in all periods shape the tree; then every customer gets a place in it. Without FILE, the 2,469
    real households that come with skspend are segmented in periods of two months.

    Written to DIR: segments.parquet (the segment, strength and traits of every customer),
    trajectories.parquet and trajectories.png, model.skops (for skspend predict) and run.json.

    \b
    Examples:
      skspend segment
      skspend segment transactions.csv --period half --output segments-2024
      skspend segment bank.parquet --customer account_id --date booked --category mcc \\
          --outflow negative --aliases mcc_names.csv --coefficients ratings.csv
    """
    if file is None:
        _refuse_column_options(ctx)
    started = time.perf_counter()
    with files.output_folder(output, force=force) as folder:
        described, record = _run(file, options, folder)
        record["seconds"]["total"] = time.perf_counter() - started
        files.write_json(record, folder / "run.json")
    _show(described, record, is_bundled=file is None)
    click.echo(f"Written to {output}: {', '.join(files.OUTPUTS)}.")


def _refuse_column_options(ctx):
    """Options about the columns of a file mean nothing without one."""
    for name in (*ROLES, "outflow", "income", "drop_unreadable"):
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise CommandError(f"--{option} is about the columns of FILE, and no FILE is given.")
    if ctx.params["normalize"] == "income":
        raise CommandError("--normalize income: the bundled households come without their income.")


def _run(file, options, folder):
    """Do the job and write its files, but run.json.

    Returns
    -------
    described : pandas.DataFrame
        The segments in the order of the tree.
    record : dict
        What run.json holds, and the screen shows.
    """
    with Steps() as steps:
        with steps.step("Reading"):
            log, aliases, coefficients = _read(file, options)
        with steps.step("Aggregating"):
            spend, panel, is_active = work.aggregate(
                log,
                period=options["period"] or ("year" if file else BUNDLED_PERIOD),
                n_periods=options["periods"],
                normalize=_choose_normalize(options),
            )
        with steps.step("Training") as task:
            states = work.train(
                panel[is_active],
                coefficients=coefficients,
                aliases=aliases,
                n_units=options["units"],
                random_state=options["seed"],
                callback=EpochProgress(steps.progress, task),
            )
        with steps.step("Clustering"):
            trajectories = states.transform(panel)
            scores = states.scorer_.transform(panel)
            segment, names = work.cluster(
                trajectories[is_active],
                scores[is_active],
                max_depth=options["depth"],
                random_state=options["seed"],
            )
            pipeline = Pipeline([("spend", spend), ("states", states), ("segment", segment)])
            model = work.SegmentModel(pipeline, names)
            described = model.describe(panel, trajectories)
        with steps.step("Writing"):
            table = model.place(log.customers, panel, trajectories)
            table.to_parquet(folder / "segments.parquet", index=False)
            trajectories.rename_axis("customer").reset_index().to_parquet(
                folder / "trajectories.parquet", index=False
            )
            work.draw(
                trajectories[is_active], table["type"][is_active], folder / "trajectories.png"
            )
            model.save(folder / "model.skops")
    first, last = log.span
    used = {"period": spend.period, "periods": spend.n_periods_, "normalize": spend.normalize}
    record = {
        "parameters": {"file": file, **options, **used},
        "versions": work.versions(),
        "data": {
            "transactions": log.n_transactions,
            "first_day": str(first),
            "last_day": str(last),
        },
        "figures": work.summarise(model, panel, trajectories, is_active, described),
        "seconds": steps.seconds,
    }
    return described, record


def _read(file, options):
    """The log, the aliases and the coefficients of a run."""
    coefficients = options["coefficients"] and files.read_coefficients(options["coefficients"])
    aliases = options["aliases"] and files.read_aliases(options["aliases"])
    if file is None:
        households = load_complete_journey()
        return households.data, aliases or _bundled_aliases(households, coefficients), coefficients
    return _read_log(file, options, options["period"] or "year"), aliases, coefficients


def _bundled_aliases(households, coefficients):
    """The aliases of the bundled households, but those that one's own coefficients do not know."""
    if coefficients is None:
        return households.aliases
    known = set().union(*coefficients.values())
    return {name: target for name, target in households.aliases.items() if target in known}


def _read_log(file, options, period):
    columns = {role: options[role] for role in ROLES}
    log = files.read_log(
        file,
        columns,
        outflow=options["outflow"],
        income=options["income"],
        period=period,
        errors="drop" if options["drop_unreadable"] else "raise",
    )
    for reason, n, amount in log.quality_.itertuples():
        if n:
            total = f" ({amount:,.2f} in all)" if amount else ""
            click.echo(f"Dropped {n:,}: {reason}{total}.", err=True)
    return log


def _choose_normalize(options):
    chosen = options["normalize"] or ("income" if options["income"] else "spending")
    if options["income"] and chosen != "income":
        raise CommandError(f"--income is of no use with --normalize {chosen}. Leave one out.")
    return None if chosen == "none" else chosen


def _show(described, record, *, is_bundled):
    """Print what was found: the data, the segments, and what to think of them."""
    figures, data = record["figures"], record["data"]
    console = _console()
    say = partial(console.print, highlight=False, markup=False)
    say(
        f"{figures['customers']:,} customers, {data['transactions']:,} transactions, "
        f"{data['first_day']} to {data['last_day']}.\n"
        f"The {figures['customers_active_in_all_periods']:,} who spend in all "
        f"{figures['periods']} periods shape the tree; everybody has a place in it."
    )
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Segment", no_wrap=True)
    for name in ("Customers", "Share", "Strength"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Spends more than others on", overflow="fold")
    for row in described.itertuples():
        name = row.path.rpartition(" > ")[2]
        is_top = row.depth == 1
        table.add_row(
            Text(name if is_top else f"{'  ' * (row.depth - 1)}> {name}", "bold" if is_top else ""),
            f"{row.customers:,}",
            f"{row.share:.1%}",
            f"{row.strength:.2f}",
            Text(", ".join(row.spends_more_on)),
        )
    console.print(table)
    if not len(described):
        say("Nothing divides these customers: they are one segment.")
    say(
        f"{figures['coverage']:.1%} of the spending has a coefficient. Personality from spending "
        f"is weak evidence (r about .15): use segments to understand customers, never to decide "
        f"about a person."
    )
    if is_bundled:
        say(
            "These households are seen through one retailer's groceries, and few of the published "
            "coefficients are about groceries."
        )


@main.command(cls=Command)
@click.argument("model")
@click.argument("file")
@_column_options
@click.option("--output", metavar="FILE.parquet", default="segments.parquet", show_default=True,
              help="Where the table goes.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace the table if it is there.")
def predict(model, file, output, force, **options):
    """Bring the customers of FILE to the segments of a saved MODEL.

    MODEL is the model.skops that skspend segment writes. FILE may be larger than memory, or a
    pattern in quotes. Periods are counted back from the last month in FILE. Customers need not be
    those that the model was made of. The table has the columns of segments.parquet.

    \b
    Examples:
      skspend predict skspend-output/model.skops new.parquet --output new-segments.parquet
      skspend predict skspend-output/model.skops "bank/*.parquet" --drop-unreadable
    """
    with files.output_file(output, force=force) as temporary, Steps() as steps:
        with steps.step("Reading"):
            loaded = work.SegmentModel.load(model)
            if options["income"] and loaded.pipeline["spend"].normalize != "income":
                raise CommandError("--income is of no use: the model does not normalize by income.")
            log = _read_log(file, options, loaded.pipeline["spend"].period)
        with steps.step("Segmenting"):
            table = loaded.predict(log)
        table.to_parquet(temporary, index=False)
    counts = table["segment"].value_counts()
    for segment_name, count in counts.items():
        click.echo(f"{count:>9,}  {segment_name}")
    click.echo(f"{len(table):,} customers in {len(counts)} segments, written to {output}.")


def _check_jobs(ctx, param, jobs):
    if jobs == 0:
        raise click.BadParameter("0 fits at once would take for ever.", ctx, param)
    return jobs


@main.command(cls=Command)
@click.option("--quick", is_flag=True, help="Less of everything, to see what comes out.")
@click.option("--berka", metavar="DIR", help="Folder of the PKDD'99 loan data, to study it too.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True,
              help="The same seed gives the same figures.")  # fmt: skip
@click.option("--jobs", type=int, default=-1, show_default=True, callback=_check_jobs,
              help="Fits at once; -1 means as many as there are processors.")  # fmt: skip
@click.option("--output", metavar="DIR", default="skspend-study", show_default=True,
              help="Folder for the results.")  # fmt: skip
@click.option("--force", is_flag=True, help="Replace a study with other options.")
def study(quick, berka, seed, jobs, output, force):
    """Repeat the study of Maree & Omlin (2021), and see which of its claims hold.

    On a synthetic bank of the paper's size, on the bundled households, and on the loan data if its
    folder is given. Written to DIR: claims.md, one page with each claim, the paper's figure, the
    one found and a verdict; claims.csv; frames and figures. It takes a quarter of an hour on two
    processors, and less than two minutes with --quick.

    A study that was interrupted goes on where it stopped when it is called again with the same
    options: what was fitted is kept in DIR/cache, which may be deleted afterwards.

    \b
    Examples:
      skspend study --quick --output quick-study
      skspend study --berka ~/data/berka
    """
    # Imported here, as no other command needs it.
    from . import study as studies
    from .study import page

    parameters = {"quick": quick, "berka": berka, "seed": seed}
    started = time.perf_counter()
    if berka is not None:
        with files.blame_data():
            load_berka(berka)
    folder = files.study_folder(output, parameters, force=force)
    with Steps() as steps:
        paper = studies.PaperStudy(
            studies.QUICK if quick else studies.FULL,
            berka=berka,
            n_jobs=jobs,
            memory=folder / "cache",
            random_state=seed,
        )
        claims = page.write_study(paper, folder, steps.counted)
        record = {
            "parameters": parameters,
            "versions": work.versions(),
            "seconds": steps.seconds | {"total": time.perf_counter() - started},
        }
        files.write_json(record, folder / files.STUDY_RECORD)
    _show_claims(page.summarise(claims))
    click.echo(f"Written to {output}: {page.CLAIMS}, claims.csv, frames, figures.")


def _show_claims(verdicts):
    console = _console()
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Claim", overflow="fold")
    for name in verdicts.columns:
        table.add_column(name, overflow="fold")
    for claim, row in verdicts.iterrows():
        table.add_row(Text(claim), *map(Text, row))
    console.print(table)


def _console():
    console = Console()
    return console if console.is_terminal else Console(width=PIPED_WIDTH)
