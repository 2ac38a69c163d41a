"""Values that are known to be secret are masked wherever they turn up: those of the environment, those of clients."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace import Session, semconv
from nbtrace._trace.redact.rules import Rules
from tests.capture.reading import only

if TYPE_CHECKING:
    from tests.trace.conftest import Ask

VALUE = "q7wErty Uiop/9"


def rules_with(value: str) -> Rules:
    rules = Rules()
    rules.known.learn(value, "MY_KEY")
    return rules


@given(st.text(), st.text())
def test_a_known_value_is_masked_verbatim(before: str, after: str) -> None:
    assert VALUE not in rules_with(VALUE).masked(before + VALUE + after)


def test_its_mask_names_the_variable() -> None:
    masked = rules_with(VALUE).masked(f"it is {VALUE}, or q7wErty%20Uiop%2F9")
    assert masked == "it is [redacted: MY_KEY], or [redacted: MY_KEY]"


@pytest.mark.parametrize("value", ["short12", "notebook", "not-needed", "/home/user/x1", "", None, 12345678])
def test_words_and_paths_are_not_learned(value: object) -> None:
    rules = Rules()
    rules.known.learn(value, "X")
    assert len(rules.known) == 0


def test_a_text_that_was_clean_is_looked_at_again() -> None:
    rules = Rules()
    assert rules.masked(VALUE) == VALUE
    rules.known.learn(VALUE, "X")
    assert rules.masked(VALUE) == "[redacted: X]"


def said(session: Session) -> str:
    return str(session.spans().table["input_messages"].to_pylist()[-1])


def test_the_environment_is_read_when_it_changes(session: Session, ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    ask(f"before: {VALUE}")
    assert f"before: {VALUE}" in said(session)
    monkeypatch.setenv("DEMO_API_KEY", VALUE)
    monkeypatch.setenv("DEMO_SETTING", "harmless123")
    ask(f"while: {VALUE} harmless123")
    assert "while: [redacted: DEMO_API_KEY] harmless123" in said(session)
    monkeypatch.delenv("DEMO_API_KEY")
    ask(f"after: {VALUE}")
    assert "after: [redacted: DEMO_API_KEY]" in said(session)


def test_a_cell_that_sets_a_key_is_stored_without_it(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DEMO_API_KEY", "0123456789abcdef")
    span = session.tracing.start("cell [1]", attributes={semconv.SPAN_TYPE: "cell"})
    session.tracing.end(span, lambda: {semconv.CELL_SOURCE: "k = '0123456789abcdef'"})
    assert only(session)[semconv.CELL_SOURCE] == "k = '[redacted: DEMO_API_KEY]'"
