"""Accounts and cards: payment cards, bank accounts, banks, tax numbers of businesses."""

from stdnum import iban as iban_number
from stdnum import luhn

from concord.privacy.found import Pattern, compiled, digits_of

_ISSUERS = ("2", "3", "4", "5", "6", "1800", "060")
"""With what a card's number begins: the industries that issue cards, JCB's oldest, and Maestro's."""
_LENGTHS = (
    "AD24 AE23 AL28 AT20 AZ28 BA20 BE16 BG22 BH22 BR29 BY28 CH21 CR22 CY28 CZ24 DE22 DK18 DO28 EE20 EG29 ES24 "
    "FI18 FO18 FR27 GB22 GE22 GI23 GL18 GR27 GT28 HR21 HU28 IE22 IL23 IQ23 IS26 IT27 JO30 KW30 KZ20 LB28 LC32 "
    "LI21 LT20 LU20 LV21 LY25 MC27 MD24 ME22 MK19 MR27 MT31 MU30 NL18 NO15 PK24 PL28 PS29 PT25 QA29 RO24 RS22 "
    "SA24 SC31 SE24 SI19 SK24 SM27 ST25 SV28 TL23 TN24 TR26 UA29 VA22 VG24 XK20 "
)
_IBAN_LENGTHS = {name[:2]: int(name[2:]) for name in _LENGTHS.split()}
"""ISO 13616: how many characters an account's number has in a country."""
_COUNTRY_CODES = (
    "AD AE AL AO AR AT AU AZ BA BD BE BG BH BO BR BY CA CH CI CL CM CN CO CR CY CZ DE DK DO DZ EC EE EG ES FI FO "
    "FR GB GE GI GL GR GT HK HN HR HU ID IE IL IN IQ IR IS IT JO JP KE KR KW KZ LB LI LK LT LU LV LY MA MC MD ME "
    "MG MK ML MR MT MU MX MY MZ NG NI NL NO NZ OM PA PE PH PK PL PS PT PY QA RO RS RU SA SC SE SG SI SK SM SN SV "
    "TH TL TN TR TW UA US UY UZ VA VE VG VN XK ZA "
)
_COUNTRIES = frozenset(_COUNTRY_CODES.split())
_VAT = (
    r"ATU\d{8}|BE[01]\d{9}|BG\d{9,10}|CY\d{8}[A-Z]|CZ\d{8,10}|DE\d{9}|DK\d{8}|EE\d{9}|EL\d{9}|"
    r"ES[A-Za-z0-9]\d{7}[A-Za-z0-9]|FI\d{8}|FR[A-Za-z0-9]{2} ?\d{9}|"
    r"GB(?:\d{3} ?\d{4} ?\d{2}(?: ?\d{3})?|(?:GD|HA)\d{3})|HR\d{11}|HU\d{8}|IE\d[A-Z0-9+*]\d{5}[A-Z]{1,2}|"
    r"IT\d{11}|LT(?:\d{12}|\d{9})|LU\d{8}|LV\d{11}|MT\d{8}|NL\d{9}B\d{2}|PL\d{10}|PT\d{9}|RO\d{2,10}|"
    r"SE\d{12}|SI\d{8}|SK\d{10}|CHE-?\d{3}\.?\d{3}\.?\d{3}"
)


def _card(candidate: str) -> tuple[int, str] | None:
    digits = digits_of(candidate)
    issued = digits.startswith(_ISSUERS)
    return (len(candidate), digits) if issued and luhn.is_valid(digits) else None


def _iban(candidate: str) -> tuple[int, str] | None:
    """Return the account that a candidate begins with: words after it may look like more of it."""
    wanted, end = _IBAN_LENGTHS.get(candidate[:2], 0), 0
    for place, character in enumerate(candidate, 1):
        wanted -= character != " "
        if not wanted:
            end = place
            break
    number = candidate[:end].replace(" ", "")
    return (end, number) if end and iban_number.is_valid(number, check_country=False) else None


def _bic(candidate: str) -> tuple[int, str] | None:
    return (len(candidate), candidate) if candidate[4:6] in _COUNTRIES else None


def _vat(candidate: str) -> tuple[int, str]:
    return len(candidate), candidate.replace(" ", "").replace(".", "").replace("-", "")


CARD = Pattern("card", compiled(r"\d(?:[ -]?\d){11,18}"), _card)
IBAN = Pattern("iban", compiled(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]){11,34}"), _iban)
BIC = Pattern("bic", compiled(r"\b[A-Z]{6}[A-Z0-9]{2}(?:[A-Z0-9]{3})?\b"), _bic)
VAT = Pattern("vat", compiled(_VAT), _vat)
