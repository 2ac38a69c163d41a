"""A dry run says what an export would do, and does nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from nbtrace import Session, _guard, semconv
from nbtrace._export.backends import phoenix
from nbtrace._export.facts import Facts
from nbtrace._export.report import DryRun
from nbtrace._store.store import Store
from tests.export import rich
from tests.export.golden import CANARY, VARIABLES
from tests.export.loopback import Scripted
from tests.export.making import made
from tests.query.tables import chat, table

ODD = ({"int": 7}, {"string": "text"}, {"bool": True})


@pytest.fixture
def recorded() -> Session:
    """A session that has the rich one's spans, one with a mask, and records no more."""
    store = Store()
    store.ended(made({"note": "a [redacted: email] and [redacted: card]", "list": ["[redacted: email]"]}), None)
    session = Session()
    session.store.adopt(rich.session())
    session.store.adopt(store.snapshot())
    return session


def previewed(session: Session, to: str | Path, **options: object) -> DryRun:
    report = session.export(to, dry_run=True, **options)  # type: ignore[arg-type]
    assert isinstance(report, DryRun)
    return report


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_a_dry_run_has_the_numbers_of_the_export(
    name: str, recorded: Session, monkeypatch: pytest.MonkeyPatch, scripted: type[Scripted]
) -> None:
    for variable, value in VARIABLES[name].items():
        monkeypatch.setenv(variable, value)
    server = scripted()
    told = previewed(recorded, name, endpoint=server.url)
    assert server.received == []
    done = recorded.export(name, endpoint=server.url)
    same = ("destination", "format", "spans", "requests", "left_out", "notes")
    assert [getattr(told, one) for one in same] == [getattr(done, one) for one in same]
    assert told.bytes == len(server.received[0].body)
    assert (told.masked, told.attributes[semconv.CELL_ID]) == (3, 1)
    assert CANARY not in repr(told) + str(told.sample)


def test_a_dry_run_names_what_is_masked_and_cut(recorded: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    for variable, value in VARIABLES["grafana"].items():
        monkeypatch.setenv(variable, value)
    store = Store()
    for number in range(6):
        span = {f"long {number}": "x" * 3000, "long": "y" * 3000}
        store.ended(made(span, ids=(9, number + 1)), None)
    recorded.store.adopt(store.snapshot())
    said = {"key": "exception.message", "string": "[redacted: key]"}
    event = {"time_unix_nano": 5, "name": "exception", "attributes": [said], "dropped_attributes_count": 0}
    recorded.store.adopt(table(chat(1, trace=10, events=[event], tags=["[redacted: email]"])))
    told = previewed(recorded, "grafana")
    masks = {"note": 2, "list": 1, "exception.message": 1, semconv.TAGS: 1}
    assert (told.masked, told.masks) == (5, masks)
    assert (told.cut, told.cuts) == (12, {"long": 6, **{f"long {number}": 1 for number in range(6)}})
    assert "5 masked (note, list, nbtrace.tags, exception.message) and 12 cut (long, long 0, " in repr(told)
    assert "long 1, long 2, long 3 and 2 more)." in repr(told)


def test_spans_that_a_backends_words_fail_for_are_told_and_go(
    monkeypatch: pytest.MonkeyPatch, scripted: type[Scripted]
) -> None:
    def failing(span: Facts) -> dict[str, Any]:
        return {"said": len(span.attributes["odd"])}

    monkeypatch.setattr(phoenix, "BACKEND", replace(phoenix.BACKEND, overlay=(*phoenix.BACKEND.overlay, failing)))
    monkeypatch.setattr(_guard, "reraise", False)
    session = Session()
    session.store.adopt(table(*(chat(n, attributes=[{"key": "odd", **odd}]) for n, odd in enumerate(ODD, 1))))
    server = scripted()
    told, done = (session.export("phoenix", endpoint=server.url, dry_run=is_dry) for is_dry in (True, False))
    assert done.notes == ("2 spans without some of the backend's words, as saying them failed",)
    assert (told.notes, told.spans, told.bytes) == (done.notes, done.spans, len(server.received[0].body))
    assert done.spans == len(ODD)


def test_a_dry_run_reads_as_a_sentence_and_has_a_sample(recorded: Session, free_port: int) -> None:
    url = f"http://127.0.0.1:{free_port}"
    told = previewed(recorded, url, spans=recorded.spans(kind="llm"), content=False)
    assert repr(told) == (
        f"Dry run: 2 spans would go to {url} (OTLP, {told.bytes / 1000:.1f} KB, 1 request), with "
        f"{len(told.attributes)} attributes by name, 0 masked and 0 cut. Nothing was sent or written. "
        "2 spans without their parents became roots."
    )
    assert told.sample is not None
    assert (told.sample["name"], told.sample["spanId"]) == ("chat gpt-5", f"{3:016x}")
    assert semconv.INPUT_MESSAGES not in told.attributes


@pytest.mark.parametrize("name", ["a.parquet", "a.jsonl", "a.html"])
def test_a_dry_run_writes_no_file(name: str, recorded: Session, tmp_path: Path) -> None:
    told = previewed(recorded, tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    done = recorded.export(tmp_path / name)
    assert (told.spans, told.format, told.left_out) == (done.spans, done.format, done.left_out)
    assert told.bytes == pytest.approx(done.bytes, rel=0.01)
