"""Two public sets of card transactions, in small invented files of the form that they have."""

import warnings

import numpy as np
import pandas as pd
import pytest

from skspend import SpendingAggregator
from skspend.datasets import load_age, load_rosbank

AGE = {
    "train_target.csv": "bins,client_id\n2,24662\n0,1046\n3,7\n",
    "transactions_train.csv": """\
client_id,trans_date,small_group,amount_rur
1046,0,1,10.5
1046,729,11,20
24662,30,1,7.25
24662,31,1,1
""",
}
HEADER = "PERIOD,cl_id,MCC,channel_type,currency,TRDATETIME,amount,trx_category,target_flag"
ROSBANK = f"""\
{HEADER},target_sum
01/10/2017,0,5200,,810,21OCT17:00:00:00,5023.0,POS,0,0.0
01/10/2017,0,6011,,810,12OCT17:12:24:07,20000.0,DEPOSIT,0,0.0
01/12/2017,0,5921,,810,05DEC17:00:00:00,767.0,POS,0,0.0
01/09/2017,5,6012,type1,810,01SEP17:10:00:00,300.5,C2C_OUT,1,12.5
01/09/2017,5,5411,type1,978,02SEP17:10:00:00,10,POS,1,12.5
01/08/2017,8,5411,type1,840,02AUG17:10:00:00,10,POS,0,12.5
"""


def write(folder, files):
    for name, text in files.items():
        (folder / name).write_text(text)
    return folder


@pytest.fixture
def age(tmp_path):
    return write(tmp_path, AGE)


def load_warned(folder):
    with pytest.warns(UserWarning, match=r"2 transactions \(33.3%\) in other currencies"):
        return load_rosbank(folder)


def test_payments_and_age_groups_are_those_of_the_files(age):
    bunch = load_age(age)
    assert bunch.target.to_dict() == {24662: 2, 1046: 0, 7: 3}
    assert list(bunch.target.index) == list(bunch.data.customers)
    assert bunch.data.categories.tolist() == ["1", "11"]
    frame = bunch.data.to_frame().sort_values(["customer", "date"])
    days = ["2001-01-01", "2002-12-31", "2001-01-31", "2001-02-01"]
    assert frame["date"].astype(str).tolist() == days
    assert frame["amount"].tolist() == [10.5, 20, 7.25, 1]
    assert "age group" in bunch.DESCR


def test_two_years_are_24_whole_months(age):
    spend = SpendingAggregator(period="month", n_periods=24, normalize=None)
    panel = spend.fit_transform(load_age(age).data)
    assert panel.loc[1046, ["month1|1", "month24|11"]].tolist() == [10.5, 20]
    assert panel.loc[24662, ["month1|1", "month2|1"]].tolist() == [7.25, 1]
    assert not panel.loc[7].any()


def test_transactions_of_both_directions_are_read_in_roubles(tmp_path):
    bunch = load_warned(write(tmp_path, {"train.csv": ROSBANK}))
    assert bunch.target.to_dict() == {0: 0, 5: 1, 8: 0}
    assert list(bunch.data.customers) == [0, 5, 8]
    frame = bunch.data.to_frame().set_index("category")
    amounts = {"5200": 5023, "5921": 767, "6011": -20_000, "6012": 300.5}
    assert frame["amount"].to_dict() == amounts
    assert str(frame.loc["6011", "date"].date()) == "2017-10-12"


def test_months_end_with_the_last_one_of_each_customer(tmp_path):
    log = load_warned(write(tmp_path, {"train.csv": ROSBANK})).data
    edges = log.period_edges(1, 3).astype("M8[D]")
    assert edges[:, -1].astype(str).tolist() == ["2018-01-01", "2017-10-01", "2017-09-01"]
    panel = SpendingAggregator(period="month", n_periods=3, normalize=None).fit_transform(log)
    assert panel.loc[5, "month3|6012"] == 300.5
    assert panel.loc[0, ["month1|5200", "month3|5921"]].tolist() == [5023, 767]


def test_roubles_alone_are_no_warning(tmp_path):
    write(tmp_path, {"train.csv": "\n".join(ROSBANK.splitlines()[:5])})
    with warnings.catch_warnings(action="error"):
        assert load_rosbank(tmp_path).data.n_transactions == 4


@pytest.mark.parametrize("load", [load_age, load_rosbank])
def test_a_missing_file_is_named(tmp_path, load):
    with pytest.raises(FileNotFoundError, match=r"No 'train\w*.csv' in .* Unpack the archive"):
        load(tmp_path)


def test_a_missing_column_is_named(age):
    text = AGE["transactions_train.csv"].replace("small_group", "group")
    with pytest.raises(ValueError, match=r"has no column 'small_group'\. Its columns are"):
        load_age(write(age, {"transactions_train.csv": text}))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("DEPOSIT", "GIFT", "trx_category of 1 transaction in train.csv is unknown; .* 'GIFT'"),
        ("C2C_OUT,1", "C2C_OUT,0", "Customer 5 has several values of target_flag"),
    ],
)
def test_what_contradicts_the_form_is_refused(tmp_path, old, new, message):
    with pytest.raises(ValueError, match=message):
        load_rosbank(write(tmp_path, {"train.csv": ROSBANK.replace(old, new)}))


def test_a_payment_of_nobody_is_refused(age):
    write(age, {"train_target.csv": "bins,client_id\n2,24662\n"})
    with pytest.raises(ValueError, match=r"customer not listed .* in 2 of 4 rows"):
        load_age(age)


def test_frames_are_not_changed_by_the_order_of_columns(age):
    lines = [line.split(",")[::-1] for line in AGE["transactions_train.csv"].splitlines()]
    other = write(age, {"transactions_train.csv": "\n".join(",".join(line) for line in lines)})
    found = load_age(other).data.to_frame()
    assert np.isclose(found["amount"].sum(), 38.75)
    assert pd.api.types.is_datetime64_any_dtype(found["date"])
