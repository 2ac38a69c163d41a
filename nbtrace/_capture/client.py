"""Capture of the SDKs built on one generated client, at the one method through which all their requests pass.

OpenAI's and Anthropic's clients, and those of others, are made by one generator and share a base client. Its `request`
is wrapped on the class, so clients made before and after are both seen, and unwrapped exactly. The wrapper hands the
request to the client unchanged (`usage_chunk` is the one exception, which the user has to ask for) and the result to
the user unchanged. Two methods that the base client calls on the way are wrapped to listen: one takes the response's
bytes, one waits for the next attempt. A package that is not imported yet is waited for by a finder on `sys.meta_path`:
importing it ourselves would cost the user most of a second.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from time import time_ns
from types import ModuleType
from typing import Any, Final

from nbtrace._capture import blobs, usage_chunk
from nbtrace._capture.call import Call, Server, under_way
from nbtrace._capture.finder import Finder
from nbtrace._capture.request import Request
from nbtrace._capture.sdks import SDKS, Sdk
from nbtrace._capture.wire import ASKED_ID
from nbtrace._guard import guard
from nbtrace._trace.provider import Tracing
from nbtrace.errors import UnsupportedVersionError

_guarded: Final = guard("capture")
_CLASSES: Final = ("SyncAPIClient", "AsyncAPIClient")
_LEFT_OUT: Final = ("Omit", "NotGiven")
"""Types that stand for a parameter that was not given."""
_SERVERS: Final = 256
"""Clients whose server is remembered; some programs make a client for each call."""


class ClientCapture:
    """Wraps the base client of each known SDK while open.

    Args:
        tracing: where spans are made.
        asks_usage: whether chat streams are asked for their usage, see `usage_chunk`.
    """

    def __init__(self, tracing: Tracing, asks_usage: Callable[[], bool] = lambda: False) -> None:
        self._tracing = tracing
        self._asks_usage = asks_usage
        self._finders: list[Finder] = []
        self._unwrap: list[Callable[[], None]] = []
        self._servers: dict[tuple[str, int], tuple[Any, Server]] = {}
        """By SDK and the identity of a client's URL, which is kept so that no other has its identity."""
        self.enabled = True
        """Whether calls are captured; the wrappers stay in place and pass them through otherwise."""
        self.problems: list[UnsupportedVersionError] = []
        """Why calls of an installed SDK are not captured."""

    def open(self) -> None:
        """Wrap the clients now, or as soon as they are imported."""
        for sdk in SDKS:
            problem = unsupported(sdk)
            if problem is not None:
                logging.getLogger("nbtrace").warning("%s", problem)
                self.problems.append(problem)
                continue
            name = f"{sdk.module or sdk.package}._base_client"
            wrap = functools.partial(self._wrap, sdk)
            module = sys.modules.get(name)
            if module is not None:
                wrap(module)
            else:
                finder = Finder(name, wrap)
                self._finders.append(finder)
                sys.meta_path.insert(0, finder)

    def close(self) -> None:
        """Put back what was there."""
        self.enabled = False
        for finder in self._finders:
            if finder in sys.meta_path:
                sys.meta_path.remove(finder)
        while self._unwrap:
            self._unwrap.pop()()

    def _wrap(self, sdk: Sdk, module: ModuleType) -> None:
        with _guarded:
            for name in _CLASSES:
                kind = getattr(module, name)
                is_async = name.startswith("Async")
                self._replace(kind, "request", functools.partial(_arequest if is_async else _request, self, sdk))
                self._replace(kind, "_process_response", _aprocess if is_async else _process)
                self._replace(kind, "_sleep_for_retry", _asleep if is_async else _sleep)

    def _replace(self, kind: Any, name: str, wrap: Callable[[Callable[..., Any]], Callable[..., Any]]) -> None:
        original = kind.__dict__.get(name)
        if original is None:  # an older client, which does without
            return
        wrapper = functools.wraps(original)(wrap(original))
        setattr(kind, name, wrapper)

        def restore() -> None:
            # Somebody who wrapped our wrapper keeps it; it passes calls through once capture is closed.
            if kind.__dict__.get(name) is wrapper:
                setattr(kind, name, original)

        self._unwrap.append(restore)

    def begin(self, sdk: Sdk, client: Any, options: Any) -> tuple[Call | None, Any]:
        """Start the span of a request, if it is one of ours, and give the options that it is to be made with."""
        if not self.enabled:
            return None, options
        method, url, body = options.method, options.url, options.json_data
        wire = sdk.wires.get(url) if method == "post" else None
        if method == "get":
            path, _, identifier = url.rpartition("/")
            wire, body = sdk.readings.get(f"{path}/"), {**options.params, ASKED_ID: identifier}
        if wire is None:
            return Request(self._tracing, self._server(sdk, client), method, url), options
        if not isinstance(body, dict):
            return None, options
        extra = getattr(options, "extra_json", None)
        if extra or sdk.has_gaps:
            # As the client merges them: an `omit` takes a parameter away.
            merged = {**body, **extra} if extra else body
            body = {key: value for key, value in merged.items() if type(value).__name__ not in _LEFT_OUT}
        if options.files:
            with _guarded:
                body = {**body, blobs.FILES: blobs.uploads(options.files)}
        call = Call(self._tracing, wire, self._server(sdk, client), body)
        if url in sdk.usage_optional and self._asks_usage():
            with _guarded:
                asking = usage_chunk.asking(options, body)
                call.hides_usage = asking is not None
                options = asking or options
        return call, options

    def _server(self, sdk: Sdk, client: Any) -> Server:
        url = client._base_url  # noqa: SLF001 - the property imports a module each time it is asked
        known = self._servers.get((sdk.package, id(url)))
        if known is None:
            if len(self._servers) == _SERVERS:
                self._servers.clear()
            known = url, Server(sdk.provider(url.host), url.host, url.port)
            self._servers[sdk.package, id(url)] = known
        return known[1]


def _request(capture: ClientCapture, sdk: Sdk, original: Callable[..., Any]) -> Callable[..., Any]:
    def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call = None
        with _guarded:
            call, options = capture.begin(sdk, self, options)
        if call is None:
            return original(self, cast_to, options, **kwargs)
        with call:
            response = original(self, cast_to, options, **kwargs)
        with _guarded:
            call.returned(response)
        return response

    return request


def _arequest(capture: ClientCapture, sdk: Sdk, original: Callable[..., Any]) -> Callable[..., Any]:
    async def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call = None
        with _guarded:
            call, options = capture.begin(sdk, self, options)
        if call is None:
            return await original(self, cast_to, options, **kwargs)
        with call:
            response = await original(self, cast_to, options, **kwargs)
        with _guarded:
            call.returned(response)
        return response

    return request


def _responded(kwargs: dict[str, Any]) -> None:
    with _guarded:
        call = under_way()
        if call is not None:
            call.responded(kwargs["response"], kwargs.get("retries_taken", 0))


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


def _waited(kwargs: dict[str, Any], error: BaseException | None, began_ns: int) -> None:
    with _guarded:
        call = under_way()
        if call is not None:
            call.failed(kwargs.get("response"), error, (began_ns, time_ns()))


def _sleep(original: Callable[..., Any]) -> Callable[..., Any]:
    def sleep_for_retry(self: Any, **kwargs: Any) -> Any:
        began_ns, error = time_ns(), sys.exc_info()[1]
        try:
            return original(self, **kwargs)
        finally:
            _waited(kwargs, error, began_ns)

    return sleep_for_retry


def _asleep(original: Callable[..., Any]) -> Callable[..., Any]:
    async def sleep_for_retry(self: Any, **kwargs: Any) -> Any:
        began_ns, error = time_ns(), sys.exc_info()[1]
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
