"""The wire formats without a conversation: embeddings and moderations.

What was sent is kept as it is; of the vectors only how many there are and how long, of a moderation what it flagged.
"""

from __future__ import annotations

from base64 import b64decode
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture import usage
from nbtrace._capture.messages import converted, dumps, listed, mapping
from nbtrace._capture.wire import Attributes, Body, Wire

_FLOAT_BYTES: Final = 4


def request_attributes(body: Body) -> Attributes:
    """Give the attributes that a request for embeddings becomes."""
    found: Attributes = {}
    if dimensions := body.get("dimensions"):
        found[semconv.EMBEDDINGS_DIMENSIONS] = converted(int, dimensions)
    if form := body.get("encoding_format"):
        found[semconv.REQUEST_ENCODING_FORMATS] = [str(form)]
    return found


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
    content=input_value,
    fold=last,
    spoken=("input",),
    is_estimable=False,
)
MODERATIONS: Final = Wire(
    operation="moderation",
    request=lambda _: {},
    response=_identity,
    content=moderation_content,
    fold=last,
    spoken=("input",),
    is_estimable=False,
)
