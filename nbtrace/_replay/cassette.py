"""A cassette: recorded calls to answer from, the n-th equal request by the n-th recording."""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import chain
from threading import Lock
from typing import Final

from nbtrace import semconv
from nbtrace._prompts.difference import Difference
from nbtrace._replay.asked import TEXTS, Asked, differing, key, text, word
from nbtrace._replay.recording import Recording

_LOOKED_AT: Final = 50
"""Recordings whose texts are compared to find the nearest; the others differ in more."""
_SAME: Final = 60
"""Characters that are shown of what is the same, on either side of what is not."""
_SHOWN: Final = 120
"""Characters that are shown of a value."""
_LONG: Final = 2000
"""Characters of a text that are looked at to tell how near it is."""


class Cassette:
    """The recordings, by what they were asked.

    Args:
        recordings: in the order in which the calls began.
        name: what to call it.
    """

    def __init__(self, recordings: Iterable[Recording], name: str) -> None:
        self.name = name
        self.recordings = list(recordings)
        self._by_key: defaultdict[str, list[Recording]] = defaultdict(list)
        self._masked: dict[str, Asked] = {}
        for recording in self.recordings:
            known = key(recording.asked)
            self._by_key[known].append(recording)
            if recording.masks:
                self._masked[known] = recording.asked
        self._given: Counter[str] = Counter()
        self._warned = False
        self._lock = Lock()

    def __len__(self) -> int:
        return len(self.recordings)

    def masks(self) -> Counter[str]:
        """Count the masks in what was asked and answered, by the rule that made them."""
        from nbtrace._replay.masks import counted

        return counted(self.recordings)

    def rewind(self) -> None:
        """Begin with the first of equal recordings again."""
        with self._lock:
            self._given.clear()

    def find(self, request: Asked) -> Recording | None:
        """Give the recording for a request: the next of equal ones, and then the last again."""
        known = key(request)
        if known not in self._by_key:
            fitting = (one for one, recorded in self._masked.items() if not differing(recorded, request))
            known = next(fitting, None)
            if known is None:
                return None
        found = self._by_key[known]
        with self._lock:
            place = self._given[known]
            self._given[known] += 1
            is_first_repeat, self._warned = (
                place >= len(found) and not self._warned,
                self._warned or place >= len(found),
            )
        if is_first_repeat:
            logging.getLogger("nbtrace").warning(
                "%s: a call is asked %d times and was recorded %d times; the last answer is given again",
                self.name,
                place + 1,
                len(found),
            )
        return found[min(place, len(found) - 1)]

    def nearest(self, request: Asked) -> str:
        """Say which recording is nearest to a request, and how it differs."""
        if not self.recordings:
            return f"{self.name} has no calls"
        ranked = sorted(
            ((len(differing(one.asked, request)), place) for place, one in enumerate(self.recordings)),
        )[:_LOOKED_AT]
        least = ranked[0][0]
        few = [self.recordings[place] for count, place in ranked if count == least]
        return _explained(max(few, key=lambda one: _likeness(one.asked, request)), request)


def said(request: Asked) -> str:
    """Name a request in a few words."""
    return " ".join(request[name].strip('"') for name in ("endpoint", semconv.REQUEST_MODEL) if name in request)


def _likeness(recorded: Asked, request: Asked) -> float:
    from difflib import SequenceMatcher

    one, other = (" ".join(text(side.get(name))[:_LONG] for name in TEXTS) for side in (recorded, request))
    return SequenceMatcher(None, one, other).quick_ratio()


def _explained(recording: Recording, request: Asked) -> str:
    at = datetime.fromtimestamp(recording.start_ns // 10**9, UTC)
    cell = recording.attributes.get(semconv.CELL_EXECUTION_COUNT)
    where = f"{said(recording.asked)}, {at:%Y-%m-%d %H:%M:%S} UTC{f', cell [{cell}]' if cell is not None else ''}"
    names = differing(recording.asked, request)
    told = [_difference(name, recording.asked.get(name), request.get(name)) for name in names]
    return f"The nearest ({where}) differs in {'; '.join(told)}"


def _difference(name: str, recorded: str | None, now: str | None) -> str:
    if name in TEXTS and recorded is not None and now is not None:
        parts = Difference(word(name), text(recorded), text(now)).parts
        if any(part.kind != "same" for part in parts):
            return f"{word(name)}: {''.join(chain.from_iterable(_shown(part.kind, part.text) for part in parts))}"
    was, asks = (_clipped(value) for value in (recorded, now))
    return f"{word(name)}: recorded {was}, asked {asks}"


def _shown(kind: str, said: str) -> tuple[str, ...]:
    if kind == "removed":
        return ("[-", said, "-]")
    if kind == "added":
        return ("{+", said, "+}")
    return (said,) if len(said) <= 2 * _SAME else (said[:_SAME], " … ", said[-_SAME:])


def _clipped(value: str | None) -> str:
    if value is None:
        return "nothing"
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"
