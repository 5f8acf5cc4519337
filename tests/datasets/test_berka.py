"""The Berka loans: invented accounts in the form of the challenge, and the real ones if available.

The real data may not be shipped: set SKSPEND_BERKA to its folder.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skspend import SpendingAggregator
from skspend.datasets import load_berka

ASC = {
    "trans.asc": """\
"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"
1;7;930701;"PRIJEM";"VKLAD";900.00;900.00;"";;
2;7;931001;"VYDAJ";"VYBER KARTOU";50.00;850.00;"";;
3;7;931001;"PRIJEM";"PREVOD Z UCTU";50.00;900.00;"DUCHOD";"ST";66487163
4;7;940214;"VYDAJ";"PREVOD NA UCET";300.00;600.00;"SIPO";"YZ";87144583
5;7;940401;"VYDAJ";"PREVOD NA UCET";500.00;100.00;"UVER";"YZ";87144583
6;3;940301;"PRIJEM";"VKLAD";500.00;500.00;" ";;
7;5;930101;"PRIJEM";"VKLAD";100.00;100.00;"";;
""",
    "loan.asc": """\
"loan_id";"account_id";"date";"amount";"duration";"payments";"status"
11;7;940401;96396;12;8033.00;"B"
12;3;940401;10000;10;1000.00;"C"
""",
    "client.asc": """\
"client_id";"birth_number";"district_id"
1;"645401";18
2;"340402";1
3;"800101";1
""",
    "disp.asc": """\
"disp_id";"client_id";"account_id";"type"
1;1;7;"OWNER"
2;3;7;"DISPONENT"
3;2;3;"OWNER"
""",
}


@pytest.fixture
def challenge(tmp_path):
    for name, text in ASC.items():
        (tmp_path / name).write_text(text)
    return tmp_path


@pytest.fixture(scope="session")
def folder():
    path = os.environ.get("SKSPEND_BERKA")
    if not path:
        pytest.skip("set SKSPEND_BERKA to the folder of the Berka data")
    return Path(path)


@pytest.fixture(scope="session", params=["default", "liquidity"])
def either(request, folder):
    return load_berka(folder, label=request.param)


def test_the_challenges_own_files_are_read(challenge):
    berka = load_berka(challenge)
    assert berka.data.customers.tolist() == [3, 7]
    assert berka.default.to_dict() == {3: 0, 7: 1}
    assert berka.target.equals(berka.default)
    assert berka.complete.to_dict() == {3: False, 7: True}
    frame = berka.data.to_frame()
    assert frame["category"].to_list() == ["income", "income", "card", "income", "household bills"]
    assert frame["amount"].to_list() == [-500, -900, 50, -50, 300]


def test_files_in_the_folder_original_are_found(challenge):
    (challenge / "original").mkdir()
    for name in ASC:
        (challenge / name).rename(challenge / "original" / name)
    assert len(load_berka(challenge, ages=(18, 99)).data) == 2


def test_liquidity_is_mean_balance_over_monthly_outflow(challenge):
    berka = load_berka(challenge, label="liquidity")
    # 900, less 300 for 46 of the 90 days of January to March; 300 in three months went out.
    assert berka.liquidity[7] == pytest.approx((900 - 300 * 46 / 90) / 100)
    assert berka.target.equals(berka.liquidity)


def test_liquidity_is_unknown_where_nothing_flows_out(challenge):
    assert np.isnan(load_berka(challenge).liquidity[3])


def test_the_liquidity_log_ends_where_liquidity_begins(challenge):
    frame = load_berka(challenge, label="liquidity").data.to_frame()
    assert frame["date"].max() == pd.Timestamp("1993-10-01")


@pytest.mark.parametrize(
    ("ages", "kept"), [(None, [3, 7]), ((30, 60), [3, 7]), ((31, 59), [3]), ((30, 58), [7])]
)
def test_ages_are_those_of_owners_on_the_day_of_the_loan(challenge, ages, kept):
    berka = load_berka(challenge, ages=ages)
    assert berka.data.customers.tolist() == kept
    # A woman who turns 30 on the day, a man who turns 60 the day after.
    assert berka.ages.to_dict() == {account: {3: 59, 7: 30}[account] for account in kept}


def test_ages_without_a_client_table_are_unknown_or_an_error(challenge):
    (challenge / "client.asc").unlink()
    assert load_berka(challenge).ages is None
    with pytest.raises(FileNotFoundError, match=r"ages needs client\.asc, missing from"):
        load_berka(challenge, ages=(30, 60))


@pytest.mark.parametrize("ages", [30, (1, 2, 3), (90, 99), (60, 30)])
def test_ages_that_make_no_sense_are_refused(challenge, ages):
    with pytest.raises(ValueError, match="ages"):
        load_berka(challenge, ages=ages)


def test_the_error_for_a_wrong_folder_names_the_expected_files(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"transactions_preloan\.parquet.*trans\.asc"):
        load_berka(tmp_path)


def test_an_unknown_label_is_refused(tmp_path):
    with pytest.raises(ValueError, match="label must be 'default' or 'liquidity', got 'income'"):
        load_berka(tmp_path, label="income")


def test_an_unknown_kind_of_outflow_is_refused(challenge):
    text = ASC["trans.asc"].replace("VYBER KARTOU", "BITCOIN")
    (challenge / "trans.asc").write_text(text)
    with pytest.raises(ValueError, match=r"1 of 5 transactions .* \('BITCOIN', ''\)"):
        load_berka(challenge)


def test_all_accounts_with_a_loan_are_there(either):
    assert len(either.data) == 682
    assert either.default.sum() == 76
    assert either.complete.sum() == 596
    for values in (either.target, either.default, either.liquidity, either.complete, either.ages):
        np.testing.assert_array_equal(values.index, either.data.customers)
    assert len(either.data.categories) == 7
    assert either.data.income_categories.tolist() == ["income"]


def test_the_log_ends_before_the_days_that_the_label_is_measured_on(folder):
    for label, months in {"default": 0, "liquidity": 3}.items():
        berka = load_berka(folder, label=label)
        frame = berka.data.to_frame()
        loan, day, back = berka.loans["date"], pd.Timedelta(days=1), pd.DateOffset(months=months)
        # A period before the 31st ends on the last day of a shorter month, and not before it.
        first_hidden_day = np.maximum(loan - back, loan - day - back + day)
        assert (frame["date"] < first_hidden_day.reindex(frame["customer"]).to_numpy()).all()


def test_liquidity_is_known_where_the_history_is_complete(either):
    assert np.isfinite(either.liquidity[either.complete]).all()
    assert 1 < either.liquidity.median() < 3


def test_the_months_before_the_loan_are_what_the_aggregator_makes(folder):
    berka = load_berka(folder)
    aggregator = SpendingAggregator(period="month", n_periods=6)
    panel = aggregator.fit_transform(berka.data)
    assert panel.shape == (682, 6 * 7)
    assert (aggregator.active_periods_[berka.complete.to_numpy()] >= 3).all()
    features = SpendingAggregator(period="month", n_periods=3)
    assert features.fit_transform(load_berka(folder, label="liquidity").data).shape == (682, 21)


def test_owners_between_30_and_60_can_be_kept(folder):
    berka = load_berka(folder, ages=(30, 60))
    assert len(berka.data) == len(berka.target) == len(berka.loans) == 468
    assert berka.ages.between(30, 60).all()


def test_both_forms_of_the_data_give_the_same_transactions(folder):
    if not (folder / "original" / "trans.asc").is_file():
        pytest.skip("the challenge's own trans.asc is not there")
    cut, original = load_berka(folder), load_berka(folder / "original")
    pd.testing.assert_frame_equal(cut.loans, original.loans, check_dtype=False)
    pd.testing.assert_series_equal(cut.default, original.default)
    pd.testing.assert_series_equal(cut.ages, original.ages)
    # The original may be cut short: its last day is not whole.
    last_day = pd.read_csv(folder / "original" / "trans.asc", sep=";", usecols=["date"])[
        "date"
    ].max()
    last_day = pd.to_datetime(f"19{last_day}", format="%Y%m%d")
    frames = [berka.data.to_frame() for berka in (cut, original)]
    order = ["customer", "date", "category", "amount"]
    first, second = (
        frame[frame["date"] < last_day].sort_values(order, ignore_index=True) for frame in frames
    )
    assert len(first) > 5000
    pd.testing.assert_frame_equal(first, second)
