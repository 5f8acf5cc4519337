"""Options that several commands share; a name means the same in all of them."""

import re

import click

from ._console import CommandError

ROLES = ("customer", "date", "category", "amount")
SEPARATORS = (",", ";", "tab", "|")
DECIMALS = (".", ",")
DATE_FORMATS = ("iso", "dd.mm.yyyy", "dd/mm/yyyy", "mm/dd/yyyy", "dd-mm-yyyy", "mm-dd-yyyy",
                "yyyymmdd", "epoch", "epoch-ms")  # fmt: skip
TEXT = ("separator", "decimal", "encoding", "date_format")
"""How text files are written."""
COLUMNS = (*ROLES, "mcc", "outflow", "income", *TEXT, "drop_unreadable")
"""What says how a file is read."""
PERIODS = ("year", "half", "quarter", "month")
MONTHS_FORM = r"[1-9]\d{0,3}"


class _Period(click.ParamType):
    name = "period"

    def convert(self, value, param, ctx):
        if value in PERIODS:
            return value
        if re.fullmatch(MONTHS_FORM, str(value), re.ASCII):
            return int(value)
        self.fail(
            f"{value!r} is not one of {', '.join(PERIODS)}, nor a number of months up to 9999.",
            param,
            ctx,
        )

    def shell_complete(self, ctx, param, incomplete):
        names = [name for name in PERIODS if name.startswith(incomplete)]
        return list(map(click.shell_completion.CompletionItem, names))


class _Path(click.Path):
    def convert(self, value, param, ctx):
        if not value:
            self.fail("the name is empty.", param, ctx)
        if "\0" in value:
            self.fail("the name holds a NUL character.", param, ctx)
        return super().convert(value, param, ctx)


PATH = _Path()
"""The name of a file or a folder, which may not exist."""


def refuse_empty(ctx, param, value):
    """Refuse an empty name, such as that of a variable of the shell that is not set."""
    if value == "":
        raise click.BadParameter("the name is empty.", ctx, param)
    return value


period_option = click.option(
    "--period",
    type=_Period(),
    metavar="[year|half|quarter|month|NUMBER]",
    help="Length of a period; a number counts months.  [default: year]",
)
seed_option = click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    help="The same seed gives the same results.",
)
force_option = click.option("--force", is_flag=True, help="Replace existing results.")


def output_option(metavar, default, text):
    """The option for where the results are written."""
    return click.option(
        "-o", "--output", type=PATH, metavar=metavar, default=default, show_default=True, help=text
    )  # fmt: skip


def table_option(name, text):
    """An option for a CSV file."""
    return click.option(name, type=PATH, metavar="FILE.csv", help=text)


coefficients_option = table_option(
    "--coefficients",
    "Coefficients of categories on traits, the Big Five or others: a column category and a column "
    "for each trait, or the columns category, trait and value.  [default: published directions]",
)


def column_options(command):
    """Add the options for the columns of a file of transactions to a command."""
    options = [
        click.option(
            f"--{role}",
            metavar="COLUMN",
            callback=refuse_empty,
            help=f"Column of the {role}.  [default: found by name; predict, report: as for MODEL]",
        )
        for role in ROLES
    ]
    options += [
        click.option(
            "--mcc",
            is_flag=True,
            help="Read categories as merchant category codes, and name them.",
        ),
        click.option(
            "--outflow",
            type=click.Choice(["positive", "negative"]),
            help="The sign of money spent.  [default: positive; predict, report: as for MODEL]",
        ),
        click.option(
            "--income",
            metavar="COLUMN",
            callback=refuse_empty,
            help="Column of the customer's yearly income, the same in all rows of a customer.",
        ),
        click.option(
            "--separator",
            type=click.Choice(SEPARATORS),
            metavar="SIGN",
            help="What divides the fields of text files: ',', ';', '|' or tab.  [default: found]",
        ),
        click.option(
            "--decimal",
            type=click.Choice(DECIMALS),
            help="The decimal sign of amounts in text.  [default: found]",
        ),
        click.option(
            "--encoding",
            metavar="NAME",
            callback=refuse_empty,
            help="Encoding of text files, such as cp1252.  [default: found]",
        ),
        click.option(
            "--date-format",
            type=click.Choice(DATE_FORMATS),
            help="Format of dates in text; epoch counts seconds.  [default: found]",
        ),
        click.option(
            "--drop-unreadable",
            is_flag=True,
            help="Leave out rows that cannot be read, and count them by reason.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


unknown_option = click.option(
    "--allow-unknown",
    is_flag=True,
    help="Go on if most of the spending is in categories that MODEL does not know.",
)


def refuse_column_options(ctx):
    """Refuse options for the columns of a file where no file is given."""
    for name in COLUMNS:
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise CommandError(f"--{option} describes FILE, but no FILE is given.")
