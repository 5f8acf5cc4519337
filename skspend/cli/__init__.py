"""The command ``skspend``: from a file of transactions to segments of customers.

This module holds the commands with their options and help. It imports nothing heavy before a
command runs, so that help and completion are fast. A module for each command does the work.
"""

import click

from .. import __version__
from . import _options as shared
from ._console import Command, CommandError, Main


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
def main():
    """Find segments of customers in bank transactions.

    From transactions it computes spending by category and period, personality scores, trajectories
    in the state space of small recurrent networks, and a tree of segments. Every customer gets a
    segment.

    \b
    Examples:
      skspend segment                      the bundled households, to see the results
      skspend categories transactions.csv  which of your categories may have coefficients
      skspend segment transactions.csv     your own customers
      skspend report skspend-output/model.json transactions.csv --card
      skspend predict skspend-output/model.json new.parquet
      skspend study --quick                the claims of the paper, and what is found here

    \b
    Exit codes:
      0    success
      1    a bug in skspend, with a traceback
      2    an error in the input; one line on standard error gives the reason and the remedy
      130  interrupted; no file is half-written (143 after SIGTERM, 129
           after SIGHUP, 141 after a closed pipe)

    \b
    Completion of commands, options and files, in ~/.bashrc (or zsh_source, fish_source):
      eval "$(_SKSPEND_COMPLETE=bash_source skspend)"
    """


@main.command(cls=Command)
@click.argument("file", required=False, type=shared.PATH)
@shared.column_options
@shared.period_option
@click.option(
    "--periods",
    type=click.IntRange(min=1),
    metavar="N",
    help="Number of periods, counted back from the last month.  [default: all whole periods]",
)
@click.option(
    "--normalize",
    type=click.Choice(["spending", "income", "none"]),
    help="Divide amounts by this total.  [default: spending, or income with --income]",
)
@shared.coefficients_option
@shared.table_option(
    "--aliases",
    "The table of skspend categories, or two columns: category in the data, category of the "
    "coefficients.",
)
@click.option(
    "--without-traits", is_flag=True, help="Find segments of spending alone, without coefficients."
)
@click.option("--depth", type=click.IntRange(min=1), default=3, show_default=True,
              help="Maximum number of levels of the tree.")  # fmt: skip
@click.option("--depth-shown", type=click.IntRange(min=1), default=1, show_default=True,
              help="Number of levels of the tree on the screen.")  # fmt: skip
@click.option(
    "--previous",
    type=shared.PATH,
    metavar="MODEL",
    help="A model.json of earlier data: segments found again keep their numbers and names.",
)
@click.option("--stability/--no-stability", default=True, show_default=True,
              help="Fit three times more, to see which segments are found again.")  # fmt: skip
@shared.seed_option
@shared.output_option("DIR", "skspend-output", "Folder of the results.")
@shared.force_option
@click.pass_context
def segment(ctx, /, file, output, force, **options):
    """Segment the customers in a FILE of transactions.

    FILE has a row for each transaction: customer, date, category and amount. It is text, also in
    .gz, .zst or .zip, Parquet, Arrow or Excel (.xlsx). The command finds columns by their usual
    names, and how text is written (separator, decimal sign, encoding, dates). It checks this on
    every row, prints it, and refuses what can be read in two ways. FILE may be larger than memory,
    a folder, or a pattern in quotes for several files, such as "bank/*.parquet". The tree is fitted
    on customers who spend in all periods, on 50,000 of them if there are more; then every customer
    gets a segment. If the categories have no coefficients, --without-traits finds segments by what
    is bought and how much of it. Without FILE, the 2,469 real households that come with skspend are
    segmented in periods of two months.

    DIR gets segments.parquet (of every customer the segment, the stable_segment that other fits
    find again, strength and traits), trajectories.parquet and trajectories.png, model.json (for
    predict and report) and run.json. With --previous, it also gets migration.parquet: how many
    customers moved between segments.

    \b
    Examples:
      skspend segment
      skspend segment transactions.csv --period half --output segments-2024
      skspend segment bank.parquet --customer account_id --date booked --category code --mcc \\
          --outflow negative --aliases categories.csv --coefficients ratings.csv
      skspend segment bank.parquet --mcc --without-traits
      skspend segment next-year.csv --previous skspend-output/model.json --output next-year
    """
    from ._segment import segment_file

    for name in ("coefficients", "aliases"):
        if options["without_traits"] and options[name] is not None:
            raise CommandError(
                f"--{name} has no effect with --without-traits. Leave one of them out."
            )
    if file is None:
        shared.refuse_column_options(ctx)
        if options["normalize"] == "income":
            raise CommandError(
                "--normalize income: the income of the bundled households is unknown."
            )
    return segment_file(file, output, force, options)


@main.command(cls=Command)
@click.argument("file", type=shared.PATH)
@shared.column_options
@shared.coefficients_option
@shared.output_option("FILE.csv", "categories.csv", "File of the table.")
@shared.force_option
def categories(file, output, force, **options):
    """Suggest which coefficients the categories in FILE may use.

    FILE is a table of transactions, as for skspend segment. A bank's categories have other names
    than those that have coefficients. FILE.csv gets a row for each category of the bank, from the
    largest spending: the category with coefficients that it may be (use_as), how much of the name
    is known words (score, from 0 to 100), the traits on which the coefficients are, its share of
    the spending, and its customers. Suggestions rest on the names alone: read them, correct or
    empty the cells of use_as, and pass the table to skspend segment --aliases.

    \b
    Examples:
      skspend categories bank.csv
      skspend categories "bank/*.parquet" --outflow negative --output names.csv
    """
    from ._categories import suggest_file

    return suggest_file(file, output, force, options)


@main.command(cls=Command)
@click.argument("model", type=shared.PATH)
@click.argument("file", type=shared.PATH)
@shared.column_options
@shared.unknown_option
@shared.output_option("FILE.parquet", "segments.parquet", "File of the table.")
@shared.force_option
def predict(model, file, output, force, **options):
    """Find the segments of the customers of FILE with a saved MODEL.

    MODEL is the model.json that skspend segment writes. FILE may be larger than memory, a folder,
    or a pattern in quotes. Periods are counted back from the last month in FILE. The customers may
    be new to the model. The table has the columns of segments.parquet of skspend segment, except
    reproduced.

    \b
    Examples:
      skspend predict skspend-output/model.json new.parquet --output new-segments.parquet
      skspend predict skspend-output/model.json "bank/*.parquet" --drop-unreadable
    """
    from ._predict import predict_file

    return predict_file(model, file, output, force, options)


@main.command(cls=Command)
@click.argument("model", type=shared.PATH)
@click.argument("file", required=False, type=shared.PATH)
@shared.column_options
@shared.unknown_option
@shared.table_option(
    "--protected",
    "Protected attributes: a column of customers, then a column for each attribute. The "
    "report shows how often each group is in each segment.",
)
@shared.table_option(
    "--transfer", "Transfer results for the report, in a table that skspend study writes."
)
@click.option("--card", is_flag=True, help="Also write a model card, NAME-card.md.")
@click.option(
    "--customer-ids", is_flag=True, help="Name typical customers by identifier, not by number."
)
@click.option("--open", is_flag=True, help="Open the report in the browser.")
@shared.output_option("FILE.html", "skspend-report.html", "File of the report.")
@shared.force_option
@click.pass_context
def report(ctx, /, model, file, output, force, **options):
    """Report the segments of a saved MODEL on one page of HTML.

    The page works offline: open it in a browser, send it, print it. It says which segments there
    are, what each spends its money on, where its customers come from and go, how far to trust it,
    and what it must not be used for. MODEL is the model.json that skspend segment writes. FILE
    holds the customers of the report; with customers who are new to the model, the figures say how
    well it works for others. Without FILE, the report is of the bundled households.

    \b
    Examples:
      skspend report skspend-output/model.json --open
      skspend report skspend-output/model.json transactions.csv --card
      skspend report model.json "bank/*.parquet" --protected age-brackets.csv --output page.html
    """
    from ._report import report_file

    if file is None:
        shared.refuse_column_options(ctx)
    return report_file(model, file, output, force, options)


def _check_jobs(ctx, param, jobs):
    if jobs == 0:
        raise click.BadParameter("0 is not a number of fits at once.", ctx, param)
    return jobs


@main.command(cls=Command)
@click.option(
    "--quick", is_flag=True, help="Less data and fewer repetitions, to see the results soon."
)
@click.option("--berka", type=shared.PATH, metavar="DIR",
              help="Folder of the PKDD'99 loan data, to include it.")  # fmt: skip
@shared.seed_option
@click.option("--jobs", type=int, default=-1, show_default=True, callback=_check_jobs,
              help="Number of fits at once; -1 means one for each processor.")  # fmt: skip
@shared.output_option("DIR", "skspend-study", "Folder of the results.")
@shared.force_option
def study(quick, berka, seed, jobs, output, force):
    """Repeat the study of the paper, and see which of its claims hold.

    The study of Maree & Omlin (2021) runs on a synthetic bank of the same size, on the bundled
    households, and on the loan data if its folder is given. DIR gets claims.md, a page with each
    claim, the figure of the paper, the figure found here and a verdict; claims.csv; frames and
    figures. It takes more than an hour on two processors, and less than two minutes with
    --quick.

    After an interruption, call it again with the same options: it continues where it stopped. Fits
    are kept in ~/.cache/skspend-study (or below XDG_CACHE_HOME), which you may delete afterwards.

    \b
    Examples:
      skspend study --quick --output quick-study
      skspend study --berka ~/data/berka
    """
    from ._study import run_study

    return run_study(quick, berka, seed, jobs, output, force)
