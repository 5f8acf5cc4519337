"""The command ``skspend``: a file of transactions goes in, segments of customers come out.

What it does is in ``segmentation``; here are the options, the progress and the tables on screen.
"""

import os
import sys
import time
import warnings
from contextlib import contextmanager
from pathlib import Path

import click
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from . import __version__
from . import segmentation as work
from .aggregation import MONTHS

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
            raise CommandError(f"{error.format_message()} See {ctx.command_path} --help.") from error

    def invoke(self, ctx):
        try:
            with _clean_warnings():
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
        _refuse_column_options(ctx)
    started = time.perf_counter()
    with work.output_folder(output, force=force) as folder:
        result, record = _run(file, options, folder)
        record["seconds"]["total"] = time.perf_counter() - started
        work.write_json(record, folder / "run.json")
    _show(result, record, is_bundled=file is None)
    click.echo(f"Written to {output}: {', '.join(work.OUTPUTS)}.")


def _refuse_column_options(ctx):
    """Options about the columns of a file mean nothing without one."""
    for name in (*ROLES, "outflow", "income"):
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            raise CommandError(f"--{name} is about the columns of FILE, and no FILE is given.")
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
    normalize = _choose_normalize(options)
    with _Steps() as steps:
        with steps.step("Reading"):
            log, aliases = _read(file, options)
            coefficients = None
            if options["coefficients"]:
                coefficients = work.read_coefficients(options["coefficients"])
        with steps.step("Aggregating"):
            spend, panel, is_active = work.aggregate(
                log,
                period=options["period"] or ("year" if file else BUNDLED_PERIOD),
                n_periods=options["periods"],
                normalize=normalize,
            )
            customers, data = log.customers, _describe_data(log, spend)
            del log
        with steps.step("Starting TensorFlow"), _silent_native_code():
            from .networks import training

            training.keras.ops.zeros(1)
        with steps.step("Training") as task:
            states = work.train(
                panel[is_active],
                coefficients=coefficients,
                aliases=aliases,
                n_units=options["units"],
                random_state=options["seed"],
                callback=_EpochProgress(task),
            )
            trajectories = states.transform(panel)
        with steps.step("Clustering"):
            ...
