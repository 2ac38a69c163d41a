"""What is personal rather than secret: email addresses, telephone, card and bank account numbers. In force on request.

Card and account numbers have check digits, so hardly any other number is taken for one. Telephone numbers have not:
what is found are those in international form and those in groups, as people write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from nbtrace._trace.redact.hits import Hit

_LOCAL: Final = re.compile(r"[\w+%'-][\w.+%'-]{0,63}+")
_DOMAIN: Final = re.compile(r"(?:[\w-]{1,63}+\.){1,8}[^\W\d_]{2,24}+")
_PHONE: Final = re.compile(
    r"(?<![\w.+/-])(?:"
    r"(?:\+|00)[1-9](?:[ ./-]?\(?[0-9]\)?){6,14}+"
    r"|\([0-9]{2,5}\)[ -]?[0-9]{2,5}(?:[ .-][0-9]{2,5}){0,3}"
    r"|[0-9]{3}([.-])[0-9]{3}\1[0-9]{4}"
    r"|0[1-9][0-9]{1,4}(?:[ /-][0-9]{2,8}){1,4}"
    r")(?![\w/-]|[.,][0-9])"
)
_PHONE_DIGITS: Final = range(7, 16)
"""E.164 allows fifteen; fewer than seven are an extension."""
_CARD: Final = re.compile(r"(?<![\w.-])[2-6](?:[ -]?[0-9]){11,18}+(?![\w-]|[.,][0-9])")
_ISSUERS: Final[tuple[tuple[re.Pattern[str], frozenset[int]], ...]] = tuple(
    (re.compile(start), frozenset(lengths))
    for start, lengths in (
        (r"4", (13, 16, 19)),
        (r"5[1-5]|222[1-9]|22[3-9]|2[3-6]|27[01]|2720", (16,)),
        (r"3[47]", (15,)),
        (r"6011|64[4-9]|65", range(16, 20)),
        (r"30[0-5]|309|36|3[89]", range(14, 20)),
        (r"352[89]|35[3-8]", range(16, 20)),
        (r"62", range(16, 20)),
        (r"50|5[6-9]|6[0-9]", range(12, 20)),
    )
)
"""Beginnings of card numbers and their lengths: Visa, Mastercard, American Express, Discover, Diners Club, JCB,
UnionPay, Maestro.
"""
_IBAN: Final = re.compile(r"(?<![A-Za-z0-9])[A-Z]{2}[0-9]{2}(?:[ -]?[A-Z0-9]){11,30}+")
_IBAN_LENGTHS: Final = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
"""Characters of an IBAN by country, as SWIFT's registry has them."""


def emails(text: str) -> Iterator[Hit]:
    """Find email addresses."""
    at = text.find("@")
    while at >= 0:
        local, domain = _LOCAL.match(text[max(0, at - 64) : at][::-1]), _DOMAIN.match(text, at + 1)
        if local is not None and domain is not None:
            start = at - len(local[0].rstrip("'%+-"))
            if start and text[start - 1] == "\\" and at - start > 1:  # the `n` of `\n` is no letter of the name
                start += 1
            yield Hit(start, domain.end(), "email")
        at = text.find("@", at + 1)


def phones(text: str) -> Iterator[Hit]:
    """Find telephone numbers in international form or in groups."""
    for found in _PHONE.finditer(text):
        if sum(map(str.isdigit, found[0])) in _PHONE_DIGITS:
            yield Hit(*found.span(), "phone")


def cards(text: str) -> Iterator[Hit]:
    """Find card numbers, by their issuers and their check digit."""
    for found in _CARD.finditer(text):
        places = [place for place in range(*found.span()) if text[place].isdigit()]
        digits = "".join(text[place] for place in places)
        for length in sorted({length for start, lengths in _ISSUERS if start.match(digits) for length in lengths}):
            # A number of something else may stand right after it.
            if length <= len(places) and _is_luhn(digits[:length]):
                end = places[length - 1] + 1
                if not text[end : end + 1].isdigit():
                    yield Hit(found.start(), end, "card")
                    break


def ibans(text: str) -> Iterator[Hit]:
    """Find bank account numbers, by their country's length and their check digits."""
    for found in _IBAN.finditer(text):
        places = [place for place in range(*found.span()) if text[place].isalnum()]
        length = _IBAN_LENGTHS.get(found[0][:2], len(places) + 1)
        if length <= len(places):  # a word in capitals may stand right after it
            end = places[length - 1] + 1
            number = "".join(text[place] for place in places[:length])
            if _is_iban(number) and not text[end : end + 1].isalnum():
                yield Hit(found.start(), end, "iban")


def _is_luhn(digits: str) -> bool:
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(number - 9 if number > 9 else number for number in doubled) % 10 == 0  # noqa: PLR2004 - one digit


def _is_iban(number: str) -> bool:
    return int("".join(str(int(sign, 36)) for sign in number[4:] + number[:4])) % 97 == 1


RULES: Final[dict[str, Callable[[str], Iterator[Hit]]]] = {
    "email": emails,
    "phone": phones,
    "card": cards,
    "iban": ibans,
}
