"""A check: a function that judges a span, by a name and a version that what it says is kept under.

What the function takes is told by the names of its parameters without a default. A column of the spans, or `answer`,
`question`, `tool_calls` or `documents`, is that of the span, and nothing else of it is read; one of another name is the
span. `reference` or `expected` is what should have come. Parameters with a default are changed by `using`.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from types import CellType, CodeType
from typing import Any, Final, Literal, Self, cast

from nbtrace._names import name_of
from nbtrace._query.row import Span
from nbtrace._query.rows import READABLE, Row, Rows
from nbtrace.errors import UsageError

SPAN: Final = "span"
"""Stands for the whole span among the names of what is read."""
REFERENCES: Final = ("reference", "expected")
_READABLE: Final = frozenset(READABLE)
_VERSION_DIGITS: Final = 12
_ALIKE: Final = 0.8
"""From here on a parameter's name is taken for a slip of the pen."""

Function = Callable[..., Any]


@dataclass(frozen=True)
class Check:
    """A check, as `nbtrace.check` makes it; called with a span it says what its function says."""

    function: Function
    name: str
    version: str
    """The user's own, or a hash of the function's source and of what it has taken along."""
    reads: tuple[tuple[str, str], ...]
    """Parameters that are filled from the span, and with what."""
    reference: str | None = None
    """The parameter for what should have come."""
    params: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Those that were set by name."""
    source: Literal["code", "llm"] = "code"
    evaluator: str = ""
    """Who judges: the function, or the model."""
    is_async: bool = False
    is_quick: bool = False
    """Whether it only computes, so that nothing is gained by running several at the same time."""
    close: Callable[[], Any] | None = None
    """Closes what an async check has opened in its event loop."""
    traced: bool = False
    """Whether each run is a span, with the calls that it makes below it."""

    def using(self, **params: Any) -> Self:
        """Give the same check with other values for its parameters, which become part of its version.

        Raises:
            UsageError: it has no such parameter.

        Examples:
            >>> import nbtrace
            >>> @nbtrace.check
            ... def short(answer, most=100):
            ...     return len(answer) <= most
            >>> dict(short.using(most=3).params)
            {'most': 3}
        """
        known = _free(self.function, self.reads, self.reference)
        for name in params:
            if known is not None and name not in known:
                raise UsageError.unknown(f"parameter of {self.name}", name, known or ["none"])
        return replace(self, params={**self.params, **params})

    @property
    def full_version(self) -> str:
        """The version, with a hash of the parameters where some were set."""
        if not self.params:
            return self.version
        said = repr(sorted((name, _said(value)) for name, value in self.params.items()))
        return f"{self.version}+{digest(said)[:8]}"

    def keys(self, count: int, references: Sequence[Any] | None = None) -> list[str]:
        """Give what tells judgements of spans from others of the same spans: of this check, and of its references."""
        said = repr((self.name, self.evaluator, self.full_version))
        if self.reference is None or references is None:
            return [digest(said)] * count
        return [digest(f"{said}{_said(reference)}") for reference in references]

    def arguments(self, rows: Rows, references: Sequence[Any] | None = None) -> list[dict[str, Any]]:
        """Give what the function is called with for each of some spans, but for the parameters that were set."""
        columns = {parameter: _spans(rows) if what == SPAN else rows.values(what) for parameter, what in self.reads}
        if self.reference is not None:
            columns[self.reference] = list(references) if references is not None else [None] * len(rows)
        names = tuple(columns)
        return [dict(zip(names, values, strict=True)) for values in zip(*columns.values(), strict=True)]

    def lacks_answer(self, given: Mapping[str, Any]) -> bool:
        """Say whether a check of answers is given none: a call that failed, or no call at all, is nothing to judge."""
        reads_answer = any(parameter == "answer" for parameter, _ in self.reads)
        return reads_answer and given.get("answer") is None and not given.get("tool_calls")

    def __call__(self, span: Any, reference: object = None, **params: Any) -> Any:
        """Judge one span; gives what the function gives."""
        row = span if isinstance(span, Row) else None
        given: dict[str, Any] = {}
        for parameter, what in self.reads:
            given[parameter] = span if what == SPAN else row.read(what) if row is not None else getattr(span, what)
        if self.reference is not None:
            given[self.reference] = reference
        return self.function(**given, **{**self.params, **params})

    def __repr__(self) -> str:
        return f"<check {self.name} {self.full_version}>"


def check_of(
    function: Function, *, name: str | None = None, version: str | None = None, traced: bool | None = None, **how: Any
) -> Check:
    """Make a check of a function; `how` is set on it."""
    if isinstance(function, Check):
        return function
    if not callable(function):
        raise UsageError.kind("the check", function, "a function of a span")
    reads, reference = _parameters(function)
    called = getattr(function, "__call__", None)  # noqa: B004 - of an object that is called
    is_async = inspect.iscoroutinefunction(function) or inspect.iscoroutinefunction(called)
    made = f"{getattr(function, '__module__', '')}.{getattr(function, '__qualname__', type(function).__qualname__)}"
    given: dict[str, Any] = {
        "evaluator": made,
        "is_async": is_async,
        "traced": is_async if traced is None else traced,
    } | how
    return Check(
        function, name or name_of(function), version or source_version(function),
        reads, reference, **given,
    )  # fmt: skip


def _parameters(function: Function) -> tuple[tuple[tuple[str, str], ...], str | None]:
    """Tell from a function's signature what it is called with."""
    reads: list[tuple[str, str]] = []
    reference: str | None = None
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        raise UsageError.kind("the check", function, "a function whose parameters have names") from None
    for one in parameters:
        if one.kind in (one.VAR_KEYWORD, one.VAR_POSITIONAL):
            continue
        if one.kind is one.POSITIONAL_ONLY:
            raise UsageError.kind("the check", function, f"a function whose parameter {one.name!r} has a name to call")
        if one.name in REFERENCES and reference is None:
            reference = one.name
        elif one.default is not one.empty:
            continue
        elif one.name in _READABLE:
            reads.append((one.name, one.name))
        else:
            if any(what == SPAN for _, what in reads):
                expected = f"a default for {one.name!r}: a check is given a span, columns of it, and a reference"
                raise UsageError.kind("the check", function, expected)
            reads.append((_meant(one.name, function), SPAN))
    if not reads:
        raise UsageError.kind("the check", function, "a function of a span, or of its answer")
    return tuple(reads), reference


def _meant(name: str, function: Function) -> str:
    """Give the name of a parameter that is to get the span, unless it is all but that of something else.

    Raises:
        UsageError: it is.
    """
    close = get_close_matches(name, [*_READABLE, *REFERENCES], n=1, cutoff=_ALIKE)
    if close:
        message = f"{name_of(function)} takes {name!r}, which a span does not have; did you mean {close[0]!r}?"
        raise UsageError(message)
    return name


def _free(function: Function, reads: Sequence[tuple[str, str]], reference: str | None) -> list[str] | None:
    """Name the parameters that can be set; none if any can."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    taken = {reference, *(parameter for parameter, _ in reads)}
    return [one.name for one in parameters if one.name not in taken]


def _spans(rows: Rows) -> list[Span]:
    return [Span.of(rows, at) for at in range(len(rows))]


def source_version(function: Function, seen: frozenset[int] = frozenset()) -> str:
    """Hash what a function does: its source, the values that it has taken along, and of an object what it holds."""
    return digest(repr(_told(function, seen | {id(function)})))[:_VERSION_DIGITS]


def _told(function: Any, seen: frozenset[int]) -> tuple[object, ...]:
    """Word what tells a function from others that look like it, such as those of one factory."""

    def held(values: Mapping[str, Any]) -> list[tuple[str, str]]:
        return sorted((name, "itself" if id(value) in seen else _said(value, seen)) for name, value in values.items())

    if isinstance(function, functools.partial):
        made = cast("functools.partial[Any]", function)
        return (_told(made.func, seen), [_said(one, seen) for one in made.args], held(made.keywords))
    code = getattr(function, "__code__", None)
    if code is None:
        return (_source(type(function)), held(getattr(function, "__dict__", {})))
    taken = inspect.signature(function).parameters.values()
    defaults = {one.name: one.default for one in taken if one.default is not one.empty}
    cells = zip(code.co_freevars, getattr(function, "__closure__", None) or (), strict=False)
    closed = {name: cell.cell_contents for name, cell in cells if cell != CellType()}
    # Of several lambdas in one line the source is the same.
    compiled = _compiled(code) if code.co_name == "<lambda>" else ()
    return (_source(function) or _compiled(code), compiled, held(defaults), held(closed))


def _source(what: Any) -> str | None:
    try:
        return inspect.getsource(what)
    except (OSError, TypeError):
        return None


def _compiled(code: CodeType) -> tuple[object, ...]:
    """Word a function's code without the addresses and places that differ from process to process."""
    consts = [
        _compiled(one)
        if isinstance(one, CodeType)
        else sorted(map(repr, cast("frozenset[object]", one)))
        if isinstance(one, frozenset)
        else repr(one)
        for one in code.co_consts
    ]
    return (code.co_code.hex(), code.co_names, consts)


def digest(text: str) -> str:
    """Hash a text to 32 hex digits."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _said(value: object, seen: frozenset[int] = frozenset()) -> str:
    """Word a value so that equal ones are worded alike, in another process too."""
    import orjson

    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
    except TypeError:
        if callable(value) and not isinstance(value, type):
            return "itself" if id(value) in seen else source_version(cast("Any", value), seen)
        return repr(value)
