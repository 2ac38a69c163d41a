"""One span in the hands of a user: a row, read once, or as far as it is asked for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, Self

from nbtrace._query import text
from nbtrace._query.endings import is_interrupted
from nbtrace._query.rows import Row, Rows
from nbtrace._query.totals import BEGUN, ERROR
from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans
    from nbtrace._store.snapshot import Snapshot


class Span(Mapping[str, Any]):
    """A span as a mapping of the table's columns, each also an attribute: `span.request_model`.

    Ids are hex digits, times are datetimes in UTC, messages are lists and not JSON. `attributes` has every attribute of
    the span under its own name, those with a column of their own too.
    """

    __slots__ = ("_columns", "_row", "_spans")

    def __init__(self, row: Snapshot, spans: Spans | None) -> None:
        self._row = Row(Rows(row), 0)
        self._columns: Mapping[str, Any] = dict(self._row)
        self._spans = spans

    @classmethod
    def of(cls, rows: Rows, at: int, spans: Spans | None = None) -> Self:
        """Make the span of a row, of which nothing is read before it is asked for."""
        made = cls.__new__(cls)
        made._row = made._columns = Row(rows, at)  # noqa: SLF001 - its own
        made._spans = spans  # noqa: SLF001
        return made

    @property
    def answer(self) -> str | None:
        """What was said, or what a step gave, as text; none if there is nothing."""
        return self._row.read("answer")

    @property
    def question(self) -> str | None:
        """The last thing that the user said, or what a step was given, as text; none if there is nothing."""
        return self._row.read("question")

    @property
    def tool_calls(self) -> list[dict[str, Any]]:
        """The calls of tools in the answer: `name`, `arguments`, `id`."""
        return self._row.read("tool_calls")

    @property
    def documents(self) -> list[Any]:
        """What a retrieval found, in order of rank."""
        return self._row.read("documents")

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._columns)

    def __len__(self) -> int:
        return len(self._columns)

    def __getattr__(self, name: str) -> Any:
        try:
            return self._columns[name]
        except KeyError:
            message = f"a span has no {name!r}; it has: {', '.join(self._columns)}"
            raise AttributeError(message) from None

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._columns]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Span) and self._columns == other._columns

    def __hash__(self) -> int:
        return hash((self["trace_id"], self["span_id"]))

    @property
    def source(self) -> Snapshot | None:
        """The spans among which it was found; none if it stands alone."""
        return None if self._spans is None else self._spans.snapshot

    def trace(self) -> Any:
        """Draw the span's trace, with the span selected.

        Raises:
            NotFoundError: the span is of a table alone, without its trace.
        """
        if self._spans is None:
            message = "this span stands alone, without the spans of its trace"
            raise NotFoundError(message)
        return self._spans.draw(self["trace_id"], self["span_id"])

    def __repr__(self) -> str:
        words = [self["name"] or "a span without a name"]
        if (model := self["response_model"] or self["request_model"]) and model not in words[0]:
            words.append(model)
        if self["input_tokens"] is not None or self["output_tokens"] is not None:
            words.append(f"{text.tokens(self['input_tokens'])} → {text.tokens(self['output_tokens'])} tokens")
        has_failed = self["status_code"] == ERROR
        # As the totals have it: of a call that failed before any answer no cost is unknown.
        is_unanswered = has_failed and all(self[name] is None for name in BEGUN)
        if self["cost_state"] is not None and not (self["cost_state"] == text.UNPRICED and is_unanswered):
            words.append(text.cost(self["cost_usd"], self["cost_state"]))
        if self["duration_ns"] is not None or not is_interrupted(self["status_message"]):  # which its error says
            words.append(text.duration(self["duration_ns"], self["status_message"]))
        words += [self["error_type"] or "error"] if has_failed else []
        return f"<{self['type']} span: {' · '.join(words)}>"
