"""What a call is answered with: the HTTP responses that its attempts got, as far as the recording tells."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from nbtrace._replay.miss import ReplayMiss

JSON_TYPE = "application/json"
EVENTS_TYPE = "text/event-stream"


class Raw(NamedTuple):
    """A body that is no JSON."""

    content: bytes
    mime_type: str


class NotKeptError(Exception):
    """Why a recording cannot be given again: a span does not keep everything."""


@dataclass
class Answer:
    """One response, or the failure that came in its place."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])
    pieces: Sequence[bytes] = ()
    """The body, as it came."""
    waits_s: Sequence[float] = ()
    """Seconds before each piece; none where it is not waited."""
    failure: tuple[str, str] | None = None
    """Class of the HTTP library's error, and its words: before a response, or after the last piece of one."""
    cause: tuple[str, str] | None = None
    """Class and words of what that error came from, where it is the HTTP library's error that the user sees."""
    ends: ReplayMiss | None = None
    """What whoever reads on is told, where the recording ends before the answer did."""

    @property
    def has_response(self) -> bool:
        """Whether there is a response at all."""
        return self.failure is None or bool(self.headers)


class Answers:
    """The answers to a call's attempts, in order; the last one is given again to whoever asks for more."""

    def __init__(self, answers: Sequence[Answer]) -> None:
        self._answers = answers
        self._given = 0
        self.over: Callable[[], None] = lambda: None
        """What the call says when it asks for no more."""

    def next(self) -> Answer:
        """Give the answer to the next attempt."""
        answer = self._answers[min(self._given, len(self._answers) - 1)]
        self._given += 1
        return answer
