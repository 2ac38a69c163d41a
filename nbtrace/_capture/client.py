"""Capture of the SDKs built on one generated client, at the one method through which all their requests pass.

OpenAI's and Anthropic's clients, and those of others, are made by one generator and share a base client. Its `request`
is wrapped on the class, so clients made before and after are both seen, and unwrapped exactly. The wrapper hands the
request to the client unchanged (`usage_chunk` is the one exception, which the user has to ask for) and the result to
the user unchanged (`wrappers`); which capture hears of it is decided at the call. A package that is not imported yet,
or will be imported again, is waited for by a finder on `sys.meta_path`: importing it ourselves would cost the user most
of a second.
"""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError
from types import ModuleType
from typing import Any, Final, Protocol

from nbtrace._capture import blobs, guardrails, providers, usage_chunk, wrappers
from nbtrace._capture.call import Call
from nbtrace._capture.finder import Finder
from nbtrace._capture.guardrails import Guarding
from nbtrace._capture.providers import Server
from nbtrace._capture.request import Request
from nbtrace._capture.sdks import SDKS, Sdk
from nbtrace._capture.spending import Spending
from nbtrace._capture.wire import ASKED_ID, Wire
from nbtrace._capture.wrapping import Wrapping
from nbtrace._guard import guard
from nbtrace._imports import version
from nbtrace._trace.provider import Tracing
from nbtrace.errors import UnsupportedVersionError

_guarded: Final = guard("capture")
_LEFT_OUT: Final = ("Omit", "NotGiven")
"""Types that stand for a parameter that was not given."""
_SERVERS: Final = 256
"""Clients whose server is remembered; some programs make a client for each call."""


class Replays(Protocol):
    """What says whether calls are answered from recordings."""

    replaying: Callable[[Call | None], object] | None
    """Finds the recording that a call is answered from, while there is a replay, and refuses a call of which nothing
    can be told, which is given as None."""


class ClientCapture:
    """Wraps the base client of each known SDK while open.

    Args:
        tracing: where spans are made.
        asks_usage: whether chat streams are asked for their usage, see `usage_chunk`.
        learn: told of the clients' own keys and of the rule that masks them.
        spending: what may stop a call before it is sent.
        replays: says whether calls are answered from recordings.
    """

    def __init__(
        self,
        tracing: Tracing,
        asks_usage: Callable[[], bool] = lambda: False,
        learn: Callable[[object, str], None] = lambda value, rule: None,
        spending: Spending | None = None,
        replays: Replays | None = None,
    ) -> None:
        self._tracing = tracing
        self._spending = spending
        self._asks_usage = asks_usage
        self._replays = replays
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
            if (module := sys.modules.get(_base_module(sdk))) is not None and not wrappers.are_on(module)
        ]
        return (*map(str, self._unsupported), *lost)

    def open(self) -> None:
        """Wrap the clients now, and whenever they are imported; on an open capture, those that it missed."""
        if self not in wrappers.opened:
            wrappers.opened.append(self)
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
        if self in wrappers.opened:
            wrappers.opened.remove(self)
        self._sdks.clear()
        if self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        self._wrapping.restore()

    def _wrap(self, sdk: Sdk, module: ModuleType) -> None:
        with _guarded:
            wrappers.put_on(self._wrapping, sdk, module)

    def begin(self, sdk: Sdk, client: Any, options: Any) -> tuple[Call | None, Any]:
        """Start the span of a request, if it is one of ours, and give the options that it is to be made with.

        Raises:
            BudgetError: the request would be a call, and a budget is spent.
            GuardrailError: a guard of the user's blocks what it says.
        """
        method, url, body = options.method, options.url, options.json_data
        wire = sdk.wires.get(url) if method == "post" else _wire(sdk, options)
        if wire is None:
            return Request(self._tracing, self._server(sdk, client), method, url), options
        if method == "get":
            body = {**options.params, ASKED_ID: url.rpartition("/")[2]}
        if not isinstance(body, dict):
            return None, options
        replaying = self._replays.replaying if self._replays is not None else None
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
            replaying = self._replays.replaying if self._replays is not None else None
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
