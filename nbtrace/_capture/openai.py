"""Capture of the OpenAI client, at the one method through which all its requests pass.

`SyncAPIClient.request` and `AsyncAPIClient.request` are wrapped on the class, so clients made before and after are both
seen, and unwrapped exactly. The wrapper hands the request to the client unchanged and the result to the user unchanged.
If openai is not imported yet, a finder on `sys.meta_path` waits for it: importing it ourselves would cost the user most
of a second.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Any, Final

from nbtrace._capture.call import Call
from nbtrace._guard import guard
from nbtrace._trace.provider import Tracing
from nbtrace.errors import UnsupportedVersionError

_MODULE: Final = "openai._base_client"
SUPPORTED: Final = ">=2,<4"
_PATHS: Final = frozenset({"/chat/completions"})

_PROVIDERS: Final = (
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("api.mistral.ai", "mistral_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("api.cohere.com", "cohere"),
)
"""End of the server's host to `gen_ai.provider.name`. Any other server speaks OpenAI's API: `openai`."""


class OpenAICapture:
    """Wraps the client's request methods while open."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._finder: _Finder | None = None
        self._unwrap: list[Callable[[], None]] = []
        self.enabled = True
        """Whether calls are captured; the wrappers stay in place and pass them through otherwise."""
        self.problem: UnsupportedVersionError | None = None
        """Why calls of the installed openai are not captured."""

    def open(self) -> None:
        """Wrap the client now, or as soon as it is imported."""
        self.problem = _unsupported()
        if self.problem is not None:
            return
        module = sys.modules.get(_MODULE)
        if module is not None:
            self._wrap(module)
        else:
            self._finder = _Finder(self._wrap)
            sys.meta_path.insert(0, self._finder)

    def close(self) -> None:
        """Put back what was there."""
        self.enabled = False
        if self._finder is not None and self._finder in sys.meta_path:
            sys.meta_path.remove(self._finder)
        while self._unwrap:
            self._unwrap.pop()()

    def _wrap(self, module: ModuleType) -> None:
        with guard("capture"):
            for name, wrap in (("SyncAPIClient", _sync), ("AsyncAPIClient", _async)):
                kind = getattr(module, name)
                original = kind.__dict__["request"]
                wrapper = wrap(self, original)
                kind.request = wrapper
                self._unwrap.append(functools.partial(_restore, kind, wrapper, original))

    def begin(self, client: Any, options: Any) -> Call | None:
        """Start the span of a request; None if it is none of ours."""
        if not self.enabled or options.url not in _PATHS:
            return None
        body = options.json_data
        if not isinstance(body, dict):
            return None
        extra = getattr(options, "extra_json", None)
        if extra:
            # As the client merges them: an `omit` takes a parameter away.
            body = {key: value for key, value in {**body, **extra}.items() if type(value).__name__ != "Omit"}
        url = client.base_url
        host = url.host
        provider = next((provider for end, provider in _PROVIDERS if host.endswith(end)), "openai")
        return Call(self._tracing, provider, host, url.port, body)


def _sync(capture: OpenAICapture, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call = None
        with guard("capture"):
            call = capture.begin(self, options)
        if call is None:
            return original(self, cast_to, options, **kwargs)
        with call:
            response = original(self, cast_to, options, **kwargs)
        with guard("capture"):
            call.returned(response)
        return response

    return request


def _async(capture: OpenAICapture, original: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(original)
    async def request(self: Any, cast_to: Any, options: Any, **kwargs: Any) -> Any:
        call = None
        with guard("capture"):
            call = capture.begin(self, options)
        if call is None:
            return await original(self, cast_to, options, **kwargs)
        with call:
            response = await original(self, cast_to, options, **kwargs)
        with guard("capture"):
            call.returned(response)
        return response

    return request


def _restore(kind: Any, wrapper: Callable[..., Any], original: Callable[..., Any]) -> None:
    # Somebody who wrapped our wrapper keeps it; it passes calls through once capture is closed.
    if kind.__dict__.get("request") is wrapper:
        kind.request = original


def _unsupported() -> UnsupportedVersionError | None:
    try:
        installed = version("openai")
    except PackageNotFoundError:
        return None
    major = installed.split(".")[0]
    if major.isdigit() and not 2 <= int(major) < 4:  # noqa: PLR2004 - SUPPORTED, as numbers
        problem = UnsupportedVersionError.outside("openai", installed, SUPPORTED)
        logging.getLogger("nbtrace").warning("%s", problem)
        return problem
    return None


class _Finder(importlib.abc.MetaPathFinder):
    """Calls back when openai's client module has been imported by somebody else."""

    def __init__(self, imported: Callable[[ModuleType], None]) -> None:
        self._imported = imported
        self._looking = False

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        if fullname != _MODULE or self._looking:
            return None
        self._looking = True
        try:
            spec = importlib.util.find_spec(fullname)
        finally:
            self._looking = False
        if spec is not None and spec.loader is not None:
            loader, execute = spec.loader, spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                vars(loader).pop("exec_module", None)
                execute(module)
                if self in sys.meta_path:
                    sys.meta_path.remove(self)
                    self._imported(module)

            loader.exec_module = exec_module
        return spec
