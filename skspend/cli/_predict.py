"""``skspend predict``: find the segments of customers with a saved model."""

from .. import segmentation as work
from .._utils._errors import blame_data
from .._utils._output import output_file, strict
from .._utils._text import count
from ..aggregation._aggregator import BEFORE
from . import _files as files
from ._console import Steps, say


def predict_file(model, file, output, force, options):
    """Write the segments of the customers of a file; return a record and a function to show it."""
    inputs = files.inputs(model, file)
    with output_file(output, force=force, inputs=inputs) as temporary, Steps() as steps:
        with steps.step("Reading"):
            loaded = files.load_model(model, options)
            log = files.read_log(file, options, loaded.pipeline["spend"].n_months_, loaded.reading)
        with steps.step("Segmenting"), blame_data():
            sums, seen, known = loaded.see(log, allow_unknown=options["allow_unknown"])
            nodes = loaded.pipeline["segment"].predict_levels(seen.trajectories)
            table = loaded.place(log.customers, seen, known, nodes=nodes)
            drift = work.measure_drift(*loaded.pipeline[1:], sums, seen.trajectories, nodes=nodes)
        spend = loaded.pipeline["spend"]
        _, n, amount = log.count_transactions(spend.n_months_, spend.n_periods_)
        files.note_what_does_not_count(log.n_transactions, (n, amount), table)
        table.to_parquet(temporary, index=False)
    counts = table["segment"].value_counts()

    def show():
        files.say_how_read(record["read_as"])
        for name, n_customers in counts.items():
            say(f"{n_customers:>9,}  {name}")
        if drift is not None:
            say(work.tell_drift(drift))
        found = count(len(table), "customer"), count(len(counts), "segment")
        say(f"{' in '.join(found)}, written to {output}.")

    left_out = log.quality_.to_dict(orient="index")
    left_out[BEFORE] = {"transactions": n, "amount": amount}
    record = {
        "output": output,
        "customers": len(table),
        "read_as": files.reading(log),
        "segments": counts.to_dict(),
        "left_out": left_out,
        "drift": drift,
    }
    return strict(record), show
