"""The wire formats without a conversation: embeddings and moderations.

What was sent is kept as it is, and what came: the vectors as blobs of floats, of a moderation what it flagged and how
sure it was.
"""

from __future__ import annotations

import sys
from array import array
from base64 import b64decode
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture import usage
from nbtrace._capture.messages import converted, dumps, listed, mapping
from nbtrace._capture.options import options
from nbtrace._capture.wire import Attributes, Body, Wire
from nbtrace._trace.blobs import JSON, inline, of_bytes

_FLOAT_BYTES: Final = 4
FLOATS: Final = {"f": "application/x-float32", "d": "application/x-float64"}
"""What vectors are called, by the code of their numbers in Python's arrays."""


def request_attributes(body: Body) -> Attributes:
    """Give the attributes that a request for embeddings becomes."""
    found: Attributes = {}
    if dimensions := body.get("dimensions"):
        found[semconv.EMBEDDINGS_DIMENSIONS] = converted(int, dimensions)
    if form := body.get("encoding_format"):
        found[semconv.REQUEST_ENCODING_FORMATS] = [str(form)]
    return found | options(body, ["encoding_format"])  # a length that was not asked for is known from the answer too


def response_attributes(body: Body) -> Attributes:
    """Give the attributes that identify and measure embeddings."""
    found = _identity(body)
    if vectors := listed(body.get("data")):
        found[semconv.EMBEDDINGS_COUNT] = len(vectors)
        if (dimensions := _length(mapping(vectors[0]).get("embedding"))) is not None:
            found[semconv.EMBEDDINGS_DIMENSIONS] = dimensions
    return found | usage.of_chat(mapping(body.get("usage")))


def input_value(request: Body, _: Body | None) -> Attributes:
    """Give what was sent, as text if it is one."""
    given = request.get("input")
    if given is None:
        return {}
    return {semconv.INPUT_VALUE: given if isinstance(given, str) else dumps(given)}


def content_attributes(request: Body, response: Body | None) -> Attributes:
    """Give what was sent, and the vectors that came."""
    found = input_value(request, response)
    if vectors := [_vector(mapping(one).get("embedding")) for one in listed((response or {}).get("data"))]:
        found[semconv.EMBEDDINGS_VECTORS] = dumps(vectors)
    return found


def _vector(given: Any) -> JSON:
    """Give the blob that a vector becomes: its bytes as they came, or its numbers in as few bytes as tell them."""
    if isinstance(given, str):
        return inline(given, modality="embedding", mime_type=FLOATS["f"], form="base64")
    for code in "fd":
        try:
            numbers = array(code, given)
        except (TypeError, OverflowError):
            continue
        if numbers.tolist() == given:
            if sys.byteorder == "big":
                numbers.byteswap()
            return of_bytes(numbers.tobytes(), modality="embedding", mime_type=FLOATS[code])
    return {"type": "blob", "modality": "embedding", "error": "no list of numbers"}


def moderation_content(request: Body, response: Body | None) -> Attributes:
    """Give what was judged, and the judgement: the categories that were flagged and all scores."""
    found = input_value(request, response)
    if results := [mapping(one) for one in listed((response or {}).get("results"))]:
        found[semconv.OUTPUT_VALUE] = dumps(
            [
                {
                    "flagged": result.get("flagged"),
                    "categories": [name for name, hit in mapping(result.get("categories")).items() if hit],
                    "scores": result.get("category_scores"),
                    **({"input_types": types} if (types := result.get("category_applied_input_types")) else {}),
                }
                for result in results
            ]
        )
    return found


def _identity(body: Body) -> Attributes:
    names = (("id", semconv.RESPONSE_ID), ("model", semconv.RESPONSE_MODEL))
    return {key: str(value) for name, key in names if (value := body.get(name))}


def _length(vector: Any) -> int | None:
    """Count a vector's numbers. The client asks for base64 of 32-bit floats unless told otherwise."""
    if isinstance(vector, str):
        return len(b64decode(vector)) // _FLOAT_BYTES
    return len(vector) if isinstance(vector, list) else None


def last(events: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the last event: these answers are not streamed."""
    return events[-1] if events else {}


EMBEDDINGS: Final = Wire(
    operation="embeddings",
    request=request_attributes,
    response=response_attributes,
    content=content_attributes,
    fold=last,
    spoken=("input",),
    is_estimable=False,
)
MODERATIONS: Final = Wire(
    operation="moderation",
    request=lambda body: options(body, ()),
    response=_identity,
    content=moderation_content,
    fold=last,
    spoken=("input",),
    is_estimable=False,
)
