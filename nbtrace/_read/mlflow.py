"""Reads what `mlflow.search_traces()` gives: a data frame with the spans of each trace, or a list of traces.

MLflow 3 writes ids in base64 and times in nanoseconds since the epoch; a trace also comes as JSON, in the column
`trace` or as an object with `to_json`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from nbtrace._read.frames import hex_id, rows
from nbtrace._read.spans import Draft, ReadEvent, ReadSpan, moment, plain, span, text

if TYPE_CHECKING:
    from nbtrace._read.found import Account

STATUS: Final = {"STATUS_CODE_UNSET": 0, "STATUS_CODE_OK": 1, "STATUS_CODE_ERROR": 2, "UNSET": 0, "OK": 1, "ERROR": 2}
"""How MLflow 3 and 2 name a status."""


def is_frame(names: list[str]) -> bool:
    """Say whether columns are those of traces."""
    return "spans" in names or ("trace" in names and bool({"trace_id", "request_id"} & set(names)))


def is_list(given: object) -> bool:
    """Say whether something is a list of traces."""
    return isinstance(given, list) and bool(given) and all(_is_trace(one) for one in cast("list[object]", given))


def read(given: Any, account: Account) -> Iterator[ReadSpan]:
    """Read a frame or a list of traces."""
    traces = [{"trace": one} for one in given] if isinstance(given, list) else rows(given)
    for trace in traces:
        found = list(_spans(trace))
        if not found:
            account.left_out["trace without spans"] += 1
        for one in found:
            if isinstance(one, Mapping):
                yield span(_draft(cast("Mapping[str, Any]", one)), account.repaired)
            else:
                account.left_out["span of an unknown form"] += 1


def _is_trace(given: object) -> bool:
    return hasattr(given, "to_json") and hasattr(given, "data")


def _spans(row: Mapping[str, Any]) -> Iterator[Any]:
    """Give the spans of a trace as MLflow writes them, of whichever of its forms is there."""
    spans: Any = row.get("spans")
    trace: Any = row.get("trace")
    spans = spans.tolist() if hasattr(spans, "tolist") else spans
    if not isinstance(spans, list) or not spans:
        trace = trace.to_json() if _is_trace(trace) else trace
        try:
            document: Any = json.loads(trace) if isinstance(trace, str) else {}
        except (ValueError, RecursionError):
            document = {}
        data = document.get("data") if isinstance(document, dict) else None
        spans = cast("Any", data).get("spans") if isinstance(data, dict) else None
    for one in cast("list[Any]", spans) if isinstance(spans, list) else ():
        yield one.to_dict() if hasattr(one, "to_dict") else one


def _draft(given: Mapping[str, Any]) -> Draft:
    repairs: list[str] = []
    status: Any = given.get("status")
    named = status if isinstance(status, Mapping) else {"code": given.get("status_code")}
    context: Any = given.get("context")  # of MLflow 2
    ids = context if isinstance(context, Mapping) else given
    return Draft(
        trace_id=_id(ids.get("trace_id")),
        span_id=_id(ids.get("span_id")),
        parent_span_id=_id(given.get("parent_span_id", given.get("parent_id"))),
        name=given.get("name"),
        kind=1,
        start=given.get("start_time_unix_nano", given.get("start_time")),
        end=given.get("end_time_unix_nano", given.get("end_time")),
        attributes=_attributes(given.get("attributes"), repairs),
        status_code=STATUS.get(str(named.get("code")), -1),
        status_message=named.get("message") or given.get("status_message") or None,
        events=list(_events(given.get("events"), repairs)),
        repairs=repairs,
    )


def _id(given: object) -> object:
    """Read an id: base64 in MLflow 3, hex digits in 2, there with `0x` or `tr-` before them."""
    if not isinstance(given, str):
        return given
    bare = given.removeprefix("0x").removeprefix("tr-")
    if len(bare) in {16, 32}:
        return hex_id(bare)
    try:
        return base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError):
        return given


def _attributes(given: Any, repairs: list[str]) -> dict[str, Any]:
    pairs = cast("Mapping[Any, Any]", given).items() if isinstance(given, Mapping) else ()
    return {str(key): plain(_value(str(key), value), repairs) for key, value in pairs if value is not None}


def _value(name: str, given: Any) -> Any:
    """Give an attribute as it was sent: MLflow has each as JSON, but a text that is a JSON object already as it is.

    Its own, below `mlflow.`, are read as JSON later.
    """
    if not isinstance(given, str) or name.startswith("mlflow."):
        return given
    try:
        found = orjson.loads(given)
    except orjson.JSONDecodeError:
        return given
    is_list = isinstance(found, list) and all(isinstance(one, str) for one in cast("list[object]", found))
    return found if is_list or isinstance(found, str | bool | int | float) else given


def _events(given: Any, repairs: list[str]) -> Iterator[ReadEvent]:
    given = given.tolist() if hasattr(given, "tolist") else given
    for event in cast("list[Any]", given) if isinstance(given, list) else ():
        one = cast("Mapping[str, Any]", event) if isinstance(event, Mapping) else {}
        time = one.get("time_unix_nano", one.get("timestamp"))
        yield ReadEvent(
            name=text(one.get("name"), repairs, "name of an event"),
            timestamp=moment(time, repairs, "time of an event"),
            attributes=_attributes(one.get("attributes"), repairs),
            dropped_attributes=0,
        )
