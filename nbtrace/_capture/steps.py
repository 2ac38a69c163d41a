"""The user's own steps as spans: a chain, a tool, a retrieval, an agent, a guardrail around the calls it makes.

A step is a context manager, a decorator, or both. What goes in and comes out travels beside the span like any content,
as JSON of bounded size: an argument is never serialized deeper than its own plain values, because arguments in a
notebook hold clients, sockets and data frames. A step whose session does not record does nothing.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Literal, ParamSpec, Self, TypeVar, cast, get_args

from opentelemetry import context as otel_context
from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture import plain, stepping
from nbtrace._capture.documents import document
from nbtrace._guard import guard
from nbtrace._names import name_of
from nbtrace._trace.current import leave
from nbtrace._trace.provider import Tracing, below
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context
    from opentelemetry.sdk.trace import Span

P = ParamSpec("P")
R = TypeVar("R")

StepKind = Literal["chain", "tool", "retrieval", "agent", "guardrail", "evaluation", "embedding"]

_OPERATIONS: Final[Mapping[StepKind, tuple[str, str]]] = {
    "tool": ("execute_tool", semconv.TOOL_NAME),
    "retrieval": ("retrieval", semconv.DATA_SOURCE_ID),
    "agent": ("invoke_agent", semconv.AGENT_NAME),
}
"""GenAI operation of a kind and the attribute that its name is; the other kinds have no operation.

An embedding has none, or it would count as a call besides the one that it makes.
"""

_CALLS: Final[frozenset[StepKind]] = frozenset({"chain", "embedding"})
"""Kinds that a call has which the user describes: it is one by its operation."""


class Step:
    """One step of the user's program, as `nbtrace.span` makes it.

    Args:
        tracing: gives where spans are made, or None when nothing is recorded.
        name: the step's name.
        kind: what it is.
        attributes: more attributes of the span.
    """

    def __init__(
        self,
        tracing: Callable[[], Tracing | None],
        name: str,
        kind: StepKind = "chain",
        attributes: Mapping[str, AttributeValue] | None = None,
    ) -> None:
        if kind not in get_args(StepKind):
            raise UsageError.unknown("kind of span", kind, get_args(StepKind))
        self.name = name
        self.kind: StepKind = kind
        self._tracing = tracing
        self._attributes = dict(attributes or {})
        self._content: dict[str, AttributeValue] = {}
        self._made_on: Tracing | None = None
        self._span: Span | None = None
        self._token: Token[Context] | None = None

    def input(self, value: object) -> Self:
        """Keep what the step was given."""
        return self._keep(semconv.TOOL_CALL_ARGUMENTS if self.kind == "tool" else semconv.INPUT_VALUE, value)

    def output(self, value: object) -> Self:
        """Keep what the step gave."""
        return self._keep(semconv.TOOL_CALL_RESULT if self.kind == "tool" else semconv.OUTPUT_VALUE, value)

    def query(self, text: str) -> Self:
        """Keep what a retrieval looked for."""
        return self._keep(semconv.RETRIEVAL_QUERY, text)

    def documents(self, documents: Iterable[object]) -> Self:
        """Keep what a retrieval found.

        Args:
            documents: in order of rank; mappings with any of `id`, `score`, `content`, `title`, `uri`, `metadata`,
                plain texts, documents of LangChain's or nodes of LlamaIndex's; or pairs of any of these with a score.
        """
        with guard("capture"):
            self._content[semconv.RETRIEVAL_DOCUMENTS] = plain.text([document(one) for one in documents])
        return self

    def set(self, **attributes: AttributeValue) -> Self:
        """Set attributes on the span, seen by exporters of yours too."""
        with guard("capture"):
            if self._span is not None:
                self._span.set_attributes(attributes)
            else:
                self._attributes |= attributes
        return self

    def _keep(self, key: str, value: object) -> Self:
        with guard("capture"):
            self._content[key] = plain.text(value)
        return self

    def __enter__(self) -> Self:
        with guard("capture"):
            self._made_on = self._tracing()
            if self._made_on is not None:
                self._span = self._made_on.start(self._title(), attributes=self._identity())
                self._token = otel_context.attach(below(self._span))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        with guard("capture"):
            self.pause()
            self._end(error)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, tb)

    @contextmanager
    def paused(self) -> Generator[stepping.Resumed]:
        """Run the step without its span being current, except where it is resumed."""
        with self:
            resumed = stepping.Resumed(self)
            with guard("capture"):
                self.pause()
            try:
                yield resumed
            finally:
                with guard("capture"):
                    self.resume()

    def resume(self, context: Context | None = None) -> None:
        """Make the span current again, or a context that was made below it."""
        if self._span is not None:
            self._token = otel_context.attach(below(self._span) if context is None else context)

    def pause(self) -> None:
        """Leave the span running and no longer current."""
        token, self._token = self._token, None
        if token is not None:
            leave(token)

    def _end(self, error: BaseException | None) -> None:
        span, tracing, content = self._span, self._made_on, self._content
        self._span = self._token = self._made_on = None
        self._content = {}  # a step that is entered again begins anew
        if span is None or tracing is None:
            return
        if error is not None and not isinstance(error, GeneratorExit):
            tracing.fail(span, str(error))
            span.set_attribute(semconv.ERROR_TYPE, f"{type(error).__module__}.{type(error).__qualname__}")
        tracing.end(span, lambda: content)

    def _title(self) -> str:
        operation = _OPERATIONS.get(self.kind)
        return f"{operation[0]} {self.name}" if operation else self.name

    def _identity(self) -> dict[str, AttributeValue]:
        operation = _OPERATIONS.get(self.kind)
        if operation is not None:
            return {semconv.OPERATION_NAME: operation[0], operation[1]: self.name, **self._attributes}
        named: dict[str, AttributeValue] = {semconv.STEP_NAME: self.name, **self._attributes}
        says_itself = self.kind in _CALLS and semconv.OPERATION_NAME in named
        return named if says_itself else {semconv.SPAN_TYPE: self.kind, **named}

    def _fresh(self) -> Self:
        """Make the step again: a decorated function may run many times, and at once."""
        return type(self)(self._tracing, self.name, self.kind, self._attributes)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Make each run of a function or method a step: plain, async, generator or async generator."""
        if isinstance(function, (classmethod, staticmethod)):
            made: Any = type(function)(self(function.__func__))
            return made
        wrap = (
            stepping.of_async_generator if inspect.isasyncgenfunction(function)
            else stepping.of_generator if inspect.isgeneratorfunction(function)
            else stepping.of_coroutine if inspect.iscoroutinefunction(function)
            else stepping.of_function
        )  # fmt: skip
        wrapped = wrap(self._fresh, cast("Callable[..., Any]", function))
        return cast("Callable[P, R]", functools.wraps(function)(wrapped))

    def called(self, function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Self:
        """Keep the arguments of a call by their names."""
        with guard("capture"):
            try:
                given = dict(inspect.signature(function).bind(*args, **kwargs).arguments)
            except (TypeError, ValueError):
                return self  # the call itself will say what is wrong with it
            for receiver in ("self", "cls"):
                given.pop(receiver, None)
            self.input(given)
            texts = [value for value in given.values() if isinstance(value, str)]
            if self.kind == "retrieval" and len(texts) == 1:
                self.query(texts[0])
        return self

    def returned(self, result: object) -> None:
        """Keep what a function gave: of a retrieval that is its documents, if it is a list."""
        if self.kind == "retrieval" and isinstance(result, list):
            self.documents(cast("list[object]", result))
        else:
            self.output(result)


class Nameless(Step):
    """A step that takes the name of the function it decorates."""

    def __enter__(self) -> Self:
        message = f"this step has no name; give it one: with nbtrace.span('search', kind={self.kind!r})"
        raise UsageError(message)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        return Step(self._tracing, name_of(function), self.kind, self._attributes)(function)


def step(
    tracing: Callable[[], Tracing | None], name: str | None, kind: StepKind, attributes: Mapping[str, AttributeValue]
) -> Step:
    """Make a step, whose name may be that of the function it will decorate; see `Step`."""
    return Nameless(tracing, "", kind, attributes) if name is None else Step(tracing, name, kind, attributes)
