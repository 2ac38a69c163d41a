"""Prompts as they were used: real calls, counted by version."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from nbtrace import Session
from nbtrace._query.frame import Spans
from nbtrace._query.prompts import versions_in
from nbtrace._store.scores import Score
from tests.capture.loopback import Loopback

if TYPE_CHECKING:
    from collections.abc import Iterator

    import openai
import openai as package
import pytest


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with Loopback() as server, package.OpenAI(base_url=server.url, api_key="local", max_retries=0) as made:
        yield made


def ask(client: openai.OpenAI, text: str) -> None:
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": text}])


def test_every_version_is_listed_with_what_it_was_used_for(session: Session, client: openai.OpenAI) -> None:
    for template, calls in (("Count {n}", 2), ("Count to {n}", 1), ("Never used {n}", 0)):
        prompt = session.prompt("count", template)
        for _ in range(calls):
            ask(client, prompt.format(n=3))
    session.prompts["count"].tag("production", 1)
    for span, value in zip(session.spans(), (0.5, 1.0, 0.25), strict=True):
        ids = bytes.fromhex(span["trace_id"]), bytes.fromhex(span["span_id"])
        session.store.score(Score(*ids, "good", value))
    listed = session.prompts()
    names = ("prompt", "version", "tags", "template", "calls", "errors", "input_tokens")
    tokens = sum(span["input_tokens"] for span in session.spans()[:1])
    assert list(zip(*(listed[name] for name in names), strict=True)) == [
        ("count", "1", ["production"], "Count {n}", 2, 0, 2 * tokens),
        ("count", "2", [], "Count to {n}", 1, 0, tokens),
        ("count", "3", ["current"], "Never used {n}", 0, None, None),
    ]
    assert listed["scores"] == [
        [{"name": "good", "mean": 0.75, "count": 2}],
        [{"name": "good", "mean": 0.25, "count": 1}],
        [],
    ]


def test_versions_are_found_again_in_spans(session: Session, client: openai.OpenAI) -> None:
    for template in ("Say {what}", [{"role": "user", "content": "Say {what} twice"}]):
        made = session.prompt("say", template)
        rendered = made.format(what="it")
        ask(client, rendered if isinstance(rendered, str) else rendered[0]["content"])
    found = versions_in(Spans(session.store.snapshot()))
    assert [(prompt.name, prompt.version, prompt.template) for prompt in found] == [
        ("say", 1, "Say {what}"),
        ("say", 2, ({"role": "user", "content": "Say {what} twice"},)),
    ]


def test_a_resumed_session_goes_on_counting(session: Session, client: openai.OpenAI, tmp_path: Path) -> None:
    session.open_journal(tmp_path, notebook="a.ipynb")
    ask(client, session.prompt("say", "Say {what}").format(what="it"))
    session.close_journal()
    (path,) = tmp_path.iterdir()
    other = Session()
    other.resume(path)
    assert (other.prompts["say"].current.template, other.prompt("say", "Shout {what}").version) == ("Say {what}", 2)


def test_a_masked_template_is_not_the_one_that_was_used(session: Session, client: openai.OpenAI) -> None:
    ask(client, session.prompt("key", "Use sk-proj-0123456789abcdef0123 for {what}").format(what="it"))
    assert versions_in(session.spans()) == []
