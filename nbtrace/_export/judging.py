"""Hands scores over by a backend's own API, where it does not read them from spans.

A backend says which requests its scores are: a path below its API, and JSON. Each score has an id that never changes,
so that one that is sent twice is there once, wherever the backend tells them apart by it. What is not taken is counted
with the backend's words, and keeps no other score away.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

import orjson

from nbtrace._export.post import post
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from nbtrace._export.batch import Row
    from nbtrace._export.endpoint import Endpoint

Request = tuple[str, Any, int]
"""A path below the API's base, what is sent as JSON, and how many scores are in it."""


def score_id(score: Row) -> str:
    """Give a score's id: the same for the same judgement of the same span by the same evaluator."""
    told = (score["trace_id"].hex(), score["span_id"].hex(), score["name"], score["evaluator"], score["source"])
    digest = hashlib.sha256(orjson.dumps([*told, score["time_unix_nano"]])).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def metadata(score: Row) -> dict[str, Any]:
    """Say of a score what most APIs have no field for."""
    names = ("label", "evaluator", "evaluator_version", "source")
    return {name: score[name] for name in names if score[name] is not None}


def hand_over(requests: Iterable[Request], api: str, endpoint: Endpoint) -> Iterator[tuple[str, int]]:
    """Send scores.

    Args:
        requests: what the backend makes of them.
        api: the base of its API.
        endpoint: how it is asked.

    Yields:
        For each request why it was not taken, or nothing, and how many scores it has.
    """
    for path, body, count in requests:
        parts = urlsplit(api)
        url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + path, "", ""))
        try:
            post(replace(endpoint, url=url, shown=f"{endpoint.shown} ({path})"), orjson.dumps(body), is_otlp=False)
        except ExportError as error:
            yield error.answer or str(error), count
        else:
            yield "", count
