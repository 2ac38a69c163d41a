"""Capture of the SDKs built on one generated client, at the one method through which all their requests pass.

OpenAI's and Anthropic's clients, and those of others, are made by one generator and share a base client. Its `request`
is wrapped on the class, so clients made before and after are both seen, and unwrapped exactly. The wrapper hands the
request to the client unchanged (`usage_chunk` is the one exception, which the user has to ask for) and the result to
the user unchanged; which capture hears of it is decided at the call. Two methods that the base client calls on the way
are wrapped to listen: one takes the response's bytes, one waits for the next attempt. A package that is not imported
yet, or will be imported again, is waited for by a finder on `sys.meta_path`: importing it ourselves would cost the user
most of a second.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from time import time_ns
from types import ModuleType
from typing import Any, Final

from nbtrace._capture import blobs, guardrails, providers, usage_chunk
from nbtrace._capture.call import Call, under_way
from nbtrace._capture.finder import Finder
from nbtrace._capture.guardrails import Guarding
from nbtrace._capture.providers import Server
from nbtrace._capture.request import Request
from nbtrace._capture.sdks import SDKS, Sdk
from nbtrace._capture.spending import Spending
from nbtrace._capture.wire import ASKED_ID, Wire
from nbtrace._capture.wrapping import Wrapping, is_wrapped
from nbtrace._guard import caught, guard
from nbtrace._imports import version
from nbtrace._trace import pressure
from nbtrace._trace.provider import Tracing
from nbtrace.errors import BudgetError, GuardrailError, UnsupportedVersionError

_guarded: Final = guard("capture")
_CLASSES: Final = ("SyncAPIClient", "AsyncAPIClient")
_LEFT_OUT: Final = ("Omit", "NotGiven")
"""Types that stand for a parameter that was not given."""
ASKED_FOR: Final = (BudgetError, GuardrailError, guardrails.GuardrailWarning)
"""The failures that the user has asked for: a guard's warning too, where warnings are errors."""
_SERVERS: Final = 256
"""Clients whose server is remembered; some programs make a client for each call."""

_open: list[ClientCapture] = []
"""Those that capture; the last one has the calls."""


class ClientCapture:
    """Wraps the base client of each known SDK while open.

    Args:
        tracing: where spans are made.
        asks_usage: whether chat streams are asked for their usage, see `usage_chunk`.
        learn: told of the clients' own keys and of the rule that masks them.
        spending: what may stop a call before it is sent.
        replaying: gives what finds the recording that a call is answered from, while there is a replay; it refuses a
            call of which nothing can be told, which is given as None.
    """

    def __init__(
        self,
        tracing: Tracing,
        asks_usage: Callable[[], bool] = lambda: False,
        learn: Callable[[object, str], None] = lambda value, rule: None,
        spending: Spending | None = None,
        replaying: Callable[[], Callable[[Call | None], object] | None] = lambda: None,
    ) -> None:
        self._tracing = tracing
        self._spending = spending
        self._asks_usage = asks_usage
        self._replaying = replaying
        self._learn = learn
        self._wrapping = Wrapping()
        self._finder: Finder | None = None
        self._servers: dict[tuple[str, int], tuple[Any, Server]] = {}
        """By SDK and the identity of a client's URL, which is kept so that no other has its identity."""
        self.enabled = True
        """Whether calls are captured; the wrappers stay in place and pass them through otherwise."""
        self.passed = 0
        """Requests that passed through while not enabled."""
        self._sdks: list[Sdk] = []
        self._unsupported: list[UnsupportedVersionError] = []

    @property
    def problems(self) -> tuple[str, ...]:
        """Why calls of an installed SDK are not captured, a sentence each."""
        lost = [
            f"calls of {sdk.package} run untraced: it was loaded again, or unwrapped by others; %nbtrace on captures it"
            for sdk in self._sdks
            if (module := sys.modules.get(_base_module(sdk))) is not None and not _is_wrapped(module)
        ]
        return (*map(str, self._unsupported), *lost)

    def open(self) -> None:
        """Wrap the clients now, and whenever they are imported; on an open capture, those that it missed."""
        if self not in _open:
            _open.append(self)
            for sdk in SDKS:
                problem = unsupported(sdk)
                if problem is None:
                    self._sdks.append(sdk)
                else:
                    logging.getLogger("nbtrace").warning("%s", problem)
                    self._unsupported.append(problem)
        wraps = {_base_module(sdk): functools.partial(self._wrap, sdk) for sdk in self._sdks}
        for name, wrap in wraps.items():
            module = sys.modules.get(name)
            if module is not None:
                wrap(module)
        if self._finder not in sys.meta_path:
            self._finder = Finder(wraps)
            sys.meta_path.insert(0, self._finder)

    def close(self) -> None:
        """Put back what was there."""
        self.enabled = False
        if self in _open:
            _open.remove(self)
        self._sdks.clear()
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        self._wrapping.restore()

    def _wrap(self, sdk: Sdk, module: ModuleType) -> None:
        with _guarded:
            for name in _CLASSES:
                kind = getattr(module, name)
                is_async = name.startswith("Async")
                replace = functools.partial(self._wrapping.replace, kind)
                replace("request", functools.partial(_arequest if is_async else _request, sdk))
                replace("_process_response", _aprocess if is_async else _process)
                replace("_sleep_for_retry", _asleep if is_async else _sleep)

    def begin(self, sdk: Sdk, client: Any, options: Any) -> tuple[Call | None, Any]:
        """Start the span of a request, if it is one of ours, and give the options that it is to be made with.

        Raises:
            BudgetError: the request would be a call, and a budget is spent.
            GuardrailError: a guard of the user's blocks what it says.
        """
        method, url, body = options.method, options.url, options.json_data
        wire = _wire(sdk, options)
        if wire is None:
            return Request(self._tracing, self._server(sdk, client), method, url), options
        if method == "get":
            body = {**options.params, ASKED_ID: url.rpartition("/")[2]}
        if not isinstance(body, dict):
            return None, options
        replaying = self._replaying()
        if replaying is None and self._spending is not None and self._spending.limits and method == "post":
            self._spending.allow()
        extra = getattr(options, "extra_json", None)
        if extra or sdk.has_gaps:
            # As the client merges them: an `omit` takes a parameter away.
            merged = {**body, **extra} if extra else body
            body = {key: value for key, value in merged.items() if type(value).__name__ not in _LEFT_OUT}
        if options.files:
            with _guarded:
                body = {**body, blobs.FILES: blobs.uploads(options.files)}
        if Guarding.were_any and method == "post" and guardrails.any_active():
            guardrails.before(wire, body)
        call = Call(self._tracing, wire, self._server(sdk, client), body)
        call.replaying = replaying
        if body.get("stream") and url in sdk.usage_optional and self._asks_usage():
            with _guarded:
                asking = usage_chunk.asking(options, body)
                call.hides_usage = asking is not None
                options = asking or options
        return call, options

    def passes(self, sdk: Sdk, options: Any) -> None:
        """Let a request pass of which there is no span.

        Raises:
            ReplayMiss: it is a call, and a replay lets none out.
        """
        replaying, is_call = None, True
        with _guarded:
            if not self.enabled:
                self.passed += 1
            replaying = self._replaying()
            is_call = _wire(sdk, options) is not None
        if replaying is not None and is_call:  # what nobody can tell is one, or a call might go out
            replaying(None)

    def _server(self, sdk: Sdk, client: Any) -> Server:
        url = client._base_url  # noqa: SLF001 - the property imports a module each time it is asked
        known = self._servers.get((sdk.package, id(url)))
        if known is None:
            if len(self._servers) >= _SERVERS:  # threads may have passed it
                self._servers.clear()
            self._learn_from(client)
            provider = providers.of_client(client, sdk.speaks)
            known = url, Server(provider, url.host, url.port, (sdk.package, _installed(sdk.package)))
            self._servers[sdk.package, id(url)] = known
        return known[1]

    def _learn_from(self, client: Any) -> None:
        """Have what a client is known to be secret with masked, wherever it turns up."""
        from nbtrace._trace.redact.names import kind_of

        with _guarded:
            named = {name: value for name, value in dict(client._custom_headers or {}).items() if kind_of(name)}  # noqa: SLF001 - without the defaults
            for value in (getattr(client, "api_key", None), getattr(client, "auth_token", None), *named.values()):
                self._learn(value, "client-key")


def _wire(sdk: Sdk, options: Any) -> Wire | None:
    """Find what a request's endpoint speaks, if it is one of ours."""
    if options.method == "get":
        return sdk.readings.get(f"{options.url.rpartition('/')[0]}/")
    return sdk.wires.get(options.url) if options.method == "post" else None


@functools.cache
def _installed(package: str) -> str:
    """Give a package's version; nothing, where it was copied without saying it."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _base_module(sdk: Sdk) -> str:
    return f"{sdk.module or sdk.package}._base_client"


def _is_wrapped(module: ModuleType) -> bool:
    kinds = (getattr(module, name, None) for name in _CLASSES)
    return all(is_wrapped(kind, "request") for kind in kinds if kind is not None)


def _begin(sdk: Sdk, client: Any, options: Any) -> tuple[Call | None, Any]:
    """Start the span of a request, unless nothing is captured or another wrapper of ours has it already."""
    try:
        outer = under_way()
        if not _open or (outer is not None and outer.options_id == id(options)):
            return None, options
        if _open[-1].enabled:
            call, options = _open[-1].begin(sdk, client, options)
            if call is not None:
                call.options_id = id(options)
                return call, options
    except ASKED_FOR:
        raise
    except Exception as error:  # noqa: BLE001 - as the guard does
        caught("capture", error)
    for capture in _open[-1:]:  # which may have ended meanwhile
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
            call.enter()
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


def _waited(kwargs: dict[str, Any], error: BaseException | None, began_ns: int) -> None:
    with _guarded:
        call = under_way()
        if call is not None:
            call.failed(kwargs.get("response"), error, (began_ns, time_ns()))


def _sleep(original: Callable[..., Any]) -> Callable[..., Any]:
    def sleep_for_retry(self: Any, **kwargs: Any) -> Any:
        began_ns, error = time_ns(), sys.exc_info()[1]
        _waits(kwargs)
        try:
            return original(self, **kwargs)
        finally:
            _waited(kwargs, error, began_ns)

    return sleep_for_retry


def _asleep(original: Callable[..., Any]) -> Callable[..., Any]:
    async def sleep_for_retry(self: Any, **kwargs: Any) -> Any:
        began_ns, error = time_ns(), sys.exc_info()[1]
        _waits(kwargs)
        try:
            return await original(self, **kwargs)
        finally:
            _waited(kwargs, error, began_ns)

    return sleep_for_retry


def unsupported(sdk: Sdk) -> UnsupportedVersionError | None:
    """Say whether the installed version of an SDK is one whose internals are not known."""
    try:
        installed = version(sdk.package)
    except PackageNotFoundError:
        return None
    major = installed.split(".")[0]
    low, high = sdk.majors
    if major.isdigit() and not low <= int(major) < high:
        return UnsupportedVersionError.outside(sdk.package, installed, sdk.supported)
    return None
