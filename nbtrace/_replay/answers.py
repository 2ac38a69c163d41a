"""A recording as the HTTP responses that its client got: what each attempt came to, and then the answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture.said import REFUSED
from nbtrace._replay import anthropic, chat, embeddings, media, responses
from nbtrace._replay.answer import EVENTS_TYPE, JSON_TYPE, Answer, Answers, NotKeptError, Raw
from nbtrace._replay.asked import FETCH
from nbtrace._replay.miss import ReplayMiss
from nbtrace._replay.pieces import JSON, gaps_s
from nbtrace._replay.recording import Recording

Attributes = Mapping[str, Any]

_WHOLE: Final[dict[str, Callable[[Attributes, int], JSON | Raw]]] = {
    "chat": chat.whole,
    "messages": anthropic.whole,
    "responses": responses.whole,
    FETCH: responses.whole,
    "text_completion": chat.completion,
    "embeddings": embeddings.embeddings,
    "moderation": embeddings.moderation,
    "image_generation": media.images,
    "speech": media.speech,
    "transcription": media.text,
    "translation": media.text,
}
_EVENTS: Final[dict[str, Callable[[Attributes, int], list[JSON]]]] = {
    "chat": chat.chunks,
    "messages": anthropic.events,
    "responses": responses.events,
    FETCH: responses.events,
    "text_completion": chat.completion_chunks,
    "transcription": media.text_events,
}
_DONE: Final = ("chat", "text_completion")
"""Endpoints whose streams end by `[DONE]`."""
_TOLD: Final = frozenset({"exhausted", "error"})
"""How streams end that came to their end."""


def answers(recording: Recording, *, is_timed: bool) -> Answers:
    """Make the answers to the attempts of a call.

    Args:
        recording: the call.
        is_timed: whether they take the time that they took.

    Raises:
        NotKeptError: the span does not keep what they were.
    """
    last = _last(recording, is_timed=is_timed)
    return Answers([*(_attempt(one, is_timed=is_timed) for one in recording.attempts[:-1]), last])


def _attempt(attributes: Attributes, *, is_timed: bool) -> Answer:
    """Answer an attempt after which the client tried again."""
    status = attributes.get(semconv.HTTP_STATUS_CODE)
    if status is None:
        name = str(attributes.get(semconv.ERROR_TYPE)).rpartition(".")[2]
        return Answer(failure=(name, str(attributes.get(semconv.ERROR_CAUSE) or "")))
    soon = {} if is_timed else {"retry-after-ms": "1"}
    said = str(attributes.get(semconv.ERROR_BODY) or "")
    headers = {**_headers(attributes), "content-type": _type_of(said), "x-should-retry": "true", **soon}
    return Answer(int(status), headers, [said.encode()])


def _type_of(said: str) -> str:
    return JSON_TYPE if said[:1] in "{[" else "text/html"


def _last(recording: Recording, *, is_timed: bool) -> Answer:
    attributes = recording.attributes
    headers, status = _headers(attributes), attributes.get(semconv.HTTP_STATUS_CODE)
    if attributes.get(semconv.STREAM_OUTCOME) is not None:
        return _stream(recording, headers, is_timed=is_timed)
    waits = [(recording.duration_ns - recording.waited_ns) / 1e9] if is_timed and recording.duration_ns else []
    said = str(attributes.get(semconv.ERROR_BODY) or "")
    if isinstance(status, int) and status >= REFUSED:
        kind = _type_of(said)
        return Answer(status, {**headers, "content-type": kind, "x-should-retry": "false"}, [said.encode()], waits)
    has_answer = semconv.OUTPUT_MESSAGES in attributes or semconv.RESPONSE_STATUS in attributes
    if has_answer or semconv.ERROR_TYPE not in attributes:
        body = _made(_WHOLE, recording)(attributes, recording.start_ns // 10**9)
        raw = body if isinstance(body, Raw) else Raw(_json(body), JSON_TYPE)
        return Answer(200, {**headers, "content-type": raw.mime_type}, [raw.content], waits)
    if said and recording.endpoint in _WHOLE:  # an error that came as a success
        return Answer(200, {**headers, "content-type": JSON_TYPE}, [_json(_told(said))], waits)
    name, colon, words = str(attributes.get(semconv.ERROR_CAUSE) or "").partition(": ")
    if not colon:
        message = f"it ended without an answer ({attributes.get(semconv.ERROR_TYPE)})"
        raise NotKeptError(message)
    return Answer(failure=(name, words))


def _stream(recording: Recording, headers: dict[str, str], *, is_timed: bool) -> Answer:
    """Answer by a stream: as far as it had come, and then it ends as it did."""
    attributes, outcome = recording.attributes, recording.attributes[semconv.STREAM_OUTCOME]
    events = _made(_EVENTS, recording)(attributes, recording.start_ns // 10**9)
    if not attributes.get(semconv.STREAM_CHUNKS, 1):
        events = []
    pieces = [_event(event) for event in events]
    waits = gaps_s(attributes) if is_timed else []
    if waits:
        waits[0] = max(0, waits[0] - recording.waited_ns / 1e9)  # the client waits between attempts by itself
    answer = Answer(200, {**headers, "content-type": EVENTS_TYPE}, pieces, waits)
    if outcome not in _TOLD:
        answer.ends = ReplayMiss.ended(outcome, len(events))
    elif outcome == "error":
        _broken(answer, recording, pieces)
    elif recording.endpoint in _DONE:
        pieces.append(b"data: [DONE]\n\n")
    return answer


def _broken(answer: Answer, recording: Recording, pieces: list[bytes]) -> None:
    """End a stream by the error that it ended by: one of its events, or of the connection."""
    said = recording.attributes.get(semconv.ERROR_BODY)
    if said is not None:
        pieces.append(_event(_told(said)))
        return
    module, _, kind = str(recording.attributes.get(semconv.ERROR_TYPE)).rpartition(".")
    name, colon, words = str(recording.attributes.get(semconv.ERROR_CAUSE) or "").partition(": ")
    if colon and not module.startswith("httpx"):  # the client made an error of its own of it
        answer.failure = (name, words)
        return
    answer.failure = (kind, recording.message or words)
    answer.cause = (name, words) if colon else None


def _told(said: str) -> JSON:
    """Give an error as its server said it: OpenAI's is kept without what is around it."""
    try:
        told = json.loads(said)
    except ValueError:
        told = {"message": said}  # it was long, and is cut
    return told if "error" in told else {"error": told}


def _made(kinds: Mapping[str, Callable[[Attributes, int], Any]], recording: Recording) -> Callable[..., Any]:
    made = kinds.get(recording.endpoint)
    if made is None:
        stream = ", streamed" if kinds is _EVENTS else ""
        message = f"its kind of answer ({recording.endpoint}{stream}) is not kept as it came"
        raise NotKeptError(message)
    return made


def _headers(attributes: Attributes) -> dict[str, str]:
    start = semconv.HTTP_RESPONSE_HEADER
    return {name.removeprefix(start): str(value) for name, value in attributes.items() if name.startswith(start)}


def _event(body: JSON) -> bytes:
    kind = body.get("type")
    named = f"event: {kind}\n".encode() if isinstance(kind, str) else b""
    return named + b"data: " + _json(body) + b"\n\n"


def _json(body: JSON | Sequence[JSON]) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "surrogatepass")
