"""Reads the data frame of Phoenix: `client.spans.get_spans_dataframe()`, and that of older `px.Client()`.

A row is a span; `context.trace_id` and `context.span_id` are hex digits, `attributes.*` the span's attributes, in which
Phoenix has put together the lists that OpenInference flattens. They are flattened again, as the spans had them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._read.frames import hex_id, nanoseconds, rows
from nbtrace._read.spans import Draft, ReadEvent, ReadSpan, moment, plain, span, text

if TYPE_CHECKING:
    from nbtrace._read.found import Account

COLUMNS: Final = ("context.trace_id", "name", "start_time")

STATUS: Final = {"UNSET": 0, "OK": 1, "ERROR": 2}
KINDS: Final = "openinference.span.kind"
_ATTRIBUTES: Final = "attributes."
_COUNTS: Final = "llm.token_count."
_AS_JSON: Final = ("metadata", "llm.prompt_template.variables", "llm.invocation_parameters")
"""Attributes that OpenInference writes as JSON."""


def read(frame: Any, account: Account) -> Iterator[ReadSpan]:
    """Read the rows of a frame."""
    for row in rows(frame):
        yield span(_draft(row), account.repaired)


def _draft(row: Mapping[str, Any]) -> Draft:
    repairs: list[str] = []
    attributes: dict[str, Any] = {}
    for name, value in row.items():
        if name.startswith(_ATTRIBUTES) and not is_missing(value):
            _flatten(name.removeprefix(_ATTRIBUTES), value, attributes)
    kind = row.get("span_kind")
    if isinstance(kind, str) and kind != "UNKNOWN":
        attributes.setdefault(KINDS, kind)
    said = row.get("status_message")
    return Draft(
        trace_id=hex_id(row.get("context.trace_id")),
        span_id=hex_id(row.get("context.span_id")),
        parent_span_id=None if is_missing(above := row.get("parent_id")) else hex_id(above),
        name=row.get("name"),
        kind=1,
        start=nanoseconds(row.get("start_time")),
        end=nanoseconds(row.get("end_time")),
        attributes={key: plain(value, repairs) for key, value in attributes.items()},
        status_code=STATUS.get(str(row.get("status_code")), -1),
        status_message=said or None,
        events=list(_events(row.get("events"), repairs)),
        repairs=repairs,
    )


def _events(given: Any, repairs: list[str]) -> Iterator[ReadEvent]:
    for event in given if isinstance(given, Iterable) and not isinstance(given, str) else ():
        one = cast("Mapping[str, Any]", event) if isinstance(event, Mapping) else {}
        attributes: Any = one.get("attributes") or {}
        yield ReadEvent(
            name=text(one.get("name"), repairs, "name of an event"),
            timestamp=moment(nanoseconds(one.get("timestamp")), repairs, "time of an event"),
            attributes={str(key): plain(value, repairs) for key, value in attributes.items()}
            if isinstance(attributes, Mapping)
            else {},
            dropped_attributes=0,
        )


def is_missing(value: Any) -> bool:
    """Say whether a frame has no value here: none, or the NaN that pandas has for it."""
    return (
        value is None
        or (isinstance(value, float) and math.isnan(value))
        or type(value).__name__ in {"NaTType", "NAType"}
    )


def _flatten(name: str, value: Any, made: dict[str, Any]) -> None:
    """Write lists and maps of maps as OpenInference does: with dots and numbers."""
    value = value.tolist() if hasattr(value, "tolist") else value
    if name in _AS_JSON and not isinstance(value, str):
        made[name] = json.dumps(value, ensure_ascii=False, default=str)
    elif isinstance(value, Mapping):
        for key, below in cast("Mapping[str, Any]", value).items():
            if not is_missing(below):
                _flatten(f"{name}.{key}", below, made)
    elif isinstance(value, list) and any(isinstance(one, Mapping) for one in cast("list[Any]", value)):
        for index, below in enumerate(cast("list[Any]", value)):
            _flatten(f"{name}.{index}", below, made)
    else:
        # A column of counts that some spans lack is one of floats in pandas.
        is_count = name.startswith(_COUNTS) and isinstance(value, float) and value.is_integer()
        made[name] = int(cast("float", value)) if is_count else value
