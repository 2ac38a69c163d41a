"""Reads back what a backend has of the spans that were sent, and says what is missing.

Only ids are compared: whether a span is there. A backend puts away what it took after it has said so, so it is asked
again for a while before a span is said to be missing.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit, urlunsplit

import orjson

from nbtrace._export import post
from nbtrace._export.report import spans_in_words

if TYPE_CHECKING:
    from nbtrace._export.delivery import Receiver

Read = Callable[[Callable[[str], Any], str, Mapping[str, str]], set[bytes]]
"""Gives the ids of the spans that a backend has of a trace.

It is given what gets JSON at a path, or nothing where nothing is; the trace's id in hex; and what routed the spans.
"""

PATIENCE: Final = 30.0
"""Seconds in which a span has to turn up."""
PAUSE: Final = 0.5


def missing(keys: Iterable[bytes], read: Read, to: Receiver) -> list[bytes]:
    """Give the keys of spans that a backend does not have.

    Raises:
        ExportError: it was not reached, or does not tell.
    """
    left = dict.fromkeys(keys)
    deadline = time.monotonic() + PATIENCE
    while True:
        for trace in {key[:16] for key in left}:
            there = read(lambda path: _get(to, path), trace.hex(), to.resource)
            left = {key: None for key in left if key[:16] != trace or key[16:] not in there}
        if not left or time.monotonic() >= deadline:
            return list(left)
        post.sleep(PAUSE)


def in_words(asked: int, gone: list[bytes]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Give what to tell: of what is left out, and in a note."""
    if not gone:
        return (), (f"All {spans_in_words(asked)} were read back",) if asked != 1 else ("The span was read back",)
    named = ", ".join(key[16:].hex() for key in gone[:5])
    more = f" and {len(gone) - 5:,} more" if len(gone) > 5 else ""  # noqa: PLR2004 - as many as are named
    return (f"{spans_in_words(len(gone))} not there when read back: {named}{more}",), ()


def _get(to: Receiver, path: str) -> Any:
    parts = urlsplit(to.api)
    where, _, query = path.partition("?")
    url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path.rstrip("/") + where, query, ""))
    found = post.get(to.endpoint, url)
    return None if found is None else orjson.loads(found)
