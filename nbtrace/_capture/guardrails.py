"""Guards: rules of the user's for what goes into a call and what comes out of it, each run of one a span.

A guard is the user's own function, and what it does is what the user has asked for: to block raises, to warn warns, to
fix gives another text, and only where the guard is called with the text. Within `guarding` the request goes out and the
answer comes back as they are, or not at all.
"""

from __future__ import annotations

import functools
import inspect
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Self, cast, get_args

import orjson
from opentelemetry import context as otel_context

from nbtrace import semconv
from nbtrace._capture import messages, validators
from nbtrace._capture.site import users_frame
from nbtrace._guard import caught
from nbtrace._guard import guard as ours
from nbtrace._trace.current import leave
from nbtrace.errors import GuardrailError, UsageError

if TYPE_CHECKING:
    from contextvars import Token

    from opentelemetry.context import Context

    from nbtrace._capture.call import Call
    from nbtrace._capture.silence import Silence
    from nbtrace._capture.steps import Step
    from nbtrace._capture.wire import Body, Wire

On = Literal["input", "output", "both"]
Action = Literal["block", "warn", "fix"]

Make = Callable[[str, dict[str, str]], "Step"]
"""Makes the span of a guard's run, by its name and attributes."""

_ACTIVE: Final = otel_context.create_key("nbtrace.guarding")
_EXPECTED: Final = "a bool, a text in place of the one given, or a tuple of one of these and an explanation"


class GuardrailWarning(UserWarning):
    """What a guard says where it does not block; it reaches the user's code where warnings are errors there."""


class Guard:
    """A guard, as `nbtrace.guard` makes it; called with a text it gives the text, or another one, or raises."""

    def __init__(
        self, function: Callable[[str], Any], make: Make, *, name: str | None = None, on: On = "both",
        action: Action = "block",
    ) -> None:  # fmt: skip
        if validators.is_theirs(function):
            name = name or validators.name_of(function)
            function = validators.function_of(function, is_fixing=action == "fix")
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise UsageError.kind("the guard", function, "a plain function of a text")
        if on not in get_args(On):
            raise UsageError.unknown("side to guard", on, get_args(On))
        if action not in get_args(Action):
            raise UsageError.unknown("action of a guard", action, get_args(Action))
        self.name = name or getattr(function, "__name__", type(function).__name__)
        self.on: On = on
        self.action: Action = action
        self._function = function
        self._make = make
        functools.update_wrapper(self, function)

    def __call__(self, text: str, *, on: On | None = None) -> str:
        """Look at a text.

        Args:
            text: the text.
            on: which side it is of, for the span; by default the one that the guard is for.

        Returns:
            The text, or the one that the guard gives in its place, where its action is to fix.

        Raises:
            GuardrailError: the text does not pass, and the action is to block.
        """
        return self.look(text, on or self.on)

    def look(self, text: str, on: On) -> str:
        """Run the guard on a text of one side, as a span."""
        known = {semconv.GUARDRAIL_NAME: self.name, semconv.GUARDRAIL_ON: on, semconv.GUARDRAIL_ACTION: self.action}
        step = self._make(self.name, known)
        with step.input(text):
            # What the guard calls in its turn is not guarded: it would never end.
            token = otel_context.attach(otel_context.set_value(_ACTIVE, ()))
            try:
                passed, fixed, why = _read(self._function(text), text, is_fixing=self.action == "fix")
            except Exception as error:
                step.set(**{semconv.GUARDRAIL_VERDICT: "failed"})
                if self.action == "block":  # what cannot be looked at does not pass
                    raise GuardrailError.failed(self.name, on, error) from error
                raise
            finally:
                otel_context.detach(token)
            verdict = "pass" if passed else self.action
            step.set(**{semconv.GUARDRAIL_VERDICT: verdict})
            step.output(fixed if verdict == "fix" else why or "")
        if verdict == "block":
            raise GuardrailError.blocked(self.name, on, why)
        if verdict == "warn":
            _warn(f"the guard {self.name!r} found the {on} wanting{f': {why}' if why else ''}")
        return fixed if verdict == "fix" else text

    def __repr__(self) -> str:
        return f"<guard {self.name}: {self.action} {self.on}>"


def _read(said: object, text: str, *, is_fixing: bool) -> tuple[bool, str, str | None]:
    """Read what a guard's function gave: whether the text passes, the text in its place, and why.

    Raises:
        TypeError: it is nothing that a guard may give.
    """
    why: str | None = None
    if isinstance(said, tuple) and len(cast("tuple[Any, ...]", said)) == 2:  # noqa: PLR2004 - what it is, and why
        said, reason = cast("tuple[Any, Any]", said)
        why = None if reason is None else str(reason)
    match said:
        case True:
            return True, text, why
        case False if not is_fixing:
            return False, text, why
        case str() if is_fixing:
            return said == text, said, why
        case _:
            gave = "None" if said is None else f"{type(said).__name__} {said!r:.60}"
            message = f"a guard gave {gave}; expected {_EXPECTED}: return True for a text that passes"
            raise TypeError(message)


class Guarding:
    """Has guards look at the calls that are made in a `with` block, as `nbtrace.guarding` makes it."""

    were_any: ClassVar = False
    """Whether there was one in this process: a call that knows of none need not look further."""

    def __init__(self, guards: Sequence[Guard], silence: Callable[[], Silence | None]) -> None:
        for one in guards:
            if not isinstance(one, Guard):  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
                raise UsageError.kind("the guard", one, "what nbtrace.guard makes of a function")
            if one.action == "fix":
                message = (
                    f"the guard {one.name!r} fixes, and a call is never changed: call it with your text, as in "
                    f"text = {one.name}(text), or make it block or warn"
                )
                raise UsageError(message)
        self._guards = tuple(guards)
        self._silence = silence
        self._tokens: list[Token[Context]] = []

    def __enter__(self) -> Self:
        if (silence := self._silence()) is not None:
            raise silence.refused("guarded")
        Guarding.were_any = True
        before = cast("tuple[Guard, ...]", otel_context.get_value(_ACTIVE) or ())
        self._tokens.append(otel_context.attach(otel_context.set_value(_ACTIVE, (*before, *self._guards))))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        token = self._tokens.pop()
        with ours("capture"):
            leave(token)

    async def __aenter__(self) -> Self:
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self.__exit__(kind, error, tb)

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """Have the guards look at the calls that a function makes.

        Raises:
            UsageError: it is a generator, whose calls are made when the block is over.
        """
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            expected = "a function that is no generator; in one, put `with nbtrace.guarding(...)` around the call"
            raise UsageError.kind("what guards are to look into", function, expected)
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def arun(*args: Any, **kwargs: Any) -> Any:
                with Guarding(self._guards, self._silence):
                    return await function(*args, **kwargs)

            return arun

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            with Guarding(self._guards, self._silence):
                return function(*args, **kwargs)

        return run


_SENT: Final = (semconv.SYSTEM_INSTRUCTIONS, semconv.INPUT_MESSAGES, semconv.INPUT_VALUE)


def _warn(said: str) -> None:
    frame = users_frame()
    known = frame.f_globals.setdefault("__warningregistry__", {})
    warnings.warn_explicit(said, GuardrailWarning, frame.f_code.co_filename, frame.f_lineno, registry=known)


def any_active() -> bool:
    """Say whether there is a guard to ask: what a call without one pays."""
    try:
        return Guarding.were_any and bool(otel_context.get_value(_ACTIVE))
    except Exception as error:  # noqa: BLE001 - as the guard does
        caught("capture", error)
        return False


def before(wire: Wire, body: Body) -> None:
    """Have the guards that are active look at what is to be sent.

    Raises:
        GuardrailError: one of them blocks it.
    """
    guards = _active("input")
    if not guards:
        return
    text: str | None = None
    with ours("capture"):
        sent = messages.loads(messages.written(dict(body)))
        text = said(wire.content(sent, None), _SENT)
    _look(guards, text, "input")


def after(call: Call) -> None:
    """Have the guards that are active look at what has come back.

    Raises:
        GuardrailError: one of them blocks it.
    """
    guards = _active("output")
    if not guards:
        return
    if call.is_over:
        look(call, guards=guards)
    elif call.passed is not None and call.passed.is_parsed:  # a stream, of which the user is yet to read everything
        call.at_end = functools.partial(look, guards=guards)
    else:
        names = ", ".join(one.name for one in guards)
        _warn(f"a body that is read raw is not guarded: call {names} with its text once it is read")


def look(call: Call, *, guards: Sequence[Guard]) -> None:
    """Have guards look at an answer that is there.

    Raises:
        GuardrailError: one of them blocks it.
    """
    text: str | None = None
    with ours("capture"):
        text = said(call(), (semconv.OUTPUT_MESSAGES,))
    _look(guards, text, "output")


def _look(guards: Sequence[Guard], text: str | None, on: On) -> None:
    """Run guards beside a call, which a rule that only warns does not stop by raising."""
    if text is None:
        for one in guards:
            if one.action == "block":  # what cannot be looked at does not pass
                raise GuardrailError.failed(one.name, on, ValueError("it could not be read"))
        _warn(f"the {on} of a call could not be read, and no guard has looked at it")
    if not text:
        return
    # Those that block come first: a warning may be an error where the user has it so.
    for one in sorted(guards, key=lambda one: one.action != "block"):
        try:
            one.look(text, on)
        except (GuardrailError, GuardrailWarning):
            raise
        except Exception as error:  # noqa: BLE001 - a rule of the user's
            _warn(f"the guard {one.name!r} raised {type(error).__name__}: {error}")


def _active(side: On) -> list[Guard]:
    guards = cast("tuple[Guard, ...]", otel_context.get_value(_ACTIVE) or ())
    return [one for one in guards if one.on in (side, "both")]


def said(attributes: Mapping[str, Any], names: Sequence[str]) -> str:
    """Give what was said in messages as text: a paragraph a part, with arguments and results of tools."""
    found: list[str] = []
    for name in names:
        value = attributes.get(name)
        found += _texts(_read_json(value)) if isinstance(value, str) and value else []
    return "\n\n".join(found)


def _read_json(value: str) -> Any:
    """Read messages; a text that is no JSON is one as it stands."""
    with suppress(orjson.JSONDecodeError):
        found = orjson.loads(value)
        if isinstance(found, list | dict):
            return cast("Any", found)
    return {"type": "text", "content": value}


def _texts(value: Any) -> list[str]:
    match value:
        case list():
            return [text for one in cast("list[Any]", value) for text in _texts(one)]
        case {"parts": parts}:
            return _texts(parts)
        case str(text) | {"content": str(text)}:
            return [text]
        case {"type": "tool_call", "arguments": arguments}:
            return [arguments if isinstance(arguments, str) else messages.dumps(arguments)]
        case {"response": response}:
            return [response if isinstance(response, str) else messages.dumps(response)]
        case _:
            return []
