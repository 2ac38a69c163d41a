"""Personal data is masked on request, by form and check digits, and other numbers stay."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._trace.redact import personal
from nbtrace._trace.redact.policy import Policy
from nbtrace._trace.redact.rules import OPTIONAL, Rules

FOUND = {
    "email": {
        "write to ada.lovelace+x@example.co.uk.": "write to [redacted: email].",
        "<ada@example.org>": "<[redacted: email]>",
        "'o'neil@x.org'": "'[redacted: email]'",
        "\\nada@x.org": "\\n[redacted: email]",
        "é@ü.de": "[redacted: email]",
    },
    "phone": {
        "+49 171 1234567": "[redacted: phone]",
        "+1 (555) 123-4567.": "[redacted: phone].",
        "call (555) 123-4567 now": "call [redacted: phone] now",
        "555-123-4567": "[redacted: phone]",
        "0171 1234567": "[redacted: phone]",
        "tel:+15551234567": "tel:[redacted: phone]",
        "0049171234567": "[redacted: phone]",
    },
    "card": {
        "4111 1111 1111 1111": "[redacted: card]",
        "5555-5555-5555-4444 and 5": "[redacted: card] and 5",
        "378282246310005": "[redacted: card]",
        "6011111111111117,": "[redacted: card],",
        "30569309025904": "[redacted: card]",
        "3530111333300000": "[redacted: card]",
        "4222222222222 7": "[redacted: card] 7",
    },
    "iban": {
        "DE89 3704 0044 0532 0130 00": "[redacted: iban]",
        "GB29NWBK60161331926819.": "[redacted: iban].",
        "NL91ABNA0417164300 BIC ABNANL2A": "[redacted: iban] BIC ABNANL2A",
        "MT84MALT011000012345MTLCAST001S": "[redacted: iban]",
    },
}
STAYS = {
    "email": ["a@b", "@decorator", "x@localhost", "user@", "10 @ 5.00"],
    "phone": ["2024-01-15", "192.168.100.200", "12.34567", "1234567890", "v1.2.3-45", "1,234,567.89", "12:30", "3-4"],
    "card": ["4111111111111112", "0.4111111111111111", "x4111111111111111", "1700000000000000000", "4111 1111"],
    "iban": ["DE89370400440532013001", "XX89370400440532013000", "AB12 CDEF GHIJ KLMN OPQR", "DE89 3704"],
}
CASES = [pytest.param(rule, text, id=f"{rule}: {text}") for rule, texts in FOUND.items() for text in texts]


def rules(*names: str) -> Rules:
    made = Rules()
    made.optional = names
    return made


def test_each_rule_can_be_asked_for() -> None:
    assert (*personal.RULES, "presidio") == OPTIONAL
    assert set(FOUND) == set(STAYS) == set(personal.RULES)


@pytest.mark.parametrize(("rule", "text"), CASES)
def test_it_is_masked_on_request_and_else_not(rule: str, text: str) -> None:
    assert rules(rule).masked(text) == FOUND[rule][text]
    assert Rules().masked(text) == text


@pytest.mark.parametrize(("rule", "text"), [(rule, text) for rule, texts in STAYS.items() for text in texts])
def test_what_only_looks_like_it_stays(rule: str, text: str) -> None:
    assert rules(rule).masked(text) == text


def test_a_number_in_json_is_masked_too() -> None:
    policy = Policy()
    policy.rules.optional = ("card",)
    written = json.dumps({"pay": 4111111111111111, "order": 4111111111111112})
    found = policy.attributes({"arguments": written})["arguments"]
    assert json.loads(str(found)) == {"pay": "[redacted: card]", "order": 4111111111111112}


@given(st.integers(0, 10**14 - 1), st.sampled_from(["", " ", "-"]), st.text(alphabet="ab ,.\n"))
def test_any_visa_number(body: int, sign: str, around: str) -> None:
    start = f"4{body:014d}"
    (check,) = [str(one) for one in range(10) if _is_luhn(f"{start}{one}")]
    number = f"{start}{check}"
    written = sign.join(number[place : place + 4] for place in range(0, 16, 4))
    assert rules("card").masked(f"{around} {written} {around}") == f"{around} [redacted: card] {around}"


def _is_luhn(number: str) -> bool:
    """The formula as ISO/IEC 7812 states it: doubled digits are summed digit by digit."""
    doubled = "".join(str(int(digit) * (2 if place % 2 else 1)) for place, digit in enumerate(reversed(number)))
    return sum(map(int, doubled)) % 10 == 0


@pytest.mark.parametrize("rule", personal.RULES)
@pytest.mark.parametrize(
    "piece", ["@", "a@", "a@b.", "1", "1 ", "4", "4-", "+4", "0 ", "DE89", "DE89 ", "A", "(123)", "."]
)
def test_much_of_anything_comes_to_an_end(rule: str, piece: str) -> None:
    text = piece * (2**17 // len(piece))
    assert len(rules(rule).masked(text)) > 0
