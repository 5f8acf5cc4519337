"""Columns of transactions found by the names that banks usually give them.

Case, accents, spaces, signs and what stands in brackets, such as a currency, do not matter.
"""

import re
import unicodedata
from functools import lru_cache

from ._engines import MOST_LISTED, check_columns

ROLES = ("customer", "date", "category", "amount")
MOST_COLUMNS = 100
USUAL = {
    "customer": """
        customer, customer id, customer no, customer number, cust id, client, client id, client no,
        client number, account, account id, account no, account number, user, user id, iban,
        kunde, kunde id, kundenr, kundenummer, konto, konto id, kontonr, kontonummer,
        kund, kund id, kundnr, kundnummer,
        kunden id, kundennr, kundennummer, auftragskonto,
        id client, numéro client, numéro de client, compte, numéro compte, numéro de compte,
        n° client, n° compte, n° de compte,
        cliente, id cliente, número cliente, número de cliente, cuenta, número cuenta,
        número de cuenta, nº cliente, nº cuenta, nº de cuenta,
        klant, klant id, klantnr, klantnummer, rekening, rekeningnr, rekeningnummer
    """,
    "date": """
        date, day, timestamp, booked, posted, booking date, date booked, posting date, date posted,
        transaction date, payment date, value date,
        dato, bokført, bokført dato, bokføringsdato, transaksjonsdato, betalingsdato, rentedato,
        datum, bokförd, bokföringsdag, bokföringsdatum, transaktionsdag, transaktionsdatum,
        valutadag, valutadatum,
        bogført, bogføringsdato, transaktionsdato, posteringsdato, valørdato,
        buchungstag, buchungsdatum, wertstellung, wertstellungsdatum, wertstellungstag,
        date opération, date d'opération, date de l'opération, date comptable,
        date comptabilisation, date de comptabilisation, date transaction, date de transaction,
        date valeur, date de valeur,
        fecha, fecha operación, fecha de operación, fecha de la operación, fecha contable,
        fecha transacción, fecha de transacción, fecha valor,
        boekdatum, boekingsdatum, transactiedatum, uitvoeringsdatum, rentedatum
    """,
    "category": """
        category, category name, spending category, expense category, transaction category,
        merchant category,
        kategori, hovedkategori, huvudkategori, kategorie, hauptkategorie, catégorie, categoría,
        categorie, hoofdcategorie, rubriek
    """,
    "amount": """
        amount, transaction amount, amount of transaction, sum,
        beløp, belopp, summa, beløb, betrag, umsatz, montant, importe, monto, bedrag
    """,
}
"""In English, then Norwegian, Swedish, Danish, German, French, Spanish and Dutch."""


@lru_cache(maxsize=4096)
def plain(name):
    """A name without what does not matter.

    >>> plain("Date de l'opération"), plain("beløp_(NOK)"), plain("cust™omer")
    ('datedeloperation', 'belop', 'customer')
    """
    name = re.sub(r"[(\[].*?[)\]]", "", name).casefold().replace("ø", "o").replace("æ", "ae")
    # Written as letters, ™ would be TM: signs go first, and accents after.
    letters = unicodedata.normalize("NFKD", "".join(filter(str.isalnum, name)))
    return "".join(filter(str.isalnum, letters))


_USUAL = {role: {plain(name) for name in names.split(",")} for role, names in USUAL.items()}


def candidates(columns, role, name=None):
    """The columns that may have a role: the one of its own or the given name, else usual ones."""
    exact = [column for column in columns if column == (name or role)]
    if exact or name is not None:
        return exact
    return [column for column in columns if plain(column) in _USUAL[role]]


def call_of_usual_columns(columns):
    """The call that wraps a frame with a column of a usual name for each role, else nothing."""
    # A table of transactions has few columns, and a panel may have some thousand.
    if len(columns) > MOST_COLUMNS:
        return ""
    columns = [column for column in columns if isinstance(column, str)]
    found = {role: candidates(columns, role)[:1] for role in ROLES}
    if not all(found.values()):
        return ""
    given = "".join(f", {role}={name!r}" for role, (name,) in found.items() if name != role)
    return f"TransactionLog(frame{given})"


def count_roles(columns, names):
    """In how many roles a header has a column; `names` is None where none is given."""
    return sum(bool(candidates(columns, role, name)) for role, name in names.items())


def find_columns(columns, names):
    """Return the column of every role; `names` is None where none is given.

    None or two of one role are an error.
    """
    found = {}
    for role, name in names.items():
        fitting = list(dict.fromkeys(candidates(columns, role, name)))
        if name is None and len(fitting) > 1:
            listed = " and ".join(map(repr, fitting[:MOST_LISTED]))
            raise ValueError(
                f"it has several columns that may be the {role}: {listed}. Name the right one "
                f"(keyword {role}=)."
            )
        found[role] = fitting[0] if fitting else name or role
    check_columns(columns, found, "it")
    return found
