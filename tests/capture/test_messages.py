"""JSON as the codecs read and write it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._capture import messages


def test_two_halves_of_a_character_come_together() -> None:
    assert messages.dumps(["\ud83d" + "\ude00", "\ud83d"]) == '["😀","\ufffd"]'


@given(st.dictionaries(st.text(), st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists)))
def test_what_is_written_is_read(value: dict[str, Any]) -> None:
    assert messages.loads(messages.dumps(value)) == value


@pytest.mark.parametrize("written", ['{"n": -9223372036854775809}', '["18446744073709551616", 18446744073709551616]'])
def test_integers_of_any_size_are_read_as_they_are(written: str) -> None:
    """orjson rounds the first that do not fit 64 bits."""
    assert messages.loads(written) == messages.loads(written.encode()) == json.loads(written)


def test_what_is_no_utf8_is_no_json() -> None:
    with pytest.raises(ValueError, match="utf-8"):
        messages.loads(b'"\xff"')
    assert messages.loads('"\ud83d"') == "\ud83d"
