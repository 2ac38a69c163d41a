"""The spans of a store that run: those that have begun, less those that have ended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

    from nbtrace._store.details import Detail

    Waiting = tuple[ReadableSpan, Detail | None]


class Running:
    """Spans by trace and span id, each with what it has come to. Whoever has them locks them."""

    def __init__(self) -> None:
        self._spans: dict[tuple[int, int], Waiting] = {}

    def __len__(self) -> int:
        return len(self._spans)

    def begin(self, span: ReadableSpan) -> bool:
        """Take a span that has begun, unless it is none."""
        key = _key(span)
        if key is None:
            return False
        self._spans[key] = span, None
        return True

    def go_on(self, span: ReadableSpan, detail: Detail) -> bool:
        """Take what a span has come to, unless it does not run."""
        key = _key(span)
        if key not in self._spans:
            return False
        self._spans[key] = span, detail
        return True

    def end(self, ended: Iterable[Waiting]) -> None:
        """Let go of spans that have ended."""
        if self._spans:
            for span, _ in ended:
                self._spans.pop(_key(span), None)

    def all(self) -> list[Waiting]:
        """Give those that run, in the order in which they began."""
        return list(self._spans.values())


def _key(span: ReadableSpan) -> Any:
    """Give a span's ids; none of what is no span."""
    context = span.context
    return None if context is None else (context.trace_id, context.span_id)
