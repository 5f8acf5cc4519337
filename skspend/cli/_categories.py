"""``skspend categories``: which of a bank's own categories have coefficients under other names."""

from rich import box
from rich.table import Table
from rich.text import Text

from .._utils._errors import blame_data
from .._utils._output import output_file, strict
from .._utils._text import cut
from ..inspection import suggest_aliases
from ..segmentation._aggregate import require_spending
from . import _files as files
from ._console import Steps, console, say

MOST_SHOWN = 20
"""Categories on the screen, from the largest spending."""
LONGEST_NAME = 60
"""Characters of a name on the screen."""


def suggest_file(file, output, force, options):
    """Write a table of suggestions; return a record and a function to show it."""
    inputs = files.inputs(file, options["coefficients"])
    with output_file(output, force=force, inputs=inputs) as temporary, Steps() as steps:
        with steps.step("Reading"):
            coefficients = options["coefficients"] and files.read_coefficients(
                options["coefficients"]
            )
            log = files.read_log(file, options, "year")
            require_spending(log)
            files.note_alike(log.categories)
        with steps.step("Comparing names"), blame_data():
            found = suggest_aliases(log, coefficients)
        files.write_suggestions(found.round({"share": 6}), temporary)
    is_own = found["use_as"].str.casefold() == found.index.str.casefold()
    now = found.loc[is_own, "share"].sum()
    then = found.loc[found["use_as"].notna(), "share"].sum()
    record = {
        "output": output,
        "read_as": files.reading(log),
        "coverage": now,
        "coverage_if_accepted": then,
        "categories": found.reset_index().to_dict("records"),
    }

    words = "segment", file
    options = options | {"aliases": output}

    def show():
        files.say_how_read(record["read_as"])
        console().print(_draw(found.head(MOST_SHOWN)))
        if len(found) > MOST_SHOWN:
            say(f"{len(found) - MOST_SHOWN} more categories are in {output}.")
        n = int(found["use_as"].notna().sum())
        say(
            f"{now:.1%} of the money spent has a coefficient by the name of its category, and "
            f"{then:.1%} would have one with the {n} of {len(found)} categories in use_as."
        )
        say(
            f"These are suggestions from names alone. Read {output}, and correct or empty the "
            f"cells of use_as. Then: {files.command_line(words, options)}"
        )

    return strict(record), show


def _draw(found):
    """A table of the largest categories."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    table.add_column("Category", overflow="fold")
    for name in ("Share", "Customers"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("Use as", overflow="fold")
    table.add_column("Score", justify="right", no_wrap=True)
    table.add_column("Traits", overflow="fold")
    for row in found.itertuples():
        is_known = row.score > 0
        table.add_row(
            Text(cut(row.Index, LONGEST_NAME)),
            f"{row.share:.1%}",
            f"{row.customers:,}",
            Text(cut(row.use_as, LONGEST_NAME) if is_known else ""),
            str(row.score) if is_known else "",
            row.traits,
        )
    return table
