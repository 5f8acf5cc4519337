"""The command ``skspend``: a file of transactions goes in, segments of customers come out.

Here is what people type and read in ``--help``; nothing heavy is imported before a command runs,
so that help and completion answer at once. What each command does is in a module of its name.
"""

import click

from .. import __version__
from ._console import Command, CommandError, Main
from ._options import (
    column_options,
    force_option,
    output_option,
    period_option,
    refuse_column_options,
    seed_option,
)


@click.group(cls=Main, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, "-V", "--version")
def main():
    """Find segments of customers in bank transactions.

    Spending by category and period, the personality it shows, trajectories in the state space of a
    small recurrent network, and a tree of segments in which every customer has a place.

    \b
    Examples:
      skspend segment                      bundled real households, to see what comes out
      skspend segment transactions.csv     your own customers
      skspend report skspend-output/model.json transactions.csv --card
      skspend predict skspend-output/model.json new.parquet
      skspend study --quick                what the paper claims, and what is found

    \b
    Exit codes:
      0    done
      1    a bug in skspend; the traceback tells where
      2    what was given is wrong: one line on standard error says what, and what to do
      130  interrupted: no file is half-written (143 if told to end, 141 if nobody reads)

    \b
    Completion of commands, options and files, in ~/.bashrc (or zsh_source, fish_source):
      eval "$(_SKSPEND_COMPLETE=bash_source skspend)"
    """


@main.command(cls=Command)
@click.argument("file", required=False, type=click.Path())
@column_options
@period_option
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
    type=click.Path(),
    metavar="FILE.csv",
    help="Coefficients of categories on the five traits: a column category and one for each trait, "
    "or the columns category, trait and value.  [default: published directions]",
)
@click.option(
    "--aliases",
    type=click.Path(),
    metavar="FILE.csv",
    help="Two columns: category in the data, category of the coefficients.",
)
@click.option("--units", type=click.IntRange(min=1), default=6, show_default=True,
              help="Dimensions of the states; 3 in the paper, steadier with 6.")  # fmt: skip
@click.option("--depth", type=click.IntRange(min=1), default=3, show_default=True,
              help="Most levels of the tree.")  # fmt: skip
@seed_option
@output_option("DIR", "skspend-output", "Folder for the results.")
@force_option
@click.pass_context
def segment(ctx, /, file, output, force, **options):
    """Segment the customers in a FILE of transactions.

    FILE is CSV or Parquet and has a row for each transaction: customer, date, category and amount.
    It may be larger than memory, or a pattern in quotes for several files, such as
    "bank/*.parquet". Customers who spend in all periods shape the tree; then every customer gets a
    place in it. Without FILE, the 2,469 real households that come with skspend are segmented in
    periods of two months.

    Written to DIR: segments.parquet (the segment, strength and traits of every customer),
    trajectories.parquet and trajectories.png, model.json (for predict and report) and run.json.

    \b
    Examples:
      skspend segment
      skspend segment transactions.csv --period half --output segments-2024
      skspend segment bank.parquet --customer account_id --date booked --category mcc \\
          --outflow negative --aliases mcc_names.csv --coefficients ratings.csv
    """
    from ._segment import segment_file

    if file is None:
        refuse_column_options(ctx)
        if options["normalize"] == "income":
            raise CommandError(
                "--normalize income: the bundled households come without their income."
            )
    return segment_file(file, output, force, options)


@main.command(cls=Command)
@click.argument("model", type=click.Path())
@click.argument("file", type=click.Path())
@column_options
@output_option("FILE.parquet", "segments.parquet", "Where the table goes.")
@force_option
def predict(model, file, output, force, **options):
    """Bring the customers of FILE to a saved MODEL's segments.

    MODEL is the model.json that skspend segment writes. FILE may be larger than memory, or a
    pattern in quotes. Periods are counted back from the last month in FILE. Customers need not be
    those that the model was made of. The table has the columns of segments.parquet.

    \b
    Examples:
      skspend predict skspend-output/model.json new.parquet --output new-segments.parquet
      skspend predict skspend-output/model.json "bank/*.parquet" --drop-unreadable
    """
    from ._predict import predict_file

    return predict_file(model, file, output, force, options)


@main.command(cls=Command)
@click.argument("model", type=click.Path())
@click.argument("file", required=False, type=click.Path())
@column_options
@click.option(
    "--protected",
    type=click.Path(),
    metavar="FILE.csv",
    help="Attributes that must not decide about people: a column of customers, then one for each "
    "attribute. How often each group is in each segment is told.",
)
@click.option(
    "--transfer",
    type=click.Path(),
    metavar="FILE.csv",
    help="A table of transfer results to show, such as skspend study writes.",
)
@click.option("--card", is_flag=True, help="Write a model card beside the report, as NAME-card.md.")
@click.option(
    "--customer-ids", is_flag=True, help="Call exemplars by their identifier, not by a number."
)
@output_option("FILE.html", "skspend-report.html", "Where the report goes.")
@force_option
@click.pass_context
def report(ctx, /, model, file, output, force, **options):
    """Show the segments of a saved MODEL: one page of HTML.

    The page needs no network: open it in a browser, send it, print it. It has the hierarchy to
    click into, trajectories, the profile of each segment, its size and stability over time, how far
    to trust it, and what it must not be used for. MODEL is the model.json that skspend segment
    writes; FILE holds the customers to show. Give others than those the model was made of to see
    what holds for them. Without FILE, the bundled households are shown.

    \b
    Examples:
      skspend report skspend-output/model.json
      skspend report skspend-output/model.json transactions.csv --card
      skspend report model.json "bank/*.parquet" --protected age-brackets.csv --output page.html
    """
    from ._report import report_file

    if file is None:
        refuse_column_options(ctx)
    return report_file(model, file, output, force, options)


def _check_jobs(ctx, param, jobs):
    if jobs == 0:
        raise click.BadParameter("0 fits at once would take for ever.", ctx, param)
    return jobs


@main.command(cls=Command)
@click.option("--quick", is_flag=True, help="Less of everything, to see what comes out.")
@click.option("--berka", type=click.Path(), metavar="DIR",
              help="Folder of the PKDD'99 loan data, to study it too.")  # fmt: skip
@seed_option
@click.option("--jobs", type=int, default=-1, show_default=True, callback=_check_jobs,
              help="Fits at once; -1 means as many as there are processors.")  # fmt: skip
@output_option("DIR", "skspend-study", "Folder for the results.")
@force_option
def study(quick, berka, seed, jobs, output, force):
    """Repeat the paper's study, and see which claims hold.

    Maree & Omlin (2021), on a synthetic bank of its size, on the bundled households, and on the
    loan data if its folder is given. Written to DIR: claims.md, one page with each claim, the
    paper's figure, the one found and a verdict; claims.csv; frames and figures. It takes a quarter
    of an hour on two processors, and less than two minutes with --quick.

    A study that was interrupted goes on where it stopped when it is called again with the same
    options: what was fitted is kept in DIR/cache, which may be deleted afterwards.

    \b
    Examples:
      skspend study --quick --output quick-study
      skspend study --berka ~/data/berka
    """
    from ._study import run_study

    return run_study(quick, berka, seed, jobs, output, force)
