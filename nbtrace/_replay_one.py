"""One recorded call made again, by the user's own client, and both side by side."""

from __future__ import annotations

import inspect
import logging
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._api import default
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from nbtrace._query.comparison import Comparison
    from nbtrace._replay.recording import Recording
    from nbtrace._session import Session
    from nbtrace._store.snapshot import Snapshot
    from nbtrace._widgets.compare import CompareWidget

Messages = Sequence[Mapping[str, Any]]

_METHODS: Final = {"chat": "chat.completions.create", "messages": "messages.create", "responses": "responses.create"}
"""Where in a client the call of an endpoint is."""
_CLIENT: Final = (
    "a client such as OpenAI() for chat completions and responses and Anthropic() for messages, sync or async"
)

_logger: Final = logging.getLogger("nbtrace")


def replay_span(
    span: object,
    client: Any = None,
    *,
    model: str | None = None,
    temperature: float | None = None,
    messages: Messages | Callable[[list[dict[str, Any]]], Messages] | None = None,
    **options: Any,
) -> CompareWidget:
    """Make a recorded call again, with what is to be different, and compare the two.

    The call goes to its server and is paid for, unless a replay is on; it is never a stream. Where a secret in its
    messages was masked, the mask is what is sent.

    Args:
        span: a span as `nbtrace.spans()[i]` or `nbtrace.open(...)` gives it, or the id of one of the session.
        client: who makes it: a client such as `OpenAI()`, `AsyncOpenAI()` or `Anthropic()`, of the kind that had made
            it; by default the one client of that kind that the notebook has in a variable.
        model: another model.
        temperature: another temperature.
        messages: other messages, or a function that gets those that there were and gives others; for the Responses API
            these are the items of `input`.
        **options: other arguments of the client's `create`; `None` takes one away.

    Returns:
        A widget as of `nbtrace.compare`, with the recorded call and the new one as columns.

    Raises:
        NotFoundError: there is no such span, or it is no LLM call.
        UsageError: the request is not kept whole, or it is not clear which client is to make it.

    Examples:
        >>> import nbtrace
        >>> nbtrace.replay_span("0123456789abcdef", temperature=0)
        Traceback (most recent call last):
        ...
        nbtrace.errors.NotFoundError: no span begins with '0123456789abcdef'; there are 0
    """
    return _again(default(), span, client, {"model": model, "temperature": temperature, **options}, messages)


def _again(session: Session, span: object, client: Any, changes: dict[str, Any], messages: Any) -> CompareWidget:
    from nbtrace._replay.answer import NotKeptError
    from nbtrace._replay.request import request_of

    before = _snapshot(session, span)
    recording = _recording(before)
    try:
        request = request_of(recording.attributes, recording.endpoint)
    except NotKeptError as reason:
        message = f"this call cannot be made again: {reason}"
        raise UsageError(message) from None
    if messages is not None:
        name = "input" if recording.endpoint == "responses" else "messages"
        given: Any = messages(request[name]) if callable(messages) else messages
        request[name] = list(given)
    kept = {"model", "temperature"}
    changed = {name: value for name, value in changes.items() if value is not None or name not in kept}
    request = {name: value for name, value in {**request, **changed}.items() if value is not None}
    if recording.masks:
        _logger.warning("the recorded request has %d masks, which are sent as they are", recording.masks)
    session.start()
    answer = _create(client or _client(recording.endpoint), recording.endpoint, request)
    return _widget(session, before, _snapshot(session, session.of(answer)))


def _snapshot(session: Session, span: object) -> Snapshot:
    """Give the span alone, wherever it is from."""
    from nbtrace._query.row import Span
    from nbtrace._query.select import find_span

    source = span.source if isinstance(span, Span) else None
    snapshot = session.snapshot() if source is None else source
    row = find_span(snapshot, span)
    if row is None:
        raise UsageError.kind("span", span, "a span as nbtrace.spans()[i] gives it, or its id")
    return snapshot.slice(row, 1)


def _recording(snapshot: Snapshot) -> Recording:
    from nbtrace._replay.recording import recordings

    found = next(recordings(snapshot), None)
    if found is None:
        message = f"{snapshot['name'][0].as_py()!r} is no LLM call; nbtrace.spans(kind='llm') lists those"
        raise NotFoundError(message)
    return found


def _create(client: Any, endpoint: str, request: dict[str, Any]) -> Any:
    create = _method(client, endpoint)
    if create is None:
        raise UsageError.kind("client", client, _CLIENT)
    known = set(inspect.signature(create).parameters)
    given = {name: value for name, value in request.items() if name in known}
    rest = {name: value for name, value in request.items() if name not in known}
    more = {"extra_body": rest} if rest else {}
    if not inspect.iscoroutinefunction(inspect.unwrap(create)):
        return create(**given, **more)

    import asyncio
    from concurrent.futures import ThreadPoolExecutor
    from contextvars import copy_context

    from nbtrace._sweep.caller import own_connections

    own = own_connections(client, "client")

    async def ask() -> Any:
        try:
            return await _method(own, endpoint)(**given, **more)
        finally:
            await own.close()

    # The notebook's event loop runs already, and waits for this.
    with ThreadPoolExecutor(1, "nbtrace-replay") as thread:
        return thread.submit(copy_context().run, asyncio.run, ask()).result()


def _method(client: Any, endpoint: str) -> Any:
    try:
        return attrgetter(_METHODS[endpoint])(client)
    except AttributeError:
        return None


def _client(endpoint: str) -> Any:
    """Find the one client in the notebook's variables that can make the call; an async one where there is no other."""
    found = _clients("SyncAPIClient", endpoint) or _clients("AsyncAPIClient", endpoint)
    if len(found) == 1:
        return next(iter(found.values()))[1]
    several = (
        f"these variables would do: {', '.join(name for name, _ in found.values())}" if found else "no variable has one"
    )
    message = f"say who makes the call, as in nbtrace.replay_span(span, client); {several}"
    raise UsageError(message)


def _clients(base: str, endpoint: str) -> dict[int, tuple[str, Any]]:
    found: dict[int, tuple[str, Any]] = {}
    for name, value in _variables().items():
        if name.startswith("_") or isinstance(value, type):
            continue
        if any(kind.__name__ == base for kind in type(value).__mro__) and _method(value, endpoint) is not None:
            found.setdefault(id(value), (name, value))
    return found


def _variables() -> dict[str, Any]:
    """Give the notebook's variables; none where there is no notebook."""
    shell = sys.modules.get("IPython")
    running: Any = shell and cast("Any", shell).get_ipython()
    return dict(running.user_ns) if running else {}


def _widget(session: Session, before: Snapshot, after: Snapshot) -> CompareWidget:
    import pyarrow as pa

    from nbtrace._query.comparison import Comparing
    from nbtrace._store.snapshot import Snapshot
    from nbtrace._widgets.compare import CompareWidget

    both = Snapshot.of(pa.concat_tables([before.table(), after.table()]))
    comparing = Comparing(lambda: both, _compared)
    return CompareWidget(comparing, session.by_hand(), lambda: both, session.subscribe)


def _compared(calls: Snapshot) -> Comparison:
    """Put the two calls side by side, as the columns of one row."""
    from nbtrace._query.comparison import COLUMNS, Comparison, run_of, scores_of
    from nbtrace._query.preview import first_line, spoken
    from nbtrace._store.attributes import plain_column

    rows, scores = calls.select([*COLUMNS, "input_messages"]).to_pylist(), scores_of(calls)
    asked = spoken(rows[0]["input_messages"])
    question = (("asked", first_line(asked[-1]) if asked else ""),)
    runs = [
        replace(
            run_of({**row, "prompt_name": "call", "prompt_version": version}, attributes, scores),
            variables=question,
            template="\n".join(spoken(row["input_messages"])),
        )
        for row, attributes, version in zip(rows, plain_column(calls["attributes"]), ("recorded", "again"), strict=True)
    ]
    return Comparison(runs)
