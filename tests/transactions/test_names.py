"""Columns of files are found by their usual names, or an error says how to name them."""

import itertools

import pandas as pd
import pytest

from skspend import TransactionLog
from skspend.transactions._names import ROLES, USUAL, candidates, plain

EXPORTS = {
    "English": ["Account number", "Booking date", "Category", "Amount (GBP)"],
    "Norwegian": ["Kontonr", "Bokført dato", "Kategori", "Beløp"],
    "Swedish": ["Kontonummer", "Bokföringsdag", "Kategori", "Belopp"],
    "Danish": ["KONTONR.", "Bogføringsdato", "Kategori", "Beløb"],
    "German": ["Auftragskonto", "Buchungstag", "Kategorie", "Betrag"],
    "French": ["N° compte", "Date de l'opération", "Catégorie", "Montant"],
    "Spanish": ["Número de cuenta", "Fecha de operación", "Categoría", "Importe (EUR)"],
    "Dutch": ["Rekening", "Boekdatum", "Categorie", "Bedrag [EUR]"],
    "in capitals, without accents": ["NUMERO_DE_COMPTE", "DATE OPERATION", "CATEGORIE", "MONTANT"],
}


def write(path, header):
    path.write_text(";".join(header) + "\n1;2021-12-31;pets;2.5\n", encoding="utf-8")
    return path


@pytest.mark.parametrize("language", EXPORTS)
def test_columns_are_found_by_their_usual_names(tmp_path, language):
    log = TransactionLog.scan(write(tmp_path / "bank.csv", EXPORTS[language]))
    assert list(log.dialect.columns.values()) == EXPORTS[language]
    assert log.to_frame()["amount"].tolist() == [2.5]


def test_no_usual_name_is_that_of_two_roles():
    names = [set(map(plain, USUAL[role].split(","))) for role in ROLES]
    for one, other in itertools.combinations(names, 2):
        assert not one & other


@pytest.mark.parametrize("role", ROLES)
def test_the_name_of_a_role_comes_before_other_usual_names(role):
    others = [name.strip() for name in USUAL[role].split(",")]
    assert set(candidates(others, role)) == {role}


@pytest.mark.parametrize("options", [{}, {"date": "Valuta"}, {"date": "Wertstellung"}])
def test_two_columns_of_one_role_are_refused_until_one_is_named(tmp_path, options):
    path = tmp_path / "bank.csv"
    path.write_text(
        "Konto;Buchungstag;Wertstellung;Kategorie;Betrag\n1;31.12.2021;01.01.2022;pets;2,5\n"
    )
    if "Wertstellung" in options.values():
        assert TransactionLog.scan(path, **options).span[0].astype(str) == "2022-01-01"
        return
    message = (
        "no column 'Valuta'" if options
        else "several columns that may be the date: 'Buchungstag' and 'Wertstellung'. Name the "
             r"right one .keyword date=."
    )  # fmt: skip
    with pytest.raises(ValueError, match=message):
        TransactionLog.scan(path, **options)


def test_where_none_is_found_the_columns_and_options_are_listed(tmp_path):
    path = write(tmp_path / "bank.csv", ["a", "b", "Kategori", "d"])
    with pytest.raises(ValueError) as refusal:
        TransactionLog.scan(path)
    said = [str(path), "'customer' (keyword customer=)", "'date' (keyword date=)",
            "'amount' (keyword amount=)", "Its columns are: 'a', 'b', 'Kategori', 'd'"]  # fmt: skip
    assert [words for words in said if words not in str(refusal.value)] == []
    assert "keyword category=" not in str(refusal.value)


def test_columns_of_parquet_are_found_too(tmp_path):
    frame = pd.DataFrame([[1, "2021-12-31", "pets", 2.5]], columns=EXPORTS["Dutch"])
    frame.to_parquet(tmp_path / "bank.parquet")
    log = TransactionLog.scan(tmp_path / "bank.parquet")
    assert list(log.dialect.columns.values()) == EXPORTS["Dutch"]
    assert (log.dialect.separator, log.dialect.decimal) == (None, None)
