"""``skspend report``: a page about the segments of a saved model, and a model card."""

import webbrowser
from pathlib import Path

import pandas as pd

from .._utils._errors import blame_data
from .._utils._output import output_folder, strict
from .._utils._text import count
from ..datasets import load_complete_journey
from ..report import SegmentReport
from ..report._words import figure
from . import _files as files
from ._console import Steps, note, say


def report_file(model, file, output, force, options):
    """Write the report on the customers of a file; return a record and a function to show it."""
    output = Path(output)
    card = output.parent / f"{output.stem}-card.md" if options["card"] else None
    names = [path.name for path in (output, card) if path]
    stability = str(Path(model).parent / files.RUN_RECORD)
    inputs = files.inputs(model, file, options["protected"], options["transfer"], stability)
    writing = output_folder(output.parent, names, force=force, inputs=inputs)
    with writing as folder, Steps() as steps:
        with steps.step("Reading"):
            loaded = files.load_model(model, options)
            if file is None:
                log = load_complete_journey().data
            else:
                log = files.read_log(
                    file, options, loaded.pipeline["spend"].n_months_, loaded.reading
                )
            protected, transfer = options["protected"], options["transfer"]
            protected = protected and files.read_protected(protected, log.customers)
            if transfer:
                with blame_data(transfer):
                    transfer = pd.read_csv(transfer)
        with steps.step("Measuring"), blame_data():
            if file is not None and loaded.reading is not None:
                loaded.reading.check(log)
            report = SegmentReport.from_estimator(
                loaded.pipeline,
                log,
                names=loaded.names,
                protected=protected,
                transfer=transfer,
                allow_unknown=options["allow_unknown"],
                **files.read_stability(model),
            )
            report.data["model SHA-256"] = files.digest(model)
        with steps.step("Writing"):
            report.save(folder / output.name, customer_ids=options["customer_ids"])
            if card is not None:
                report.model_card().save(folder / card.name)

    if options["open"] and not webbrowser.open(Path(output).resolve().as_uri()):
        note(f"No browser was found: open {output} yourself.")

    def show():
        files.say_how_read(record["read_as"])
        for row in report.metrics.itertuples():
            value = figure(row.value, row.metric)
            say(f"{row.metric:>27}  {value:>6}  {row.grade:4}  {row.meaning}")
        beside = "" if card is None else f", the model card to {card}"
        say(f"Report of {count(len(log), 'customer')} written to {output}{beside}.")

    record = {
        "output": str(output),
        "card": card and str(card),
        "customers": len(log),
        "read_as": files.reading(log),
        "metrics": report.metrics.to_dict("records"),
        "left_out": report.quality.set_index("reason").to_dict("index"),
    }
    return strict(record), show
