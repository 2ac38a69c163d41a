"""Finds the span of what a call returned, by what the store knows of it anyway: nothing is kept for this.

A response of any client has an id, and so have its chunks and events; a stream that is followed knows its span; a raw
response is known by the server's request id, or by what its body says; a message or a text is found by its words, exact
and in whole, among the answers. If several calls were answered alike, the last one is meant.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from nbtrace import semconv
from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nbtrace._store.snapshot import Snapshot

REQUEST_IDS: Final = ("x-request-id", "request-id")
"""Headers of a response by which its server knows the request."""


def find(spans: Snapshot, answer: object) -> int:
    """Give the row of the span that an answer came from.

    Raises:
        NotFoundError: No span has it.
    """
    followed = _followed(answer)
    if followed is not None and (rows := _with_ids(spans, followed.trace_id, followed.span_id)):
        return rows[-1]
    request_id = _request_id(answer)
    if request_id and (rows := _with_request_id(spans, request_id)):
        return rows[-1]
    for known in _ids(answer):
        rows = _with_id(spans, known)
        if rows:
            return rows[-1]
    said = answer if isinstance(answer, str) else None if _http(answer) else getattr(answer, "content", None)
    if isinstance(said, str) and said and (rows := _with_text(spans, said)):
        return rows[-1]
    named = next(_ids(answer), request_id)
    what = f"{type(answer).__name__} {named!r}" if named else f"{type(answer).__name__} {answer!r:.60}"
    message = (
        f"no span here has the answer {what}; expected what a recorded call returned: a response, a stream, a chunk or "
        "event of it, its message, or its whole text"
    )
    raise NotFoundError(message)


def _followed(answer: object) -> Any:
    """Give the context of the span of a stream that is followed, or of what reads it for the user."""
    held = getattr(answer, "__dict__", {})
    stream = getattr(held.get("_raw_stream"), "__dict__", held)
    return getattr(stream.get("_decoder"), "__dict__", {}).get("nbtrace_span")


def _ids(answer: Any) -> Iterator[str]:
    """List the response ids that an object may carry: its own, or that of the response it is an event of."""
    for held in (answer, getattr(answer, "response", None), getattr(answer, "message", None)):
        known = cast("dict[str, Any]", held).get("id") if isinstance(held, dict) else getattr(held, "id", None)
        if isinstance(known, str) and known:
            yield known
    with suppress(orjson.JSONDecodeError):
        told = orjson.loads(_http(answer).get("_content") or b"null")
        if isinstance(told, dict) and isinstance(told.get("id"), str):
            yield told["id"]


def _http(answer: object) -> dict[str, Any]:
    """Give what is known of the HTTP response that an object is, or holds."""
    own = getattr(answer, "__dict__", {})
    held = (own, *(getattr(own.get(name), "__dict__", {}) for name in ("http_response", "response")))
    return next((one for one in held if "is_stream_consumed" in one), {})


def _request_id(answer: Any) -> str | None:
    """Give the id that the server gave to the request."""
    headers = _http(answer).get("headers") or {}
    return next((headers[name] for name in REQUEST_IDS if headers.get(name)), None)


def _with_request_id(spans: Snapshot, request_id: str) -> list[int]:
    """List the calls whose answer came with a request id."""
    import pyarrow.compute as pc

    from nbtrace._query.search import having
    from nbtrace._store.attributes import plain_column

    chosen: Any = pc.and_(having(spans, request_id), pc.is_valid(spans["operation"]))
    rows: list[int] = pc.indices_nonzero(chosen).to_pylist()
    kept = plain_column(spans.take(rows)["attributes"]) if rows else []
    names = [semconv.HTTP_RESPONSE_HEADER + name for name in REQUEST_IDS]
    return [row for row, told in zip(rows, kept, strict=True) if request_id in map(told.get, names)]


def _with_ids(spans: Snapshot, trace_id: int, span_id: int) -> list[int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    from nbtrace._store.remap import keys

    kind: Any = keys(spans.kept).combine_chunks()
    wanted = pa.array([trace_id.to_bytes(16) + span_id.to_bytes(8)], kind.type)
    found: Any = pc.is_in(kind, value_set=wanted)
    return pc.indices_nonzero(found).to_pylist()


def _with_id(spans: Snapshot, response_id: str) -> list[int]:
    import pyarrow as pa
    import pyarrow.compute as pc

    found: Any = pc.is_in(spans["response_id"], value_set=pa.array([response_id]))
    return pc.indices_nonzero(found).to_pylist()


def _with_text(spans: Snapshot, text: str) -> list[int]:
    """List the spans with an answer that is this text; only those that have it anywhere are read."""
    import pyarrow.compute as pc

    from nbtrace._query.search import having

    rows: list[int] = pc.indices_nonzero(having(spans, text)).to_pylist()
    return [row for row in rows if text in _answers(spans.slice(row, 1)["output_messages"][0].as_py())]


def _answers(messages: str | None) -> list[str]:
    """Give the text of each answer."""
    try:
        listed = orjson.loads(messages or "[]")
    except orjson.JSONDecodeError:
        return []
    return [_text(message) for message in listed] if isinstance(listed, list) else []


def _text(message: Any) -> str:
    parts = message.get("parts") if isinstance(message, dict) else None
    known = [part for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return "".join(str(part.get("content")) for part in known if part.get("type") == "text")
