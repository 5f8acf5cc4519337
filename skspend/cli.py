"""The command ``skspend``: a file of transactions goes in, segments of customers come out.

What it does is in ``segmentation``; here are the options, the progress and the tables on screen.
"""

import os
import sys
import time
import warnings
from contextlib import contextmanager

import click
from click.core import ParameterSource
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text
from sklearn.pipeline import Pipeline

from . import __version__
from . import segmentation as work
from .aggregation import MONTHS
from .datasets import load_complete_journey

BUNDLED_PERIOD = 2
"""Months: six periods in the year that the bundled households were watched."""
PIPED_WIDTH = 100
"""Columns of a table that goes to no terminal."""
WORTH_A_LINE = 1.0
"""Seconds from which a step is reported where no progress bar can be shown."""
ROLES = ("customer", "date", "category", "amount")


class CommandError(click.ClickException):
    """What ends the command with one line on standard error."""

    exit_code = 2


class _Command(click.Command):
    """A command that says what is wrong in one line, also about its own options."""

    def parse_args(self, ctx, args):
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            raise CommandError(
                f"{error.format_message()} See {ctx.command_path} --help."
            ) from error

    def invoke(self, ctx):
        ctx.obj = Console(stderr=True, highlight=False)
        try:
            with _warnings_as_lines(ctx.obj):
                return super().invoke(ctx)
        except work.DataError as error:
            raise CommandError(str(error)) from error


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
    """


@main.command(cls=_Command)
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
@click.option("--units", type=click.IntRange(min=1), default=3, show_default=True,
              help="Dimensions of the state space.")  # fmt: skip
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

    FILE has a row for each transaction: customer, date, category and amount. Customers who spend
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
        _refuse_options_about_columns(ctx)
    options["normalize"] = _choose_normalize(options)
    if options["period"] is None:
        options["period"] = BUNDLED_PERIOD if file is None else "year"
    with work.output_folder(output, force=force) as folder, _Steps(ctx.obj) as steps:
        described, record = _run(file, options, folder, steps)
        work.write_json(record | {"seconds": steps.seconds}, folder / "run.json")
    _show(described, record)
    click.echo(f"Written to {output}: {', '.join(work.OUTPUTS)}.")


def _refuse_options_about_columns(ctx):
    """What the columns of a file are called means nothing without a file."""
    for name in (*ROLES, "outflow", "income"):
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE:
            raise CommandError(f"--{name} tells how to read FILE, and no FILE is given.")


def _choose_normalize(options):
    if options["income"] is None:
        chosen = options["normalize"] or "spending"
    elif options["normalize"] in (None, "income"):
        chosen = "income"
    else:
        raise CommandError(
            f"--income is used by --normalize income alone, not by {options['normalize']}. Leave "
            f"one of them out."
        )
    return None if chosen == "none" else chosen


def _run(file, options, folder, steps):
    """Do the job and write its files, all but run.json.

    Returns
    -------
    described : pandas.DataFrame
        The segments, in the order of the tree.
    record : dict
        What run.json says.
    """
    with steps.step("Reading"):
        log, aliases = _read(file, options)
        coefficients = None
        if options["coefficients"] is not None:
            coefficients = work.read_coefficients(options["coefficients"])
    with steps.step("Aggregating"):
        spend, panel, is_active = work.aggregate(
            log,
            period=options["period"],
            n_periods=options["periods"],
            normalize=options["normalize"],
        )
        data = work.count_data(log, spend)
    with steps.step("Starting TensorFlow"), _silent_native_code():
        from .networks import training

        training.keras.ops.zeros(1)  # finds the devices, and complains of those it does not find
    with steps.step("Training") as task:
        states = work.train(
            panel[is_active],
            coefficients=coefficients,
            aliases=aliases,
            n_units=options["units"],
            random_state=options["seed"],
            callback=_EpochProgress(task),
        )
    with steps.step("Clustering"):
        trajectories = states.transform(panel)
        model = work.cluster(
            spend,
            states,
            trajectories[is_active],
            states.scorer_.transform(panel[is_active]),
            max_depth=options["depth"],
            random_state=options["seed"],
        )
        described = model.describe(panel, trajectories)
        figures = work.summarise(model, panel, trajectories, is_active, described)
    with steps.step("Writing"):
        work.write_results(folder, model, log.customers, panel, trajectories, is_active)
    files = {
        name: options[name] and Path(options[name]).name for name in ("coefficients", "aliases")
    }
    record = {
        "file": None if file is None else Path(file).name,
        "parameters": options | files,
        "data": data,
        "result": figures,
        "versions": work.versions(),
    }
    return described, record


def _read(file, options):
    """The log, and from its categories to those of the coefficients."""
    if options["aliases"] is not None:
        aliases = work.read_aliases(options["aliases"])
    else:
        aliases = None
    if file is not None:
        return _read_file(file, options), aliases
    from .datasets import load_complete_journey

    households = load_complete_journey()
    if aliases is None and options["coefficients"] is None:
        aliases = households.aliases
    return households.data, aliases


def _read_file(file, options):
    columns = {role: options[role] for role in ROLES}
    return work.read_log(file, columns, outflow=options["outflow"], income=options["income"])


def _show(described, record):
    data, result = record["data"], record["result"]
    click.echo(
        f"{data['customers']:,} customers, {data['transactions']:,} transactions, "
        f"{data['first_day']} to {data['last_day']}. The {result['customers_active']:,} active in "
        f"all {result['periods']} periods shape the tree."
    )
    table = _segment_table("customers", "share", "strength")
    table.add_column("spends more on than others", overflow="fold")
    for row in described.itertuples():
        name = row.path.rpartition(" > ")[2]
        table.add_row(
            Text("  " * (row.depth - 1) + "> " * (row.depth > 1) + name),
            *_numbers(row.customers, row.share, row.strength),
            Text(", ".join(row.spends_more_on)),
        )
    if len(described):
        _print_table(table)
    else:
        click.echo("Nothing divides the customers: they are one segment.")
    click.echo(f"{result['coverage']:.1%} of the spending has a coefficient on the five traits.")
    if record["file"] is None:
        click.echo(
            "The bundled households show their grocery shopping alone, of which few categories have "
            "a\ncoefficient: look at how it works, not at what it says."
        )
    click.echo(
        "Personality from spending is weak evidence (r about .15): not to be used to decide about a "
        "person."
    )


def _segment_table(*numbers):
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("segment")
    for name in numbers:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _numbers(customers, share, strength):
    return f"{customers:,}", f"{share:.1%}", f"{strength:.2f}"


def _print_table(table):
    width = None if sys.stdout.isatty() else PIPED_WIDTH
    Console(width=width, highlight=False).print(table)


@main.command(cls=_Command)
@click.argument("model")
@click.argument("file")
@_column_options
@click.option("--output", metavar="FILE.parquet", default="segments.parquet", show_default=True)
@click.option("--force", is_flag=True, help="Replace the output if it is there.")
@click.pass_context
def predict(ctx, model, file, output, force, **options):
    """Tell the segments of the customers of FILE by a saved MODEL.

    FILE is read as by skspend segment; its periods count back from the last month in it. Nothing
    is trained. A MODEL that holds anything but what skspend segment writes is not loaded.

    \b
    Examples:
      skspend predict skspend-output/model.skops new.parquet
      skspend predict model.skops new.csv --outflow negative --output new_segments.parquet
    """
    with work.output_file(output, force=force) as path, _Steps(ctx.obj) as steps:
        with steps.step("Reading"):
            fitted = work.SegmentModel.load(model)
            if options["income"] is not None and fitted.normalize != "income":
                raise CommandError("--income is of no use: the model does not normalize by income.")
            log = _read_file(file, options)
        with steps.step("Segmenting"):
            placed = fitted.predict(log)
            placed.to_parquet(path, index=False)
    table = _segment_table("customers", "share", "strength")
    for name, members in sorted(placed.groupby("segment"), key=lambda group: -len(group[1])):
        share = len(members) / len(placed)
        table.add_row(Text(name), *_numbers(len(members), share, members["strength"].mean()))
    _print_table(table)
    click.echo(f"{len(placed):,} customers, written to {output}.")


class _Steps:
    """Bars on a terminal; elsewhere a line for every step that took long."""

    def __init__(self, console):
        self.seconds = {}
        self._console = console
        self._bars = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not sys.stderr.isatty(),
            redirect_stdout=False,
            redirect_stderr=False,
        )

    def __enter__(self):
        self._bars.start()
        return self

    def __exit__(self, *_):
        self._bars.stop()

    @contextmanager
    def step(self, title):
        """Report a step; gives a function that tells of a part done, of so many."""
        started = time.perf_counter()
        task = self._bars.add_task(title, total=None)
        yield lambda n_parts: self._bars.update(task, advance=1, total=n_parts)
        self._bars.update(task, completed=1, total=1)
        self.seconds[title] = time.perf_counter() - started
        if self._bars.disable and self.seconds[title] > WORTH_A_LINE:
            click.echo(f"{title} took {self.seconds[title]:.0f} s.", err=True)


class _EpochProgress:
    """Callback of scikit-learn that tells a step of every epoch."""

    def __init__(self, tell):
        self.tell = tell

    def setup(self, estimator, context):
        """Nothing to prepare."""

    def teardown(self, estimator, context):
        """Nothing to clear up."""

    def on_fit_task_begin(self, estimator, context):
        """Only what is done counts."""

    def on_fit_task_end(self, estimator, context):
        """Count an epoch."""
        if context.task_name == "epoch":
            self.tell(context.parent.max_subtasks)


@contextmanager
def _warnings_as_lines(console):
    """Show each warning once, as a line without the place in the source."""
    shown = set()

    def show(message, *_, **__):
        line = f"Warning: {work.as_options(str(message))}"
        if line not in shown:
            shown.add(line)
            console.print(Text(line), soft_wrap=True)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning)
        warnings.showwarning = show
        yield


@contextmanager
def _silent_native_code():
    """Drop what TensorFlow's native code writes to file descriptor 2 while it starts.

    Python's own standard error, tracebacks included, goes around it.
    """
    sys.stderr.flush()
    kept, stream = os.dup(2), sys.stderr
    try:
        with open(os.devnull, "wb") as nowhere, open(kept, "w", closefd=False) as aside:
            if _writes_to_descriptor(stream, 2):
                sys.stderr = aside
            os.dup2(nowhere.fileno(), 2)
            yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        sys.stderr = stream


def _writes_to_descriptor(stream, descriptor):
    try:
        return stream.fileno() == descriptor
    except OSError:
        return False
