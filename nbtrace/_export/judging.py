"""Hands scores over by a backend's own API, where it does not read them from spans.

A backend says which requests its scores are: a path below its API, and JSON. Each score has an id that never changes,
so that one that is sent twice is there once, wherever the backend tells them apart by it. What is not taken is counted
with the backend's words, and keeps no other score away; a failure that would meet every request ends it, as with spans,
and so do a few in a row that say the API is not there: the rest is counted, and not tried.
"""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import orjson

from nbtrace._export.post import RETRYABLE, ask, post
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from nbtrace._export.batch import Row
    from nbtrace._export.endpoint import Endpoint

FOR_ALL: Final = RETRYABLE | {0, 401, 403}
"""Statuses that every request would meet, after all tries: nobody answered, no time for us, no key."""

ANNOTATORS: Final = {"human": "HUMAN", "llm": "LLM", "code": "CODE"}
"""Who judges, as OpenInference has it."""

OF_THE_API: Final = frozenset({404, 405, 500, 501})
"""Statuses that may be about one score, as where its span is not there, or about the API."""

BELIEVED: Final = 3
"""How many of those in a row are about the API."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to an API of scores."""

    path: str
    """Below the API's base."""
    body: Any
    """What is sent as JSON."""
    count: int = 1
    """How many scores are in it."""
    there: str = ""
    """The path of the score, where the API refuses one that it has already."""


def score_id(score: Row) -> str:
    """Give a score's id: the same for the same judgement of the same span by the same evaluator."""
    told = (score["trace_id"].hex(), score["span_id"].hex(), score["name"], score["evaluator"], score["source"])
    when = score["time_unix_nano"]
    if when is None:  # then what was judged tells one from another
        when = [repr(score["value"]), score["label"]]
    digest = hashlib.sha256(orjson.dumps([*told, when])).digest()
    return str(uuid.UUID(bytes=digest[:16], version=4))


def annotator(score: Row) -> str:
    """Say who judged in the words of OpenInference: a person, a model, or code, as which all others count."""
    return ANNOTATORS.get(score["source"], "CODE")


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
    ended, in_a_row = "", 0
    for one in requests:
        if ended:
            yield ended, one.count
            continue
        there = replace(endpoint, url=_url(api, one.path), shown=f"{endpoint.shown} ({one.path})")
        try:
            answer = post(there, orjson.dumps(one.body), is_otlp=False)
        except ExportError as error:
            why = error.answer or str(error)
            is_there = error.status not in FOR_ALL and _is_there(one, api, endpoint)
            in_a_row = in_a_row + 1 if error.status in OF_THE_API and not is_there else 0
            ended = why if error.status in FOR_ALL or in_a_row == BELIEVED else ""
            yield "" if is_there else why, one.count
        else:
            in_a_row = 0
            said = f": {answer.message}" if answer.message else ""
            yield f"rejected by the receiver{said}" if answer.rejected else "", one.count


def _is_there(one: Request, api: str, endpoint: Endpoint) -> bool:
    """Say whether a score that was refused had arrived before."""
    with suppress(ExportError):
        return bool(one.there) and ask(endpoint, _url(api, one.there)) is not None
    return False


def _url(api: str, path: str) -> str:
    parts = urlsplit(api)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + path, "", ""))
