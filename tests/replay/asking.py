"""Asks an endpoint in each of a row's ways and gives what the user's code would see, as plain values."""

from __future__ import annotations

import inspect
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from tests.capture.conftest import HTTP

if TYPE_CHECKING:
    from tests.capture.fidelity import Row
    from tests.capture.loopback import JSON

VARYING = frozenset(
    {"created", "created_at", "sequence_number", "item_id", "tools", "tool_choice", "parallel_tool_calls"}
)
"""What a span does not keep: moments, ids of items, and what a response repeats of its request."""
NONE = frozenset({"text_tokens", "audio_tokens", "image_tokens"})
"""Counts of which a span does not keep that they were 0."""


def ask(client: Any, row: Row, way: str) -> Any:
    """Ask, and give all that came."""
    resource, asked, typed = _asked(client, row, way)
    match way:
        case "create":
            return plain(getattr(resource, row.method)(**asked))
        case "stream":
            return plain(list(getattr(resource, row.method)(**asked)))
        case "parse":
            return plain(resource.parse(**typed))
        case "helper":
            with resource.stream(**typed) as stream:
                return plain(list(stream))
        case "raw":
            raw = getattr(resource.with_raw_response, row.method)(**asked)
            return plain(raw.parse()), sorted(raw.headers.items())
        case "raw-stream":
            return plain(list(getattr(resource.with_raw_response, row.method)(**asked).parse()))
        case _:
            with getattr(resource.with_streaming_response, row.method)(**asked) as response:
                return plain(response.parse()) if way == "streaming" else plain(list(response.parse()))


async def aask(client: Any, row: Row, way: str) -> Any:
    """Ask as a coroutine, and give all that came."""
    resource, asked, typed = _asked(client, row, way)
    match way:
        case "create":
            return plain(await getattr(resource, row.method)(**asked))
        case "stream":
            return plain([one async for one in await getattr(resource, row.method)(**asked)])
        case "parse":
            return plain(await resource.parse(**typed))
        case "helper":
            async with resource.stream(**typed) as stream:
                return plain([one async for one in stream])
        case "raw":
            raw = await getattr(resource.with_raw_response, row.method)(**asked)
            return plain(await _settled(raw.parse())), sorted(raw.headers.items())
        case "raw-stream":
            raw = await getattr(resource.with_raw_response, row.method)(**asked)
            return plain([one async for one in await _settled(raw.parse())])
        case _:
            async with getattr(resource.with_streaming_response, row.method)(**asked) as response:
                parsed = await _settled(response.parse())
                return plain(parsed) if way == "streaming" else plain([one async for one in parsed])


def plain(value: Any) -> Any:
    """Give models as plain values, without what varies."""
    if isinstance(value, list):
        return [plain(one) for one in value]
    if not hasattr(value, "model_dump"):
        return value if isinstance(value, str | bytes) else value.read()
    return _without(value.model_dump(mode="json", warnings=False))


def _without(value: Any) -> Any:
    if isinstance(value, dict):
        if value.get("status") == "in_progress":
            value = {**value, "usage": None}  # which the API does not tell before the end, and the table's server does
        is_item = "type" in value and "function" not in value
        told = {key: inner for key, inner in value.items() if key not in VARYING and not (is_item and key == "id")}
        return {key: None if key in NONE and inner == 0 else _without(inner) for key, inner in told.items()}
    return [_without(one) for one in value] if isinstance(value, list) else value


def _asked(client: Any, row: Row, way: str) -> tuple[Any, JSON, JSON]:
    asked = {**row.ask, **(row.streamed | {"stream": True} if way.endswith("stream") else {})}
    typed = {key: value for key, value in asked.items() if key != "text"} | row.typed
    return attrgetter(row.of)(client), asked, typed | (row.streamed if way == "helper" else {})


async def _settled(given: Any) -> Any:
    return await given if inspect.isawaitable(given) else given


def nowhere(request: Any) -> Any:
    """Stand for a network that nobody may use."""
    message = f"{request.method} {request.url} went out"
    raise AssertionError(message)


def transport(answer: Any) -> Any:
    return HTTP.MockTransport(answer)
