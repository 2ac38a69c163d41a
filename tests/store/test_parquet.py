"""A Parquet file holds the spans and their scores, each text once, for nbtrace and for any other reader."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings

from nbtrace import semconv
from nbtrace._export.destination import export
from nbtrace._store import parquet
from nbtrace._store.parquet import read, write
from nbtrace._store.schema import schema
from nbtrace._store.scores import Score, encode_scores
from nbtrace._store.snapshot import Snapshot
from nbtrace.errors import UnsupportedVersionError
from tests.store.test_snapshot import ROWS, said, table_of, talk

if TYPE_CHECKING:
    from opentelemetry.trace import Tracer

    from nbtrace._store.store import Store

OLD = Path(__file__).parents[1] / "fixtures" / "version-1.parquet"


def filed(snapshot: Snapshot) -> io.BytesIO:
    file = io.BytesIO()
    assert write(snapshot, file) == 0
    file.seek(0)
    return file


@settings(max_examples=20)
@given(ROWS)
def test_what_is_read_is_what_was_written(rows: list[dict[str, Any]]) -> None:
    table = table_of(rows)
    back = read(filed(Snapshot.of(table)))
    back.kept.validate(full=True)
    assert back.table().equals(table)
    assert Snapshot.of(pq.read_table(filed(Snapshot.of(table)))).table().equals(table)


def test_other_readers_see_messages_as_lists_of_json(tmp_path: Path) -> None:
    import duckdb
    import pandas as pd
    import polars as pl

    texts = ['[{"role":"user"},{"role":"assistant"}]', "masked", "[]", None]
    answer = '[{"role":"assistant","finish_reason":"stop"}]'
    table = table_of([{"input_messages": one, "output_messages": answer} for one in texts])
    path = tmp_path / "spans.parquet"
    path.write_bytes(filed(Snapshot.of(table)).read())
    wanted = [['{"role":"user"}', '{"role":"assistant"}'], [None, "masked"], [], None]
    assert pq.read_table(path)["input_messages"].to_pylist() == wanted
    assert pl.read_parquet(path)["input_messages"].to_list() == wanted
    found = pd.read_parquet(path)["input_messages"]
    assert [None if one is None else list(one) for one in found] == wanted
    asked = duckdb.execute(f"SELECT output_messages[1] FROM '{path}' LIMIT 1")
    assert asked.fetchall() == [(answer[1:-1],)]
    pl.read_parquet(path).write_parquet(tmp_path / "again.parquet")
    again = read(tmp_path / "again.parquet")
    assert again["input_messages"].to_pylist() == texts
    assert again["output_messages"].to_pylist() == [answer] * 4


def test_row_groups_hold_all_between_them(store: Store, tracer: Tracer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "ROWS", 8)
    monkeypatch.setattr(parquet, "GROUP_ROWS", 40)
    monkeypatch.setattr(parquet, "GROUP_BYTES", 80_000)
    talk(tracer, 100)
    for _ in range(100):
        tracer.start_span("short").end()
    tracer.start_span("long", attributes={"text": "x" * 100_000, semconv.SYSTEM_INSTRUCTIONS: "[{}]"}).end()
    snapshot = store.snapshot()
    file = filed(snapshot)
    sizes = [pq.read_metadata(file).row_group(index).num_rows for index in range(pq.read_metadata(file).num_row_groups)]
    assert sum(sizes) == 201
    assert max(sizes) == 40
    assert sizes[0] < 40
    back = read(file)
    assert back.table().equals(snapshot.table())
    assert back.kept["name"].num_chunks == len(sizes)


def test_a_conversation_is_not_spelled_out(store: Store, tracer: Tracer) -> None:
    size = talk(tracer, 100)
    back = read(filed(store.snapshot()))
    assert back["input_messages"].nbytes > 40 * size
    assert (
        back.nbytes <= 1.7 * size
    )  # answers are there twice: in their own column, and in the history of the next call


def score(trace: int, span: int, name: str, value: float | None = None, **more: Any) -> Score:
    return Score(trace.to_bytes(16, "big"), span.to_bytes(8, "big"), name, value, **more)


def test_scores_are_with_their_spans(tmp_path: Path) -> None:
    ids = [{"trace_id": trace.to_bytes(16, "big"), "span_id": bytes(7) + b"\1"} for trace in (1, 2, 3)]
    scores = [
        score(3, 1, "relevance", 0.5, label="pass", explanation="because", evaluator="ada", source="human"),
        score(1, 1, "length", 3.0, time_unix_nano=7),
        score(3, 1, "relevance", None, evaluator_version="2", source="llm"),
    ]
    spans = Snapshot.of(table_of(ids))
    both = Snapshot(spans.kept, spans.texts, pa.Table.from_batches([encode_scores(scores)]))
    path = tmp_path / "spans.parquet"
    assert export(both, path).left_out == ()
    column: Any = pq.read_table(path)["scores"].to_pylist()
    assert [[one["name"] for one in row or ()] for row in column] == [["length"], [], ["relevance", "relevance"]]
    in_order = [scores[1], scores[0], scores[2]]
    assert read(path).scores.equals(pa.Table.from_batches([encode_scores(in_order)]))
    left_out = export(both.slice(0, 2), path).left_out
    assert left_out == ("2 scores of other spans",)
    assert read(path).scores.equals(pa.Table.from_batches([encode_scores(scores[1:2])]))


def test_an_earlier_version_is_read() -> None:
    old = pq.read_table(OLD)
    assert read(OLD).table().equals(Snapshot.of(old).table())
    assert read(OLD).scores.num_rows == 0


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    newer = schema().empty_table().replace_schema_metadata({"nbtrace.schema_version": "99"})
    pq.write_table(newer, tmp_path / "newer.parquet")
    with pytest.raises(UnsupportedVersionError, match="schema version 99"):
        read(tmp_path / "newer.parquet")


def test_what_is_no_message_is_no_message(tmp_path: Path) -> None:
    pq.write_table(pa.table({"input_messages": [[said("user", "a")]]}), tmp_path / "odd.parquet")
    with pytest.raises((ValueError, NotImplementedError, TypeError)):
        read(tmp_path / "odd.parquet")
