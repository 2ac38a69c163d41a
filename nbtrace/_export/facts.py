"""The facts of one span, as the overlays of the backends ask for them.

What is JSON in the store is read when it is asked for, and what cannot be read as what it should be is not there: an
overlay never fails on what a model or a file has said.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import cached_property
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from nbtrace import semconv
from nbtrace._export.backends.backend import Group
from nbtrace._query.kinds import kind
from nbtrace._store.attributes import plain
from nbtrace._store.values import written

if TYPE_CHECKING:
    from nbtrace._export.traces import Around

Message = dict[str, Any]

_PARAMETERS: Final = {
    semconv.REQUEST_TEMPERATURE: "temperature",
    semconv.REQUEST_TOP_P: "top_p",
    semconv.REQUEST_TOP_K: "top_k",
    semconv.REQUEST_MAX_TOKENS: "max_tokens",
    semconv.REQUEST_FREQUENCY_PENALTY: "frequency_penalty",
    semconv.REQUEST_PRESENCE_PENALTY: "presence_penalty",
    semconv.REQUEST_SEED: "seed",
    semconv.REQUEST_STREAM: "stream",
    semconv.REQUEST_CHOICE_COUNT: "n",
    semconv.REQUEST_STOP_SEQUENCES: "stop",
    semconv.REQUEST_REASONING_LEVEL: "reasoning_effort",
}


class Facts:
    """One span to be said in other words.

    Args:
        row: the span's columns.
        around: what its trace says.
        scores: the judgements of the span, with the columns of the store's scores.
        attributes: those of the row as Python values, where they are known already.
    """

    def __init__(
        self,
        row: Mapping[str, Any],
        around: Around,
        scores: Sequence[Mapping[str, Any]] = (),
        attributes: dict[str, Any] | None = None,
    ) -> None:
        vars(self).update(row)  # so that most columns are found without a call
        vars(self).pop("attributes", None)  # the column, whose values are Arrow's
        if attributes is not None:
            self.attributes = attributes
        self.row = row
        self.around = around
        self.scores = scores

    def __getattr__(self, name: str) -> Any:
        """Give a column."""
        try:
            return self.row[name]
        except KeyError:
            raise AttributeError(name) from None

    @cached_property
    def attributes(self) -> dict[str, Any]:
        """The attributes that have no column, as Python values."""
        return plain(self.row["attributes"])

    @property
    def type(self) -> str:
        """What the span is: `llm`, `tool`, `cell` and so on, as `nbtrace.spans(kind=...)` has it."""
        return kind(self.span_type, self.operation)

    @property
    def is_root(self) -> bool:
        """Whether its parent is not sent along, or it has none."""
        return self.span_id in self.around.root_ids

    @property
    def model(self) -> str | None:
        """The model that answered, else the one that was asked."""
        return self.response_model or self.request_model

    @property
    def failed(self) -> bool:
        """Whether the span's status is an error."""
        return self.status_code == 2  # noqa: PLR2004 - OTLP's number of it

    @property
    def user(self) -> str | None:
        """Whom it was made for; where the span does not say, as its trace does."""
        return self.user_id or self.around.user_id

    @property
    def session(self) -> str | None:
        """The session, else the conversation."""
        own = self.session_id or self.around.session_id
        return own or self.conversation_id or self.around.conversation_id

    @property
    def conversation(self) -> str | None:
        """The conversation, else the session."""
        own = self.conversation_id or self.around.conversation_id
        return own or self.session_id or self.around.session_id

    @property
    def tags(self) -> list[str] | None:
        """The user's words."""
        return list(self.row["tags"] or self.around.tags) or None

    @property
    def total_tokens(self) -> int | None:
        """Input and output together, if both are known."""
        both = (self.input_tokens, self.output_tokens)
        return None if None in both else sum(both)

    @property
    def first_chunk_time(self) -> str | None:
        """When the first chunk of a stream came, as ISO 8601 with microseconds."""
        seconds = self.time_to_first_chunk_s
        if seconds is None or not isfinite(seconds):
            return None
        with suppress(ValueError, OverflowError, OSError):  # beyond the year 9999, or what the system can tell
            return iso(self.start_time_unix_nano + round(seconds * 1e9))
        return None

    @property
    def input(self) -> Any:
        """What went in: messages, arguments, a query, a cell's source; as Python values."""
        names = (semconv.INPUT_VALUE, semconv.TOOL_CALL_ARGUMENTS, semconv.RETRIEVAL_QUERY, semconv.CELL_SOURCE)
        return self.messages or self._first(names)

    @property
    def output(self) -> Any:
        """What came out: messages, a result, documents; as Python values."""
        names = (semconv.OUTPUT_VALUE, semconv.TOOL_CALL_RESULT, semconv.RETRIEVAL_DOCUMENTS)
        return self.answers or self._first(names)

    def _first(self, names: Sequence[str]) -> Any:
        """Give the first of some attributes that is there; of the JSON of an array or a map what it says."""
        value = next((self.attributes[name] for name in names if name in self.attributes), None)
        if isinstance(value, str) and value[:1] in {"[", "{"}:
            with suppress(orjson.JSONDecodeError):
                return orjson.loads(value)
        return value

    @cached_property
    def messages(self) -> list[Message]:
        """What was sent, the instructions first."""
        return self._sent()

    def _sent(self) -> list[Message]:
        system, sent = self.listed("system_instructions"), self.listed("input_messages")
        return [{"role": "system", "parts": system}, *sent] if system else sent

    @cached_property
    def answers(self) -> list[Message]:
        """What came back."""
        return self.listed("output_messages")

    @cached_property
    def tools(self) -> list[Message]:
        """The tools that were offered."""
        return self.listed("tool_definitions")

    @cached_property
    def documents(self) -> list[Message]:
        """What a retrieval found."""
        found = self.attributes.get(semconv.RETRIEVAL_DOCUMENTS)
        if isinstance(found, str):
            return _listed(found)
        return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The request's settings, by the names that providers give them."""
        return {name: self.attributes[key] for key, name in _PARAMETERS.items() if key in self.attributes}

    @cached_property
    def variables(self) -> dict[str, Any]:
        """What the prompt's fields were."""
        return self.under(semconv.PROMPT_VARIABLE)

    def listed(self, name: str) -> list[Message]:
        """Read a column that is a JSON array of objects."""
        return _listed(self.row[name])

    def under(self, prefix: str) -> dict[str, Any]:
        """Give the attributes below a prefix, without it."""
        return {key[len(prefix) :]: value for key, value in self.attributes.items() if key.startswith(prefix)}

    def remarks(self) -> dict[str, Any]:
        """What most backends have no field for: the user's own facts, retries, a refusal, which cell, what was cut."""
        columns = ("attempts", "rate_limited_s", "refusal", "stream_outcome", "usage_state", "cost_state", "cell_id")
        own = {name: value for name in columns if (value := self.row[name]) is not None}
        reason = self.attributes.get(semconv.COST_REASON)
        return self.under(semconv.METADATA) | own | ({"cost_reason": reason} if reason else {})


class Again(dict[str, Any]):
    """A message that comes more than once, with what has been said of it already."""

    __slots__ = ("said",)

    said: dict[str, Group]
    """By the beginning of its attributes' names."""

    def __init__(self, message: Message) -> None:
        super().__init__(message)
        self.said = {}


def said_once(message: Message, base: str, say: Callable[[Message, str], Mapping[str, Any]]) -> Group:
    """Say a message in attributes below a name, once for each time that it comes again there."""
    if not isinstance(message, Again):
        return Group(say(message, base))
    if base not in message.said:
        message.said[base] = Group(say(message, base))
    return message.said[base]


def text_of(message: Mapping[str, Any]) -> str:
    """Give the text parts of a message."""
    said = [text for part in parts_of(message, "text") if isinstance(text := part.get("content"), str)]
    return said[0] if len(said) == 1 else "\n".join(said)


def parts_of(message: Mapping[str, Any], kind: str) -> list[Message]:
    """Give the parts of a message that are of a type."""
    parts = cast("list[Any]", message.get("parts") or ())
    return [part for part in parts if isinstance(part, dict) and part.get("type") == kind]


def as_json(value: Any) -> str | None:
    """Write a value as JSON; a text stays as it is, and nothing stays nothing."""
    if value is None or isinstance(value, str):
        return value
    return written(value) if value != {} else None


def iso(unix_nano: int) -> str:
    """Write a time as ISO 8601 in UTC."""
    whole, rest = divmod(unix_nano, 10**9)
    return f"{datetime.fromtimestamp(whole, UTC):%Y-%m-%dT%H:%M:%S}.{rest // 1000:06}Z"


def _listed(stored: str | None) -> list[Message]:
    """Read a JSON array of objects."""
    try:
        found = orjson.loads(stored) if stored else []
    except orjson.JSONDecodeError:
        return []
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
