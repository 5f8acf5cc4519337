"""``skspend predict``: find the segments of customers with a saved model."""

from .._utils._output import output_file, strict
from . import _files as files
from ._console import Steps, say


def predict_file(model, file, output, force, options):
    """Write the segments of the customers of a file; return a record and a function to show it."""
    inputs = files.inputs(model, file)
    with output_file(output, force=force, inputs=inputs) as temporary, Steps() as steps:
        with steps.step("Reading"):
            loaded = files.load_model(model, options)
            log = files.read_log(file, options, loaded.pipeline["spend"].n_months_)
        with steps.step("Segmenting"):
            table = loaded.predict(log)
        before = files.note_what_does_not_count(log, loaded.pipeline["spend"], table)
        table.to_parquet(temporary, index=False)
    counts = table["segment"].value_counts()

    def show():
        for name, count in counts.items():
            say(f"{count:>9,}  {name}")
        say(f"{len(table):,} customers in {len(counts)} segments, written to {output}.")

    record = {
        "output": output,
        "customers": len(table),
        "segments": counts.to_dict(),
        "left_out": log.quality_.to_dict(orient="index") | before,
    }
    return strict(record), show
