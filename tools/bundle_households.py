"""Make the household files that ship with the package from their source tables.

    python tools/bundle_households.py SOURCE

SOURCE is a folder with ``spend_day_category.parquet`` (household, day, department, product category
and cents), ``demographics.parquet`` and ``coupon_redemptions.parquet``. The script writes the three
``household_*.parquet`` files to ``skspend/datasets/data``. They are small enough to ship.
"""

import argparse
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

DATA = Path(__file__).resolve().parents[1] / "skspend" / "datasets" / "data"
LAST_DAY = pd.Timestamp("2017-12-31")


def bundle_spending(source):
    """One row per household, day and category; departments are merged."""
    spending = pd.read_parquet(source / "spend_day_category.parquet")
    spending["day"] = pd.to_datetime(spending["day"])
    # A few lines spill over into the year after: they would be all there is of a month.
    spending = spending[spending["day"] <= LAST_DAY].rename(columns={"household_id": "household"})
    keys = [spending[name] for name in ("household", "day", "product_category")]
    merged = spending["sales_cents"].groupby(keys, observed=True).sum().reset_index()
    names = sorted(merged["product_category"].astype(str).unique())
    category = pd.Categorical(merged["product_category"].astype(str), categories=names)
    return pa.table(
        {
            "household": pa.array(merged["household"], pa.int16()),
            "day_of_year": pa.array(merged["day"].dt.day_of_year, pa.int16()),
            "category": pa.DictionaryArray.from_arrays(
                pa.array(category.codes, pa.int16()), pa.array(names)
            ),
            "cents": pa.array(merged["sales_cents"], pa.int32()),
        }
    )


def bundle_demographics(source):
    """One row per household that answered, by household."""
    demographics = pd.read_parquet(source / "demographics.parquet")
    demographics = demographics.rename(columns={"household_id": "household"})
    demographics = demographics.astype({"household": "int16"}).sort_values("household")
    return pa.Table.from_pandas(demographics, preserve_index=False)


def bundle_coupons(source):
    """The households that redeemed a coupon, with how often they did."""
    redeemed = pd.read_parquet(source / "coupon_redemptions.parquet")
    counts = redeemed.groupby("household_id").size()
    household = pa.array(counts.index, pa.int16())
    return pa.table({"household": household, "redemptions": pa.array(counts, pa.int16())})


def main():
    """Write the three files and say how large they are."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("source", type=Path)
    source = parser.parse_args().source
    for bundle in (bundle_spending, bundle_demographics, bundle_coupons):
        path = DATA / f"household_{bundle.__name__.removeprefix('bundle_')}.parquet"
        table = bundle(source).replace_schema_metadata()
        pq.write_table(table, path, compression="zstd", compression_level=19)
        print(f"{path.name}: {table.num_rows:,} rows, {path.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
