"""Presidio as a rule: the real one where it is installed (`make test-presidio`), and what is said where it is not."""

from __future__ import annotations

import importlib
import socket
import sys
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import Session, semconv
from nbtrace._trace.redact import presidio
from nbtrace._trace.redact.rules import Rules
from nbtrace.errors import UsageError
from tests.capture.reading import only

if TYPE_CHECKING:
    from tests.trace.conftest import Ask

installed = pytest.mark.skipif(find_spec("presidio_analyzer") is None, reason="run by `make test-presidio`")
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail whatever asks the network, but for loopback."""
    connect = socket.socket.connect

    def only_loopback(self: socket.socket, address: Any) -> None:
        if isinstance(address, tuple) and address[0] not in ("127.0.0.1", "localhost", "::1"):
            message = f"asked the network: {address}"
            raise AssertionError(message)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", only_loopback)


def test_without_it_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "presidio_analyzer", None)
    monkeypatch.setattr(presidio, "find_spec", lambda name: None)
    rules = Rules()
    rules.optional = ("email",)
    with pytest.raises(UsageError) as raised:
        rules.optional = ("email", "presidio")
    assert str(raised.value) == (
        'the rule \'presidio\' needs "nbtrace[presidio]", which is not installed: pip install "nbtrace[presidio]"'
    )
    assert rules.optional == ("email",)


@installed
def test_it_finds_what_needs_no_model_and_asks_no_network(offline: None, session: Session, ask: Ask) -> None:
    session.redact("presidio")
    ask("My SSN is 536-90-4399, my IP 192.168.0.17, write to ada@example.org on 2024-01-15 or see https://x.org.")
    found = only(session)
    assert found[semconv.INPUT_MESSAGES][0]["parts"][0]["content"] == (
        "My SSN is [redacted: presidio US_SSN], my IP [redacted: presidio IP_ADDRESS], write to [redacted: email] "
        "on 2024-01-15 or see https://x.org."
    )
    assert session.policy.rules.optional == ("presidio",)
    session.policy.rules.optional = ()
    assert session.policy.rules.masked("536-90-4399") == "536-90-4399"


def engine() -> Any:
    """Make the user's own analyzer: Presidio on a spaCy pipeline that knows one name."""
    spacy: Any = importlib.import_module("spacy")
    analyzers: Any = importlib.import_module("presidio_analyzer")
    engines: Any = importlib.import_module("presidio_analyzer.nlp_engine")
    pipeline = spacy.blank("en")
    pipeline.add_pipe("entity_ruler").add_patterns([{"label": "PERSON", "pattern": "Ada Lovelace"}])
    nlp = engines.SpacyNlpEngine(models=[{"lang_code": "en", "model_name": "own"}])
    nlp.nlp = {"en": pipeline}
    return analyzers.AnalyzerEngine(nlp_engine=nlp)


@installed
def test_an_analyzer_of_the_users_own_finds_names_in_prose(session: Session, ask: Ask) -> None:
    session.redact(engine())
    ask("Is Ada Lovelace there?", user="Ada Lovelace")
    found = only(session)
    assert found[semconv.INPUT_MESSAGES][0]["parts"][0]["content"] == "Is [redacted: presidio PERSON] there?"
    assert found[semconv.REQUEST_MODEL] == "m"


@installed
def test_the_largest_of_the_installed_models_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    models = ["de_core_news_lg", "en_core_web_sm", "en_core_web_lg", "en_own"]
    monkeypatch.setattr("spacy.util.get_installed_models", lambda: models)
    assert presidio._model() == "en_core_web_lg"


@installed
def test_a_text_that_is_longer_than_spacy_takes() -> None:
    rules = Rules()
    rules.add(engine(), name="people")
    text = "word " * 250_000 + "Ada Lovelace" + " word" * 10
    masked = rules.masked(text)
    assert masked == text.replace("Ada Lovelace", "[redacted: presidio PERSON]")
    assert rules.own == ("people",)
