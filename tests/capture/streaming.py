"""Asking for a stream, and what is recorded of the one that there was."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace import semconv
from tests.capture.reading import spans

if TYPE_CHECKING:
    from nbtrace import Session

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}], "stream": True}


def outcome(session: Session) -> tuple[str, int, str, str | None]:
    """Give how the only stream ended, with how many chunks, and what text."""
    (span,) = spans(session)
    attributes = span["attributes"]
    said = attributes.get(semconv.OUTPUT_MESSAGES)
    text = said[0]["parts"][0]["content"] if said and said[0]["parts"] else None
    assert not span["running"]
    return attributes[semconv.STREAM_OUTCOME], attributes[semconv.STREAM_CHUNKS], span["status"], text
