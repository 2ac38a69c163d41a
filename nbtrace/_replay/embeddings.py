"""Embeddings and moderations as their server sent them, made again from what a span keeps.

The inverse of `_capture.embeddings`. A vector comes in the form in which it came, with the same numbers.
"""

from __future__ import annotations

import json
import sys
from array import array
from base64 import b64decode
from collections.abc import Mapping
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture.embeddings import FLOATS
from nbtrace._replay.answer import NotKeptError
from nbtrace._replay.chat import not_full, usage
from nbtrace._replay.pieces import JSON

Attributes = Mapping[str, Any]

_CODES: Final = {mime_type: code for code, mime_type in FLOATS.items()}


def embeddings(recorded: Attributes, _: int) -> JSON:
    """Make the body of embeddings.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    not_full(recorded)
    written = recorded.get(semconv.EMBEDDINGS_VECTORS)
    if written is None and recorded.get(semconv.EMBEDDINGS_COUNT):
        message = "it was recorded before vectors were kept"
        raise NotKeptError(message)
    vectors = [_numbers(part) for part in json.loads(written or "[]")]
    return {
        "object": "list",
        "model": recorded.get(semconv.RESPONSE_MODEL),
        "data": [{"object": "embedding", "index": index, "embedding": one} for index, one in enumerate(vectors)],
        "usage": usage(recorded),
    }


def _numbers(part: JSON) -> Any:
    content, code = part.get("content"), _CODES.get(str(part.get("mime_type")))
    if content is None or code is None:
        message = f"a vector is not kept ({part.get('error') or 'max_blob_bytes'})"
        raise NotKeptError(message)
    if part.get("form") == "base64":
        return content
    numbers = array(code, b64decode(content))
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers.tolist()


def moderation(recorded: Attributes, _: int) -> JSON:
    """Make the body of a moderation.

    Raises:
        NotKeptError: the span does not keep all of it.
    """
    not_full(recorded)
    results = json.loads(recorded.get(semconv.OUTPUT_VALUE) or "[]")
    return {
        "id": recorded.get(semconv.RESPONSE_ID),
        "model": recorded.get(semconv.RESPONSE_MODEL),
        "results": [_judged(result) for result in results],
    }


def _judged(result: JSON) -> JSON:
    scores, hit = result["scores"] or {}, result["categories"]
    types = result.get("input_types")
    return {
        "flagged": result["flagged"],
        "categories": {name: name in hit for name in [*scores, *(name for name in hit if name not in scores)]},
        "category_scores": scores,
        **({"category_applied_input_types": types} if types else {}),
    }
