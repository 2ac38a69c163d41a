"""A span explained, as it is read: in a terminal, as Markdown, in a notebook, as a page.

Each reader gets the same, in the same order: what happened, what was said, the parts of the span, its attributes, what
is around it, its OTLP JSON, and what each backend makes of it. Where a cell shows it, all but the first two is folded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nbtrace._explain.received import plain
from nbtrace._explain.shown import VALUE, clipped

if TYPE_CHECKING:
    from nbtrace._explain.explained import Explained


class Explanation:
    """What a span is as telemetry; `str(explanation)` is for a terminal, and in a notebook it is drawn.

    Examples:
        >>> import nbtrace
        >>> with nbtrace.Session() as session, session.span("look up", kind="tool"):
        ...     pass
        >>> explanation = session.explain(session.spans()[-1])
        >>> explanation
        <nbtrace explanation: execute_tool look up>
        >>> list(explanation.otlp)
        ['resourceSpans']
        >>> explanation.backends["mlflow"]["mlflow.spanType"]
        '"TOOL"'
    """

    __slots__ = ("explained",)

    def __init__(self, explained: Explained) -> None:
        self.explained = explained
        """The data: `happened`, `said`, `parts`, `attributes`, `groups`, `otlp`, `backends`."""

    @property
    def otlp(self) -> dict[str, Any]:
        """The span alone as OTLP JSON, as an export writes it."""
        return self.explained.otlp

    @property
    def backends(self) -> dict[str, dict[str, Any]]:
        """By the name of a backend what it gets otherwise than it is; none stands for what it does not get."""
        return {
            one.backend: {change.key: plain(change.value) for change in one.changes} for one in self.explained.backends
        }

    def __str__(self) -> str:
        from nbtrace._explain.written import as_text

        return as_text(self.explained)

    def to_markdown(self) -> str:
        """Write it for an issue or a document."""
        from nbtrace._explain.written import as_markdown

        return as_markdown(self.explained)

    def to_html(self) -> str:
        """Write it as a page of its own, which has no script and loads nothing."""
        from nbtrace._explain.page import page

        return page(self.explained)

    def __repr__(self) -> str:
        return f"<nbtrace explanation: {clipped(self.explained.row['name'] or 'a span without a name', VALUE)}>"

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        from nbtrace._explain.page import drawn
        from nbtrace._explain.written import in_brief

        return {"text/html": drawn(self.explained), "text/plain": in_brief(self.explained)}
