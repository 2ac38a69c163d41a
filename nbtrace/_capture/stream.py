"""Streams: seen chunk by chunk as the user reads them, folded into one response when the span is stored.

The user's stream object stays the one the client made; only its inner iterator is wrapped, by a generator whose work
per chunk is one append. Whatever way the reading ends, the call hears of it exactly once.
"""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from time import time_ns
from typing import Any, Protocol

Outcome = str
"""One of the words of `semconv.STREAM_OUTCOME`."""


class StreamReader(Protocol):
    """What a call offers to the stream it belongs to."""

    chunks: list[Any]
    first_chunk_ns: int | None

    def stream_over(self, outcome: Outcome, error: BaseException | None = None) -> None:
        """Hear that nothing more will be read; later words are ignored."""
        ...


def follow(stream: Any, call: StreamReader) -> None:
    """Have `call` see the chunks of an OpenAI `Stream` or `AsyncStream` and hear of its end."""
    source = stream._iterator  # noqa: SLF001 - the one place where a stream's chunks pass
    reference, kind = weakref.ref(stream), type(stream)
    if hasattr(source, "__anext__"):
        stream._iterator = _aread(source, call)  # noqa: SLF001

        async def aclose() -> None:
            await kind.close(reference())
            call.stream_over("closed")

        stream.close = aclose
    else:
        stream._iterator = _read(source, call)  # noqa: SLF001

        def close() -> None:
            kind.close(reference())
            call.stream_over("closed")

        stream.close = close


def _read(source: Iterator[Any], call: StreamReader) -> Iterator[Any]:
    append = call.chunks.append
    try:
        for chunk in source:
            call.first_chunk_ns = time_ns()
            append(chunk)
            yield chunk
            break
        for chunk in source:
            append(chunk)
            yield chunk
    except BaseException as error:
        call.stream_over(_outcome(error), error)
        raise
    call.stream_over("exhausted")


async def _aread(source: AsyncIterator[Any], call: StreamReader) -> AsyncIterator[Any]:
    append = call.chunks.append
    try:
        async for chunk in source:
            call.first_chunk_ns = time_ns()
            append(chunk)
            yield chunk
            break
        async for chunk in source:
            append(chunk)
            yield chunk
    except BaseException as error:
        call.stream_over(_outcome(error), error)
        raise
    call.stream_over("exhausted")


def _outcome(error: BaseException) -> Outcome:
    if isinstance(error, GeneratorExit):
        return "abandoned"
    if isinstance(error, asyncio.CancelledError):
        return "cancelled"
    return "error" if isinstance(error, Exception) else "interrupted"


def fold(chunks: list[Any]) -> dict[str, Any]:
    """Fold the chunks of a chat completion into the body that the whole response would have had.

    Args:
        chunks: what the client yielded, in order, each with a `to_dict()` or a mapping already.
    """
    body: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    for chunk in chunks:
        values = chunk if isinstance(chunk, dict) else _dump(chunk)
        for key, value in values.items():
            if key == "choices":
                for choice in value or ():
                    _fold_choice(choices, choice)
            elif value is not None:
                body[key] = value
    body["choices"] = [choices[index] for index in sorted(choices)]
    return body


def _dump(chunk: Any) -> dict[str, Any]:
    dump: Callable[..., dict[str, Any]] = type(chunk).__pydantic_serializer__.to_python
    return dump(chunk, mode="json", exclude_unset=True, warnings=False)


def _fold_choice(choices: dict[int, dict[str, Any]], choice: dict[str, Any]) -> None:
    index = choice.get("index") or 0
    whole = choices.setdefault(index, {"index": index, "message": {"role": "assistant"}})
    for key, value in choice.items():
        if key == "delta":
            _fold_delta(whole["message"], value or {})
        elif key == "logprobs" and value and whole.get("logprobs"):
            for part, tokens in value.items():
                whole["logprobs"][part] = [*(whole["logprobs"].get(part) or ()), *(tokens or ())]
        elif value is not None:
            whole[key] = value


def _fold_delta(message: dict[str, Any], delta: dict[str, Any]) -> None:
    for key, value in delta.items():
        if value is None:
            continue
        if key == "tool_calls":
            calls: list[dict[str, Any]] = message.setdefault("tool_calls", [])
            for call in value:
                _fold_tool_call(calls, call)
        elif key != "role" and isinstance(value, str) and isinstance(message.get(key), str):
            message[key] += value
        else:
            message[key] = value


def _fold_tool_call(calls: list[dict[str, Any]], call: dict[str, Any]) -> None:
    index = call.get("index") or 0
    whole = next((known for known in calls if known["index"] == index), None)
    if whole is None:
        calls.append({**call, "index": index, "function": dict(call.get("function") or {})})
        return
    function = call.get("function") or {}
    for key, value in function.items():
        if value is not None:
            whole["function"][key] = (whole["function"].get(key) or "") + value
    for key, value in call.items():
        if key != "function" and value is not None:
            whole[key] = value
