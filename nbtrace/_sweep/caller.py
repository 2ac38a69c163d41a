"""Who makes the calls of a sweep: a client that speaks as OpenAI's or Anthropic's do, or a function of the user's.

A client gets the rendered prompt as messages; a function gets it as it is, and of model, variables and options what its
signature takes.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._sweep.plan import Task

ANTHROPIC_TOKENS: Final = 1024
"""Longest answer where the user says nothing: Anthropic's API wants a number."""
_EXPECTED: Final = (
    "a client such as OpenAI() or Anthropic(), sync or async, or a function f(prompt, model=..., **variables)"
)


@dataclass(frozen=True)
class Caller:
    """Makes the call of a task."""

    make: Callable[[Task], Any]
    """Gives the answer, or what is to be awaited for it."""
    name: str
    """By which it is known."""
    is_async: bool
    server: str | None = None
    """Whom a client calls."""
    keeps_output: bool = False
    """Whether what it returns is kept: a function's is, an answer of a client is on its span."""
    close: Callable[[], Any] | None = None
    """Closes what was opened for the sweep, in its event loop."""


def caller_of(call: object) -> Caller:
    """Tell what will make the calls.

    Raises:
        UsageError: it is neither a client nor a function.
    """
    given: Any = call
    speaks = _speaks(given)
    if speaks is not None:
        kind = type(given)
        is_async = any(one.__name__ == "AsyncAPIClient" for one in kind.__mro__) or kind.__name__.startswith("Async")
        url = getattr(given, "base_url", None)
        client = own_connections(given, "call", ", or a function") if is_async else given
        return Caller(
            lambda task: speaks(client, task),
            f"{kind.__module__}.{kind.__qualname__} {url}",
            is_async,
            server=getattr(url, "host", None),
            close=client.close if is_async else None,
        )
    if not callable(call):
        raise UsageError.kind("call", call, _EXPECTED)
    is_async = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(getattr(call, "__call__", None))  # noqa: B004 - of an object that is called
    name = f"{getattr(call, '__module__', '')}.{getattr(call, '__qualname__', type(call).__qualname__)}"
    takes = _takes(call)
    return Caller(lambda task: given(task.rendered(), **_chosen(task, takes)), name, is_async, keeps_output=True)


def _speaks(client: Any) -> Callable[[Any, Task], Any] | None:
    if isinstance(client, type) or inspect.isroutine(client):
        return None
    if hasattr(getattr(getattr(client, "chat", None), "completions", None), "create"):
        return _openai
    return _anthropic if hasattr(getattr(client, "messages", None), "create") else None


def _openai(client: Any, task: Task) -> Any:
    return client.chat.completions.create(model=task.model, messages=_messages(task), **task.options)


def _anthropic(client: Any, task: Task) -> Any:
    messages = _messages(task)
    system = [one["content"] for one in messages if one.get("role") in ("system", "developer")]
    said = [one for one in messages if one.get("role") not in ("system", "developer")]
    more: dict[str, Any] = {"max_tokens": ANTHROPIC_TOKENS, **task.options}
    if system:
        more.setdefault("system", system[0] if len(system) == 1 else "\n\n".join(map(str, system)))
    return client.messages.create(model=task.model, messages=said, **more)


def _messages(task: Task) -> list[Any]:
    made = task.rendered()
    return [{"role": "user", "content": made}] if isinstance(made, str) else list(made)


def own_connections(client: Any, name: str, otherwise: str = "") -> Any:
    """Give an async client connections of its own.

    Those that it has open are of the caller's event loop, which waits for the calls: to use one of them would be to
    wait for each other.

    Args:
        client: the client.
        name: the argument that it came as.
        otherwise: what else would do.

    Raises:
        UsageError: its HTTP client is the user's own.
    """
    import sys

    package = sys.modules[type(client).__module__.split(".")[0]]
    fresh = getattr(package, "DefaultAsyncHttpxClient", None)
    made = type(getattr(client, "_client", None)).__name__ == "AsyncHttpxClientWrapper"
    if fresh is None or not made:
        raise UsageError.kind(name, client, f"an async client without an http_client of its own{otherwise}")
    return client.copy(http_client=fresh())


def _takes(function: Any) -> frozenset[str] | None:
    """Name the keywords that a function takes; none if it takes all."""
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return None
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    named = [one.name for one in parameters if one.kind in (one.POSITIONAL_OR_KEYWORD, one.KEYWORD_ONLY)]
    first = next(iter(parameters), None)
    is_positional = first is not None and first.kind is not first.KEYWORD_ONLY
    return frozenset(named[1:] if is_positional and named and cast("Any", first).name == named[0] else named)


def _chosen(task: Task, takes: frozenset[str] | None) -> dict[str, Any]:
    model: Mapping[str, Any] = {} if task.model is None else {"model": task.model}
    given = {**task.given, **task.options, **model}
    return given if takes is None else {name: value for name, value in given.items() if name in takes}
