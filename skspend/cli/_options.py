"""Options that several commands share: the same name means the same everywhere."""

import click

from ._console import CommandError

ROLES = ("customer", "date", "category", "amount")
PERIODS = ("year", "half", "quarter", "month")


class _Period(click.ParamType):
    name = "period"

    def convert(self, value, param, ctx):
        if value in PERIODS:
            return value
        if str(value).isdigit() and int(value) > 0:
            return int(value)
        self.fail(
            f"{value!r} is none of {', '.join(PERIODS)}, and no number of months.", param, ctx
        )

    def shell_complete(self, ctx, param, incomplete):
        return [
            click.shell_completion.CompletionItem(name)
            for name in PERIODS
            if name.startswith(incomplete)
        ]


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
force_option = click.option("--force", is_flag=True, help="Replace results that are there.")


def output_option(metavar, default, text):
    """Where the results go."""
    return click.option(
        "-o", "--output", type=click.Path(), metavar=metavar, default=default, show_default=True,
        help=text,
    )  # fmt: skip


def column_options(command):
    """Names of the columns of a file of transactions, and how to read them."""
    options = [
        click.option(
            f"--{role}",
            metavar="COLUMN",
            default=role,
            show_default=True,
            help=f"Holds the {role}.",
        )
        for role in ROLES
    ]
    options += [
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


def refuse_column_options(ctx):
    """Options about the columns of a file mean nothing without one."""
    for name in (*ROLES, "outflow", "income", "drop_unreadable"):
        if ctx.get_parameter_source(name) is click.core.ParameterSource.COMMANDLINE:
            option = name.replace("_", "-")
            raise CommandError(f"--{option} is about the columns of FILE, and no FILE is given.")
