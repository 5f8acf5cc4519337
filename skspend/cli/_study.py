"""``skspend study``: repeat the study of the paper, and check its claims."""

import time

from rich import box
from rich.table import Table
from rich.text import Text

from .. import segmentation as work, study as studies
from .._utils._errors import blame_data
from .._utils._output import strict, write_json
from ..datasets import load_berka
from ..study import _page as page
from . import _files as files
from ._console import Steps, console, say


def run_study(quick, berka, seed, jobs, output, force):
    """Run or resume the study and write its page; return a record and a function to show it."""
    parameters = {"quick": quick, "berka": berka, "seed": seed}
    started = time.perf_counter()
    if berka is not None:
        with blame_data():
            load_berka(berka)
    kept = files.kept_fits()
    folder = files.study_folder(output, parameters, force=force)
    with Steps() as steps:
        paper = studies.PaperStudy(
            studies.QUICK if quick else studies.FULL,
            berka=berka,
            n_jobs=jobs,
            memory=kept,
            random_state=seed,
        )
        claims = page.write_study(paper, folder, steps.counted)
        record = {
            "parameters": parameters,
            "versions": work.versions(),
            "seconds": steps.seconds | {"total": time.perf_counter() - started},
        }
        write_json(record, folder / files.STUDY_RECORD)
    verdicts = page.summarise(claims)

    def show():
        table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
        for name in ("Claim", *verdicts.columns):
            table.add_column(name, overflow="fold")
        for claim, row in verdicts.iterrows():
            table.add_row(Text(claim), *map(Text, row))
        console().print(table)
        say(f"Written to {output}: {page.CLAIMS}, claims.csv, frames, figures.")

    found = {"output": output, "claims": claims.to_dict("records")}
    return strict(record | found), show
