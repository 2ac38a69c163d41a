"""No text makes a rule take long: what a rule does grows with the text's length and with nothing else.

Time is not asserted, but a rule that is worse than linear would not come back from these in a day.
"""

from __future__ import annotations

import pytest

from nbtrace._trace.redact.rules import Rules
from tests.trace.redact.secrets import PRIVATE_KEY

SIZE = 2**18
PIECES = [
    "a:", "://", "://a:b", "sk-", "eyJ", "key", "key=", 'password="', "password='", 'password=\\"', "\\", '"', "token ",
    "-----BEGIN PRIVATE KEY-----", '"-----BEGIN PRIVATE KEY-----",', "Bearer ", "Basic ", "=", "_", "a", "A", "0",
    "key:", "password: ", "auth=('", "--password ", "%env KEY ", "curl -u a", "@", "x" * 21 + " ", "JQQJ9", "Q~",
    "Authorization: ", "api_key: a.b[", "[redacted: ", "[redacted: x] ", "key,", '"key",', "password=[", "a.", "?sig=",
    "hook", "İ", "é", "\n", "password=(", "<password>", "M" * 25 + ".", "\\n", "%20", "sk-ant-", "-", "key = ",
]  # fmt: skip


@pytest.mark.parametrize("piece", PIECES)
def test_much_of_anything(piece: str) -> None:
    text = piece * (SIZE // len(piece))
    assert len(Rules().masked(text)) > 0


@pytest.mark.parametrize("around", ["{}", '"{}"', "password='{}", "://{}@", "Bearer {}", "key = {}"])
@pytest.mark.parametrize("piece", ["a", "0a", "\\", "\\'", "a:", "a-", " ", "/", "{", "=", "ab."])
def test_one_long_value(around: str, piece: str) -> None:
    text = around.format(piece * (SIZE // len(piece)))
    assert len(Rules().masked(text)) > 0


def test_a_key_at_the_end_of_a_long_text() -> None:
    assert Rules().masked("lorem ipsum " * (SIZE // 12) + PRIVATE_KEY).endswith(" [redacted: private-key]")
