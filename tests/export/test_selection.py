"""Only a part is sent: a selection with roots of its own, no content; and what a receiver will not keep is said."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import nbtrace
from nbtrace import Session, semconv
from nbtrace._export.destination import export
from nbtrace._export.selection import without_content
from nbtrace._store.store import Store
from nbtrace.errors import UsageError
from tests.export import rich
from tests.export.golden import VARIABLES, attributes
from tests.export.loopback import Scripted, spans_of
from tests.query.tables import row, table

if TYPE_CHECKING:
    from opentelemetry.proto.trace.v1.trace_pb2 import Span

Server = Callable[..., Scripted]


@pytest.fixture
def recorded() -> Session:
    """A session that has the rich one's spans and records no more."""
    session = Session()
    session.store.adopt(rich.session())
    return session


def arrived(server: Scripted) -> dict[str, Span]:
    received = (one for one in server.received if one.headers["content-type"] == "application/x-protobuf")
    return {span.name: span for one in received for span in spans_of(one.otlp)}


def test_of_a_selection_those_without_their_parents_are_roots(scripted: Server, recorded: Session) -> None:
    server = scripted()
    chosen = recorded.spans(kind=["agent", "llm"])
    report = recorded.export(server.url, spans=chosen)
    assert {name: span.parent_span_id.hex() for name, span in arrived(server).items()} == {
        "invoke_agent researcher": "",
        "chat gpt-5": f"{2:016x}",
        "chat gpt-6": f"{2:016x}",
    }
    assert (report.spans, report.notes) == (3, ("1 span without its parent became a root",))
    assert recorded.spans(kind="agent")[0].parent_span_id == f"{1:016x}"


def test_a_selection_is_what_spans_gives(recorded: Session) -> None:
    with pytest.raises(UsageError, match=r"spans is list .* expected what nbtrace.spans"):
        recorded.export("http://127.0.0.1:1", spans=[1])  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["part.jsonl", "part.parquet", "part.html"])
def test_a_file_of_a_selection_has_only_that(name: str, recorded: Session, tmp_path: Path) -> None:
    report = recorded.export(tmp_path / name, spans=recorded.spans(kind="llm"))
    assert report.spans == 2
    if name != "part.html":
        back = nbtrace.open(tmp_path / name).spans()
        assert sorted(span["name"] for span in back) == ["chat gpt-5", "chat gpt-6"]
        assert [span["parent_span_id"] for span in back] == [None, None]


CONTENT = (
    "librarian", "Wer schrieb", "look_up a book", "Looks up", "research('Spans')", "Ada wrote it", "author", "shelf",
    "slow down", "It asks the right tool", "🦉",
)  # fmt: skip


@pytest.mark.parametrize("name", ["a.jsonl", "a.parquet", "a.html"])
def test_without_content_no_file_has_what_was_said(name: str, recorded: Session, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    recorded.export(tmp_path / name, content=False)
    text = (tmp_path / name).read_text("latin-1")
    if name == "a.parquet":
        text = str(pq.read_table(tmp_path / name).to_pylist())
    assert [said for said in CONTENT if said in text] == []


def test_without_content_spans_without_an_end_say_why_they_have_none() -> None:
    told = (None, "no", semconv.INTERRUPTED, semconv.NOT_ENDED, f"{semconv.NOT_ENDED}: no")
    spans = table(*(row(at, ms=None, status_message=said) for at, said in enumerate(told)))
    kept = without_content(spans, lambda _: True)["status_message"].to_pylist()
    assert kept == [None, None, semconv.INTERRUPTED, semconv.NOT_ENDED, semconv.NOT_ENDED]


@pytest.mark.parametrize("to", sorted(VARIABLES))
def test_without_content_no_backend_gets_what_was_said(
    to: str, scripted: Server, recorded: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable, value in VARIABLES[to].items():
        monkeypatch.setenv(variable, value)
    server = scripted()
    recorded.export(to, endpoint=server.url, content=False)
    bodies = b"".join(one.body for one in server.received)
    assert [said for said in CONTENT if said.encode() in bodies] == []
    call = attributes(arrived(server)["chat gpt-5"].attributes)
    assert (call[semconv.REQUEST_MODEL], call[semconv.USAGE_COST], call[semconv.PROMPT_NAME]) == (
        "gpt-5",
        0.00125,
        "ask",
    )
    assert attributes(arrived(server)["many"].attributes)["attribute.199"] == 199


def test_what_tempo_would_cut_is_cut_and_said(
    scripted: Server, monkeypatch: pytest.MonkeyPatch, recorded: Session
) -> None:
    for variable, value in VARIABLES["grafana"].items():
        monkeypatch.setenv(variable, value)
    store = Store()
    first = rich.spans()[2]
    long = {**(first.attributes or {}), semconv.INPUT_MESSAGES: "ü" * 3000, "note": "x" * 2049, "fits": "x" * 2048}
    first._attributes = long  # type: ignore[assignment]
    store.ended(first, None)
    server = scripted()
    report = export(store.snapshot(), "grafana", endpoint=server.url)
    got = attributes(arrived(server)["chat gpt-5"].attributes)
    assert got[semconv.INPUT_MESSAGES] == "ü" * 1022 + "…"
    assert (len(got["note"].encode()), len(got["fits"])) == (2048, 2048)
    digests = [f"{hashlib.sha256(text.encode()).hexdigest()[:16]})" for text in ("ü" * 3000, "x" * 2049)]
    assert got[semconv.CUT] == [
        "gen_ai.input.messages: 6,000 bytes, of which the receiver keeps 2,048 (SHA-256 " + digests[0],
        "note: 2,049 bytes, of which the receiver keeps 2,048 (SHA-256 " + digests[1],
    ]
    assert report.notes == ("2 attributes were longer than the receiver keeps, and cut",)


def test_what_is_too_old_for_datadog_is_said(scripted: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in VARIABLES["datadog"].items():
        monkeypatch.setenv(variable, value)
    store = Store()
    now = time.time_ns()
    for start, trace in ((now - 25 * 3600 * rich.SECOND, 1), (now - 3600 * rich.SECOND, 2)):
        for span in rich.spans(start, trace):
            store.ended(span, None)
    report = export(store.snapshot(), "datadog", endpoint=scripted().url)
    assert (report.spans, report.notes) == (18, ("9 spans began more than 24 hours ago, and may not be kept there",))


def test_orphans_become_roots_for_langsmith(scripted: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in VARIABLES["langsmith"].items():
        monkeypatch.setenv(variable, value)
    store = Store()
    for span in rich.spans()[1:]:
        store.ended(span, None)
    server = scripted()
    report = export(store.snapshot(), "langsmith", endpoint=server.url)
    roots = [name for name, span in arrived(server).items() if not span.parent_span_id]
    assert roots == ["invoke_agent researcher", "no names", "embeddings small", "many"]
    assert report.notes == ("4 spans without their parents became roots",)
    plain = scripted()
    assert export(store.snapshot(), plain.url).notes == ()
    assert [name for name, span in arrived(plain).items() if not span.parent_span_id] == []


def test_the_spans_of_a_trace_go_together(scripted: Server) -> None:
    store = Store()
    pairs: list[Any] = [rich.spans(trace=1), rich.spans(trace=2)]
    for one, other in zip(*pairs, strict=True):
        store.ended(one, None)
        store.ended(other, None)
    server = scripted()
    export(store.snapshot(), server.url)
    traces = [int.from_bytes(span.trace_id, "big") for span in spans_of(server.received[0].otlp)]
    assert traces == [1] * 9 + [2] * 9
