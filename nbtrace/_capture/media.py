"""The wire formats of images and sound: made, changed, spoken, written down.

Files that were sent are told by type, size and hash. Images and sound that came stay with their message, as large as
the session's limits allow.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture import blobs, usage
from nbtrace._capture.messages import converted, dumps, listed, loads, mapping
from nbtrace._capture.options import options
from nbtrace._capture.wire import Attributes, Body, Wire
from nbtrace._trace.blobs import of_bytes

JSON = dict[str, Any]
_SAID: Final = frozenset(
    {"blob", "b64_json", "created", "created_at", "data", "delta", "sequence_number", "text", "type", "usage"}
)
"""What of an answer is on its span already, or does not matter."""


def _made(kind: str) -> Any:
    def request(body: Body) -> Attributes:
        found: Attributes = {semconv.OUTPUT_TYPE: kind}
        if body.get("stream"):
            found[semconv.REQUEST_STREAM] = True
        if (count := body.get("n")) not in (None, 1):
            found[semconv.REQUEST_CHOICE_COUNT] = converted(int, count)
        if kind == "speech":
            found[semconv.USAGE_CHARACTERS] = len(str(body.get("input") or ""))
        return found | options(body, ["n"])

    return request


def content_attributes(request: Body, response: Body | None) -> Attributes:
    """Give what was asked for, with the files sent along, and what came: text, or what stands for bytes."""
    found: Attributes = {}
    texts = [request.get(name) for name in ("instructions", "prompt", "input")]
    parts = [{"type": "text", "content": text} for text in texts if text] + listed(request.get(blobs.FILES))
    if parts:
        found[semconv.INPUT_MESSAGES] = dumps([{"role": "user", "parts": parts}])
    if answer := [part for one in _answers(response or {}) for part in one]:
        found[semconv.OUTPUT_MESSAGES] = dumps([{"role": "assistant", "parts": answer, "finish_reason": None}])
    if rest := {name: value for name, value in (response or {}).items() if name not in _SAID and value is not None}:
        found[semconv.RESPONSE_DETAILS] = dumps(rest)
    return found


def _answers(body: Body) -> list[list[JSON]]:
    found: list[list[JSON]] = []
    if (text := body.get("text")) is not None:
        found.append([{"type": "text", "content": text}])
    if blob := body.get("blob"):
        found.append([mapping(blob)])  # pyright: ignore[reportArgumentType] - a dict, as `decoded` made it
    for image in map(mapping, listed(body.get("data"))):
        revised = image.get("revised_prompt")
        parts: list[JSON] = [{"type": "text", "content": revised}] if revised else []
        if url := image.get("url"):
            parts.append({"type": "uri", "modality": "image", "uri": url})
        else:
            parts.append(blobs.image(image.get("b64_json"), body.get("output_format")))
        found.append(parts)
    return found


def decoded(content: bytes, mime_type: str) -> JSON | None:
    """Read a response that may be JSON, plain text or sound."""
    if mime_type.startswith(("audio/", "application/octet-stream")):
        return {"blob": of_bytes(content, modality="audio", mime_type=mime_type)}
    with suppress(ValueError):
        body = loads(content)
        if isinstance(body, dict):
            return body
    with suppress(UnicodeDecodeError):
        return {"text": content.decode()}
    return None


def fold(events: list[JSON]) -> JSON:
    """Fold the events of a stream: pieces of a text, or images of which the last is the one."""
    body: JSON = {}
    for event in events:
        kind = str(event.get("type"))
        if kind.endswith(".delta"):
            body["text"] = str(body.get("text") or "") + str(event.get("delta") or "")
        elif kind.endswith((".done", ".completed")):
            body |= event
        if event.get("b64_json"):
            body["data"] = [{"b64_json": event["b64_json"]}]
    return body


def _wire(operation: str, kind: str, *spoken: str) -> Wire:
    return Wire(
        operation=operation,
        request=_made(kind),
        response=usage.of_media,
        content=content_attributes,
        fold=fold,
        spoken=spoken,
        is_estimable=False,
        decode=decoded,
    )


IMAGES: Final = _wire("image_generation", "image", "prompt")
SPEECH: Final = _wire("speech", "speech", "instructions", "input")
TRANSCRIPTIONS: Final = _wire("transcription", "text", "prompt")
TRANSLATIONS: Final = _wire("translation", "text", "prompt")
