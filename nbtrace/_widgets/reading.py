"""Stored spans prepared for reading: a table of strings.

Here the promoted columns go back among the attributes, so that the reader sees every attribute under its own name,
and OTLP's typed values become plain JSON. Messages stay the JSON text that the conventions define.
"""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._store.schema import PROMOTED

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._store.snapshot import Snapshot

CONTENT: Final = ("system_instructions", "input_messages", "output_messages", "tool_definitions")
"""Columns that are shown as messages, not as attributes."""

SAFE_INTEGER: Final = 2**53
"""Above this a JavaScript number is no longer exact, so the reader gets the digits as text."""


def reading(rows: Snapshot) -> pa.Table:
    """Build the table that answers a `SpanRequest`.

    Args:
        rows: One span, or a few.
    """
    import pyarrow as pa

    from nbtrace._store.columns import strings

    # Python's datetimes of an Arrow column would import pandas.
    spans = rows.select([name for name in rows.column_names if name != "start_time"]).to_pylist()
    read = [_columns(span) for span in spans]
    names = list(read[0]) if read else []
    return pa.Table.from_arrays([strings(pa.string(), [one[name] for one in read]) for name in names], names=names)


def _columns(span: dict[str, Any]) -> dict[str, str | None]:
    promoted = {
        key: _number(span[column.name])
        for key, column in PROMOTED.items()
        if column.name not in CONTENT and span[column.name] is not None
    }
    attributes = promoted | _attributes(span["attributes"])
    return {
        "span_id": span["span_id"].hex(),
        "trace_id": span["trace_id"].hex(),
        "name": span["name"],
        "status": ("unset", "ok", "error")[span["status_code"] or 0],
        "status_message": span["status_message"],
        "start_time": _time(span["start_time_unix_nano"]),
        **{name: span[name] for name in CONTENT},
        "attributes": _json(dict(sorted(attributes.items()))),
        "cost": _cost(attributes),
        "events": _json([_event(event, span["start_time_unix_nano"]) for event in span["events"] or ()]),
        "links": _json([_link(link) for link in span["links"] or ()]),
        "resource": _described(span["resource"]),
        "scope": _described(span["scope"]),
    }


def _cost(attributes: dict[str, Any]) -> str | None:
    """Word the arithmetic of a call's cost, as `nbtrace.cost` tells it; none where no cost is spoken of."""
    from nbtrace._query.cost import Cost

    cost = Cost.of(attributes)
    if cost.state is None and cost.total_usd is None:
        return None
    return _json({"total": cost.total(), "rows": cost.rows(), "reason": cost.reason, "source": cost.source})


def _time(unix_nano: int | None) -> str | None:
    """Word a time to the nanosecond."""
    if unix_nano is None:
        return None
    seconds, rest = divmod(unix_nano, 10**9)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest:09}Z"


def _json(value: object) -> str:
    import orjson

    return orjson.dumps(value, option=orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS).decode()


def _event(event: dict[str, Any], start: int) -> dict[str, object]:
    return {
        "name": event["name"],
        "after_ms": round((event["time_unix_nano"] - start) / 1e6, 3),
        "attributes": _attributes(event["attributes"]),
    }


def _link(link: dict[str, Any]) -> dict[str, object]:
    return {
        "trace_id": link["trace_id"].hex(),
        "span_id": link["span_id"].hex(),
        "attributes": _attributes(link["attributes"]),
    }


def _described(text: str | None) -> str | None:
    """Turn a resource or scope of OTLP JSON into plain JSON."""
    import orjson

    if text is None:
        return None
    described = orjson.loads(text)
    pairs = _any({"kvlistValue": {"values": described.pop("attributes", ())}})
    return _json(described | {"attributes": pairs})


def _attributes(entries: list[dict[str, Any]] | None) -> dict[str, object]:
    import orjson

    plain: dict[str, object] = {}
    for entry in entries or ():
        kind = next(
            (kind for kind in ("string", "int", "double", "bool", "bytes", "json") if entry[kind] is not None), None
        )
        value: Any = entry[kind] if kind else None
        if entry["key"] == semconv.EMBEDDINGS_VECTORS:
            plain[entry["key"]] = _vectors(str(value))
            continue
        plain[entry["key"]] = _any(orjson.loads(value)) if kind == "json" else _number(value)
    return plain


def _vectors(written: str) -> str:
    """Say how much there is of what nobody reads."""
    import orjson

    try:
        sizes = [int(vector["size"]) for vector in orjson.loads(written) if vector.get("content") is not None]
    except (ValueError, TypeError, KeyError, AttributeError):  # a stranger's
        return f"{len(written):,} characters"
    return f"{len(sizes):,} vectors are kept, {sum(sizes):,} bytes"


def _number(value: object) -> object:
    """Keep what JSON and JavaScript can hold exactly; the rest becomes text."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, int) and abs(value) > SAFE_INTEGER:
        return str(value)
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return value


def _any(value: dict[str, Any]) -> object:
    """Turn an OTLP JSON `AnyValue` into plain JSON."""
    match value:
        case {"arrayValue": array}:
            return [_any(element) for element in array.get("values", ())]
        case {"kvlistValue": entries}:
            return {entry["key"]: _any(entry.get("value", {})) for entry in entries.get("values", ())}
        case {"intValue": number}:
            return _number(int(number))
        case {"stringValue": plain} | {"boolValue": plain} | {"doubleValue": plain}:
            return plain
        case {"bytesValue": encoded}:
            return base64.b64decode(encoded).hex()
        case _:
            return None
