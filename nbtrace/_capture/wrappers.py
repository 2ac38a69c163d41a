"""What stands in for methods of the base client: it calls those, and a capture hears of what passes.

`request` is the whole call, as the user makes it. Three that it calls on the way are there to listen: one builds the
HTTP request, one takes the response's bytes, one waits for the next attempt. A wrapper outlives the capture that put
it on where others have wrapped it, so whom to tell is looked up at each call.
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable
from time import time_ns
from types import ModuleType
from typing import Any, Final, Protocol

from nbtrace._capture import guardrails, outgoing
from nbtrace._capture.call import Call, under_way
from nbtrace._capture.guardrails import Guarding
from nbtrace._capture.sdks import Sdk
from nbtrace._capture.wrapping import Wrapping, is_wrapped
from nbtrace._guard import caught, guard
from nbtrace._trace import pressure
from nbtrace.errors import BudgetError, GuardrailError

_guarded: Final = guard("capture")
_CLASSES: Final = ("SyncAPIClient", "AsyncAPIClient")
_BASE: Final = "BaseClient"
ASKED_FOR: Final = (BudgetError, GuardrailError, guardrails.GuardrailWarning)
"""The failures that the user has asked for: a guard's warning too, where warnings are errors."""


class Capturing(Protocol):
    """A capture that is open."""

    enabled: bool
    """Whether calls are captured."""

    def begin(self, sdk: Sdk, client: Any, options: Any) -> tuple[Call | None, Any]:
        """Start the span of a request, if it is one of ours, and give the options that it is to be made with."""
        ...

    def passes(self, sdk: Sdk, options: Any) -> None:
        """Let a request pass of which there is no span."""
        ...


opened: list[Capturing] = []
"""Those that capture; the last one has the calls."""


def put_on(wrapping: Wrapping, sdk: Sdk, module: ModuleType) -> None:
    """Wrap the classes of a base client.

    Args:
        wrapping: what puts back what was there.
        sdk: whose client it is.
        module: where the classes are.
    """
    for name in _CLASSES:
        kind = getattr(module, name)
        is_async = name.startswith("Async")
        replace = functools.partial(wrapping.replace, kind)
        replace("request", functools.partial(_arequest if is_async else _request, sdk))
        replace("_process_response", _aprocess if is_async else _process)
        replace("_sleep_for_retry", _asleep if is_async else _sleep)
    if base := getattr(module, _BASE, None):
        wrapping.replace(base, "_build_request", _build)


def are_on(module: ModuleType) -> bool:
    """Whether all calls of a base client pass a wrapper of ours."""
    kinds = (getattr(module, name, None) for name in _CLASSES)
    return all(is_wrapped(kind, "request") for kind in kinds if kind is not None)


def _begin(sdk: Sdk, client: Any, options: Any) -> tuple[Call | None, Any]:
    """Start the span of a request, unless nothing is captured or another wrapper of ours has it already."""
    try:
        outer = under_way()
        if not opened or (outer is not None and outer.options_id == id(options)):
            return None, options
        if outer is not None:
            outer.tell()  # or what is below it would be known before it
        if opened[-1].enabled:
            call, options = opened[-1].begin(sdk, client, options)
            if call is not None:
                call.options_id = id(options)
                return call, options
    except ASKED_FOR:
        raise
    except Exception as error:  # noqa: BLE001 - as the guard does
        caught("capture", error)
    for capture in opened[-1:]:  # which may have ended meanwhile
        capture.passes(sdk, options)
    return None, options


def _request(sdk: Sdk, original: Callable[..., Any]) -> Callable[..., Any]:
    def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call, options = _begin(sdk, self, options)
        if call is None:
            return original(self, cast_to, options, **kwargs)
        try:
            call.enter()
            if call.replaying is not None:
                call.recorded = call.replaying(call)
            response = original(self, cast_to, options, **kwargs)
            call.returned(response)
        except BaseException as error:
            call.raised(error)
            raise
        if Guarding.were_any and guardrails.any_active():
            guardrails.after(call)
        return response

    return request


def _arequest(sdk: Sdk, original: Callable[..., Any]) -> Callable[..., Any]:
    async def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call, options = _begin(sdk, self, options)
        if call is None:
            return await original(self, cast_to, options, **kwargs)
        try:
            call.enter(is_async=True)
            if call.replaying is not None:
                call.recorded = call.replaying(call)
            response = await original(self, cast_to, options, **kwargs)
            call.returned(response)
        except BaseException as error:
            call.raised(error)
            raise
        if Guarding.were_any and guardrails.any_active():
            guardrails.after(call)
        return response

    return request


def _build(original: Callable[..., Any]) -> Callable[..., Any]:
    def build_request(self: Any, *args: Any, **kwargs: Any) -> Any:
        request = original(self, *args, **kwargs)
        try:
            call = under_way()
            if call is not None and call.listens:
                outgoing.listen(request, call)
        except Exception as error:  # noqa: BLE001 - as the guard does
            caught("capture", error)
        return request

    return build_request


def _responded(kwargs: dict[str, Any]) -> None:
    try:
        call = under_way()
        if call is not None:
            call.responded(kwargs["response"], kwargs.get("retries_taken", 0))
    except Exception as error:  # noqa: BLE001 - as the guard does
        caught("capture", error)


def _process(original: Callable[..., Any]) -> Callable[..., Any]:
    def process_response(self: Any, **kwargs: Any) -> Any:
        _responded(kwargs)
        return original(self, **kwargs)

    return process_response


def _aprocess(original: Callable[..., Any]) -> Callable[..., Any]:
    async def process_response(self: Any, **kwargs: Any) -> Any:
        _responded(kwargs)
        return await original(self, **kwargs)

    return process_response


def _waits(kwargs: dict[str, Any]) -> None:
    with _guarded:
        pressure.tell(kwargs.get("response"))


def _waited(kwargs: dict[str, Any], error: BaseException | None, began_ns: int, *, is_followed: bool) -> None:
    with _guarded:
        call = under_way()
        if call is not None:
            call.tell()
            call.failed(kwargs.get("response"), error, (began_ns, time_ns()), is_followed=is_followed)


def _sleep(original: Callable[..., Any]) -> Callable[..., Any]:
    def sleep_for_retry(self: Any, **kwargs: Any) -> Any:
        began_ns, error = time_ns(), sys.exc_info()[1]
        _waits(kwargs)
        is_followed = False
        try:
            slept = original(self, **kwargs)
            is_followed = True
        finally:
            _waited(kwargs, error, began_ns, is_followed=is_followed)
        return slept

    return sleep_for_retry


def _asleep(original: Callable[..., Any]) -> Callable[..., Any]:
    async def sleep_for_retry(self: Any, **kwargs: Any) -> Any:
        began_ns, error = time_ns(), sys.exc_info()[1]
        _waits(kwargs)
        is_followed = False
        try:
            slept = await original(self, **kwargs)
            is_followed = True
        finally:
            _waited(kwargs, error, began_ns, is_followed=is_followed)
        return slept

    return sleep_for_retry
