"""Reading of models and transactions, which several commands share."""

from .._utils._errors import blame_data
from ..aggregation._aggregator import MONTHS
from ..segmentation import SegmentModel
from ..transactions import TransactionLog
from ..transactions._periods import coarsest_resolution
from ._console import CommandError, note
from ._options import ROLES


def load_model(path, options):
    """Load a saved model, and refuse --income where the model does not use it."""
    model = SegmentModel.load(path)
    if options["income"] and model.pipeline["spend"].normalize_ != "income":
        raise CommandError("--income has no effect: the model does not normalize by income.")
    return model


def read_log(file, options, period):
    """Read transactions with the column options of a command, and note the dropped rows."""
    with blame_data(file):
        log = TransactionLog.scan(
            file,
            **{role: options[role] for role in ROLES},
            income=options["income"],
            outflow=options["outflow"],
            resolution=coarsest_resolution(MONTHS.get(period, period)),
            errors="drop" if options["drop_unreadable"] else "raise",
        )
    for reason, n, amount in log.quality_.itertuples():
        if n:
            total = f" ({amount:,.2f} in all)" if amount else ""
            note(f"Dropped {n:,}: {reason}{total}.")
    return log
