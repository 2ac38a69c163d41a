"""The compare widget as a front end and a user have it: the table, the verdict, ratings, and its pictures."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pyarrow as pa
import pytest

import nbtrace
from nbtrace import Session
from nbtrace._evaluating import agreed
from nbtrace.errors import NotFoundError, UsageError
from tests.capture.loopback import Loopback
from tests.query.test_comparison import ask
from tests.widgets.test_protocol import PROTOCOL
from tests.widgets.test_wire import PATIENCE_S, FrontEnd

CORPUS = "<script>alert(1)</script> | $x$ \u202e`code` ![i](http://evil/)"


@pytest.fixture
def client() -> Iterator[openai.OpenAI]:
    with Loopback() as server, openai.OpenAI(base_url=server.url, api_key="local", max_retries=0) as made:
        yield made


@pytest.fixture
def asked(session: Session, client: openai.OpenAI) -> Session:
    """Give a session in which two versions were asked two things each."""
    for template in ("Say {what}", "Do say {what}"):
        for what in ("it", CORPUS):
            ask(client, session.prompt("say", template).format(what=what))
    return session


def test_the_front_end_gets_every_run_and_what_they_come_to(asked: Session) -> None:
    widget = asked.compare("say")
    front = FrontEnd(widget)
    reply, (buffer,) = front.ask({"id": 7, "kind": "compare", "version": 3, "baseline": 1})
    head = json.loads(reply["head"])
    table = pa.ipc.open_stream(pa.py_buffer(buffer)).read_all()
    assert sorted(table.column_names) == sorted(PROTOCOL["run_columns"])
    runs = table.to_pylist()
    assert ([one["label"] for one in head["variants"]], head["baseline"]) == (["v1", "v2"], 1)
    assert head["inputs"] == [[["what", "it"]], [["what", CORPUS]]]
    assert head["sentences"] == list(asked.compare("say", baseline=2).sentences) != list(widget.sentences)
    spans = asked.spans()
    assert [(run["variant"], run["input"], run["span_id"], run["output"], run["state"]) for run in runs] == [
        (row // 2, row % 2, spans[row].span_id, "Hello!", "over") for row in range(4)
    ]
    widget.close()


def test_a_rating_is_a_score_of_the_call_and_the_widget_hears_of_it(asked: Session) -> None:
    widget = asked.compare("say")
    front = FrontEnd(widget)
    front.ask({"id": 1, "kind": "compare", "version": 3, "baseline": 0})
    span = asked.spans()[2]
    rate = {"id": 2, "kind": "rate", "version": 3, "trace_id": span.trace_id, "span_id": span.span_id, "value": 4}
    reply, _ = front.ask(rate)
    assert reply["kind"] == "rate"
    told, _ = front.sent.get(timeout=PATIENCE_S)
    assert told["kind"] == "changed"
    (score,) = asked.snapshot().scores.to_pylist()
    assert (score["span_id"].hex(), score["name"], score["value"], score["source"]) == (
        span.span_id, "rating", 4.0, "human",
    )  # fmt: skip
    assert widget.to_pandas()["score.rating"].dropna().tolist() == [4.0]
    refused, _ = front.ask(rate | {"id": 3, "value": 9})
    assert refused["error"] == "cannot use value=9; expected the number of a label, from 1 to 5"
    widget.close()


def test_two_readers_label_a_call_and_each_finds_their_own_word(asked: Session) -> None:
    asked.labels = {"tone": {"kind": 1, "rude": 0}}
    span = asked.spans()[2]
    its = {"version": 3, "trace_id": span.trace_id, "span_id": span.span_id}
    said: list[tuple[int, str]] = []
    for person, label in (("ada", 2), ("bo", 1)):
        asked.annotator = person
        front = FrontEnd(asked.compare("say"))
        for message in ({"kind": "note", "text": f" {person} says <b>why</b> "}, {"kind": "rate", "value": label}):
            reply, _ = front.ask({"id": 1, **its, **message})
            assert reply["kind"] == message["kind"]
        shown, _ = front.ask({"id": 2, "kind": "span", **its})
        _, (buffer,) = front.ask({"id": 3, "kind": "compare", "version": 3, "baseline": 0})
        runs = pa.ipc.open_stream(pa.py_buffer(buffer)).read_all()
        said += [(shown["choice"], shown["note"]), (runs["choice"][2].as_py(), runs["note"][2].as_py())]
    assert said == [(2, "ada says <b>why</b>")] * 2 + [(1, "bo says <b>why</b>")] * 2
    columns = ["name", "label", "value", "explanation", "evaluator"]
    assert asked.snapshot().scores.select(columns).slice(1, 1).to_pylist() == [
        dict(zip(columns, ("tone", "rude", 0.0, "ada says <b>why</b>", "ada"), strict=True))
    ]
    assert agreed(asked)["spans"] == [1]
    refused, _ = front.ask({"id": 4, **its, "kind": "rate", "value": 3})
    assert refused["error"] == "cannot use value=3; expected the number of a label, from 1 to 2"
    refused, _ = front.ask({"id": 5, **its, "kind": "note", "text": None})
    assert refused["error"] == "cannot use text=None; expected a note of up to 10,000 characters"


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"a": ["x"], "b": ["y"]},
        {"a": "xy"},
        {"a": []},
        {"a": ["x", "x"]},
        {"a": list(range(10))},
        {"a": 3},
        "tone",
        {"a": {"x": "y"}},
    ],
)
def test_labels_that_cannot_be_chosen_by_a_key_are_refused(session: Session, given: Any) -> None:
    with pytest.raises(UsageError, match=r"^cannot use labels=.*; expected one name with its labels, 1 to 9"):
        session.labels = given


def test_the_trace_of_a_call_can_be_opened(asked: Session) -> None:
    widget = asked.compare("say")
    front = FrontEnd(widget)
    _, (buffer,) = front.ask({"id": 1, "kind": "tree", "version": 3})
    assert pa.ipc.open_stream(pa.py_buffer(buffer)).read_all().num_rows == 4
    widget.close()


def test_its_pictures_are_harmless_and_say_everything(asked: Session) -> None:
    html, text = asked.compare("say").still()
    assert str(asked.compare("say")) == text  # as a script prints it
    assert "<script>" not in html
    assert "\u202e" not in html + text
    assert html.count("<tr>") == 3
    assert html.count("Hello!") == 4
    assert text.splitlines()[0] == "say · 2 variants · 2 inputs · 4 calls"
    assert text.splitlines()[2].startswith("v1 (baseline): 9 → 3 tokens · unpriced")


def test_markdown_is_a_table_whatever_was_said(asked: Session) -> None:
    lines = asked.compare("say").to_markdown().splitlines()
    rows = [line for line in lines if line.startswith("| ")]
    bars = [line.replace("\\|", "").count("|") for line in rows]
    assert bars == [4] * len(rows) == [4] * 4
    assert "<script>" not in "".join(lines)


def test_a_large_comparison_says_what_its_picture_leaves_out(session: Session, client: openai.OpenAI) -> None:
    for version in range(7):
        ask(client, session.prompt("many", f"Version {version} of {{n}}").format(n="0"))
    for number in range(40):
        ask(client, session.prompt("many", "Version 6 of {n}").format(n="x" * 400 + str(number)))
    html, _ = session.compare("many").still()
    assert len(html.encode()) <= 20_000
    assert "2 more variants" in html
    assert "more inputs" in html


def test_a_hostile_comparison_has_a_small_picture_too(session: Session, client: openai.OpenAI) -> None:
    name = "$" * 300
    for version in range(6):
        ask(client, session.prompt(name, f"{version} {{n}}").format(n="$" * 400), model="$" * 200, stop=["$" * version])
    for number in range(20):
        ask(client, session.prompts[name].format(n="$" * 300 + str(number)))
    html, _ = session.compare(name).still()
    assert len(html.encode()) <= 20_000
    assert "more variants" in html
    assert "more sentence" in html
    assert "more inputs" in html


def test_a_comparison_is_of_the_spans_that_are_given(asked: Session, tmp_path: Path) -> None:
    asked.export(tmp_path / "s.parquet")
    opened = nbtrace.open(tmp_path / "s.parquet")
    some = asked.spans()[:3]
    given = [len(asked.compare("say", spans=spans).comparison.runs) for spans in (None, some, opened)]
    assert given == [4, 3, 4]
    front = FrontEnd(asked.compare("say", spans=some))
    _, (buffer,) = front.ask({"id": 1, "kind": "tree", "version": 3})
    assert pa.ipc.open_stream(pa.py_buffer(buffer)).read_all().num_rows == 3
    with pytest.raises(UsageError, match=r"^spans is list \[\]; expected what nbtrace.spans"):
        asked.compare("say", spans=[])


def test_what_is_asked_for_wrongly_is_said(asked: Session) -> None:
    with pytest.raises(NotFoundError, match="there is no call with the prompt 'x'; the prompts with calls are: 'say'"):
        asked.compare("x")
    with pytest.raises(UsageError, match="unknown baseline '9'; expected one of: v1, v2"):
        asked.compare("say", baseline=9)


def test_spans_that_were_read_back_are_compared_and_not_rated(asked: Session, tmp_path: Path) -> None:
    asked.export(tmp_path / "s.parquet")
    widget = nbtrace.open(tmp_path / "s.parquet").compare("say", baseline=2)
    assert (widget.baseline, len(widget.comparison.runs)) == (1, 4)
    front = FrontEnd(widget)
    span = asked.spans()[0]
    reply, _ = front.ask(
        {"id": 2, "kind": "rate", "version": 3, "trace_id": span.trace_id, "span_id": span.span_id, "value": 4}
    )
    assert reply["error"].startswith("these spans were read back and take no scores")
    widget.close()
