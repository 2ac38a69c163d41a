"""Images and sound as their server sent them, made again from what a span keeps.

The inverse of `_capture.media`. Bytes are there where they were no larger than the session's limit for blobs.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from nbtrace import semconv
from nbtrace._replay.answer import NotKeptError, Raw
from nbtrace._replay.chat import answered
from nbtrace._replay.pieces import JSON, Step, in_events
from nbtrace._replay.responses import usage

Attributes = Mapping[str, Any]

_TEXTS: Final = ("text", "srt", "vtt")
"""Formats of a transcription that are no JSON."""


def images(recorded: Attributes, created: int) -> JSON:
    """Make the body of images.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    made: list[JSON] = []
    revised: JSON = {}
    for part in _parts(recorded):
        if part["type"] == "text":
            revised = {"revised_prompt": part["content"]}
            continue
        given = {"url": part["uri"]} if part["type"] == "uri" else {"b64_json": _content(part)}
        made.append({**given, **revised})
        revised = {}
    return {"created": created, **_details(recorded), "data": made, **_used(recorded)}


def speech(recorded: Attributes, _: int) -> Raw:
    """Make the sound of speech.

    Raises:
        NotKeptError: the span does not keep it.
    """
    part = next(_parts(recorded), {})
    return Raw(b64decode(_content(part)), str(part.get("mime_type")))


def text(recorded: Attributes, _: int) -> JSON | Raw:
    """Make the body of a transcription or a translation, which is plain text where that was asked for.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    said = "".join(part["content"] for part in _parts(recorded))
    asked = json.loads(recorded.get(semconv.REQUEST_OPTIONS) or "{}").get("response_format")
    if asked in _TEXTS:
        return Raw(said.encode("utf-8", "surrogatepass"), "text/plain")
    return {"text": said, **_details(recorded), **_used(recorded)}


def text_events(recorded: Attributes, _: int) -> list[JSON]:
    """Make the events of a streamed transcription.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    said = "".join(part["content"] for part in _parts(recorded))
    done = {"type": "transcript.text.done", "text": said, **_details(recorded), **_used(recorded)}
    delta = Step(lambda piece: {"type": "transcript.text.delta", "delta": piece}, said)
    return in_events([delta, Step(lambda _: done)], recorded, ())


def _parts(recorded: Attributes) -> Any:
    return (part for message in answered(recorded) for part in message.get("parts") or ())


def _content(part: JSON) -> str:
    if part.get("content") is None:
        message = f"the {part.get('modality') or 'answer'} is not kept ({part.get('error') or 'max_blob_bytes'})"
        raise NotKeptError(message)
    return str(part["content"])


def _details(recorded: Attributes) -> JSON:
    return json.loads(recorded.get(semconv.RESPONSE_DETAILS) or "{}")


def _used(recorded: Attributes) -> JSON:
    """Make the usage: tokens, or seconds of sound where the answer does not say them elsewhere."""
    seconds = recorded.get(semconv.USAGE_AUDIO_SECONDS)
    if seconds is not None:
        return {} if "duration" in _details(recorded) else {"usage": {"type": "duration", "seconds": seconds}}
    if (tokens := usage(recorded)) is None:
        return {}
    if recorded.get(semconv.OPERATION_NAME) == "image_generation":
        return {"usage": tokens}
    renamed = {name.replace("_tokens_details", "_token_details"): value for name, value in tokens.items()}
    return {"usage": {"type": "tokens", **renamed}}
