"""Writes spans in the shape of ClickHouse's `otel_traces`, as the OpenTelemetry Collector's exporter makes that table.

Source: https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/clickhouseexporter. Ids are
hex digits, kinds and codes words, and attributes texts by name: their types are gone, which the report says. Scores are
events, as in OTLP. `INSERT INTO otel_traces FROM INFILE 'spans.parquet' FORMAT Parquet` is what such a file is for.
"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from nbtrace._export.atomic import replacing
from nbtrace._export.portable import loads
from nbtrace._export.prepare import Prepared
from nbtrace._store.attributes import plain, plain_value
from nbtrace._store.schema import PROMOTED
from nbtrace._store.values import written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pyarrow as pa

    from nbtrace._export.batch import Row
    from nbtrace._store.snapshot import Snapshot

KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
CODES: Final = ("Unset", "Ok", "Error")
ROWS: Final = 8192
"""Rows of a group, which are Python values while it is made."""


def write(table: Snapshot, path: Path) -> int:
    """Write ended spans to a file, in one step, and give its size."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with replacing(path) as file:
        with pq.ParquetWriter(file, schema(), compression="zstd", write_page_index=True) as writer:
            for rows in _pieces(Prepared(table)):
                writer.write_table(pa.Table.from_pylist(rows, schema=schema()))
        return file.tell()


def schema() -> pa.Schema:
    """Build the columns."""
    import pyarrow as pa

    text, time, words = pa.string(), pa.timestamp("ns", "UTC"), pa.map_(pa.string(), pa.string())
    return pa.schema(
        [
            ("Timestamp", time),
            *((name, text) for name in ("TraceId", "SpanId", "ParentSpanId", "TraceState", "SpanName", "SpanKind")),
            ("ServiceName", text),
            ("ResourceAttributes", words),
            ("ScopeName", text),
            ("ScopeVersion", text),
            ("SpanAttributes", words),
            ("Duration", pa.uint64()),
            ("StatusCode", text),
            ("StatusMessage", text),
            ("Events.Timestamp", pa.list_(time)),
            ("Events.Name", pa.list_(text)),
            ("Events.Attributes", pa.list_(words)),
            *((f"Links.{name}", pa.list_(text)) for name in ("TraceId", "SpanId", "TraceState")),
            ("Links.Attributes", pa.list_(words)),
        ]
    )


def _pieces(prepared: Prepared) -> Iterator[list[Row]]:
    rows: list[Row] = []
    for row in prepared:
        rows.append(_row(row))
        if len(rows) == ROWS:
            yield rows
            rows = []
    yield rows


def _row(row: Row) -> Row:
    resource, scope = loads(row["resource"] or "{}"), loads(row["scope"] or "{}")
    around = _texts(_named(resource))
    promoted = {key: row[column.name] for key, column in PROMOTED.items() if row[column.name] is not None}
    events, links = row["events"] or (), row["links"] or ()
    return {
        "Timestamp": row["start_time_unix_nano"],
        "TraceId": row["trace_id"].hex(),
        "SpanId": row["span_id"].hex(),
        "ParentSpanId": (row["parent_span_id"] or b"").hex(),
        "TraceState": row["trace_state"] or "",
        "SpanName": row["name"] or "",
        "SpanKind": _word(KINDS, row["kind"]),
        "ServiceName": dict(around).get("service.name", ""),
        "ResourceAttributes": around,
        "ScopeName": str(scope.get("name") or ""),
        "ScopeVersion": str(scope.get("version") or ""),
        "SpanAttributes": _texts(promoted | plain(row["attributes"])),
        "Duration": row["duration_ns"],
        "StatusCode": _word(CODES, row["status_code"]),
        "StatusMessage": row["status_message"] or "",
        "Events.Timestamp": [max(event["time_unix_nano"] or 0, 0) for event in events],
        "Events.Name": [event["name"] or "" for event in events],
        "Events.Attributes": [_texts(plain(event["attributes"])) for event in events],
        "Links.TraceId": [link["trace_id"].hex() for link in links],
        "Links.SpanId": [link["span_id"].hex() for link in links],
        "Links.TraceState": [link["trace_state"] or "" for link in links],
        "Links.Attributes": [_texts(plain(link["attributes"])) for link in links],
    }


def _word(words: tuple[str, ...], number: int | None) -> str:
    return words[number] if number is not None and 0 <= number < len(words) else words[0]


def _named(origin: Mapping[str, Any]) -> dict[str, object]:
    return {pair["key"]: plain_value(pair.get("value") or {}) for pair in origin.get("attributes") or ()}


def _texts(attributes: Mapping[str, object]) -> list[tuple[str, str]]:
    return [(key, _text(value)) for key, value in attributes.items()]


def _text(value: object) -> str:
    """Write a value as the collector does: texts as they are, bytes as base64, all else as JSON."""
    match value:
        case None:
            return ""
        case str():
            return value
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            return written(value, _text)
