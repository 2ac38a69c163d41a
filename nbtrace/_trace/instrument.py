"""GenAI instrumentors that are installed, activated on request so that their spans reach the sink.

An instrumentor needs a tracer provider of the SDK. The user's is taken if there is one; otherwise a private one is
made, which is handed over and never set globally. What was active before is left alone, also in the end.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points, version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry import trace

from nbtrace._guard import guard
from nbtrace._trace.origin import resource
from nbtrace._trace.sink import SpanSink
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider

    from nbtrace._trace.processor import SinkProcessor

GROUP: Final = "opentelemetry_instrumentor"

PREFIXES: Final = ("opentelemetry-instrumentation-genai-", "openinference-instrumentation-")
"""How the distributions are named that instrument GenAI libraries and nothing else."""

CONVENTIONS: Final = frozenset(
    ("openinference-instrumentation", "opentelemetry-semantic-conventions-ai", "opentelemetry-util-genai")
)
"""What those need whose names do not tell: the conventions for GenAI of OpenInference, Traceloop, OpenTelemetry."""


class Installed(NamedTuple):
    """A GenAI instrumentor that is installed."""

    name: str
    """The distribution's."""
    version: str
    entry_point: EntryPoint


def installed() -> list[Installed]:
    """Find the GenAI instrumentors of this environment, by name."""
    found: dict[str, Installed] = {}
    for entry in entry_points(group=GROUP):
        if entry.dist is not None:  # pragma: no branch - for the type checker: one that was found has one
            name = _normal(entry.dist.name)
            if name.startswith(PREFIXES) or not CONVENTIONS.isdisjoint(map(_normal, entry.dist.requires or [])):
                found.setdefault(name, Installed(name, entry.dist.version, entry))
    return [found[name] for name in sorted(found)]


def _normal(requirement: str) -> str:
    """Give the name of a distribution, also one that is required, as they are compared."""
    return re.sub(r"[-_.]+", "-", re.split(r"[^\w.-]", requirement, maxsplit=1)[0]).lower()


class Instrumentors:
    """Activates instrumentors, and on `close` deactivates those it activated.

    Args:
        sink: who is told of their spans, where the user has no tracer provider.
        expecting: called before there are any.
    """

    def __init__(self, sink: SpanSink, expecting: Callable[[], None]) -> None:
        self._sink = sink
        self._expecting = expecting
        self._active: dict[str, Any] = {}
        self._private: tuple[TracerProvider, SinkProcessor] | None = None

    @property
    def active(self) -> tuple[str, ...]:
        """The names of those that were activated here."""
        return tuple(self._active)

    def state(self, one: Installed) -> str:
        """Say whether an instrumentor is active, and by whom; one whose module nobody has loaded is not."""
        if one.name in self._active:
            return "active"
        if one.entry_point.module in sys.modules:
            with guard("trace"):
                if one.entry_point.load()().is_instrumented_by_opentelemetry:
                    return "active, by your own code"
        return "installed"

    def activate(self, name: str) -> str:
        """Activate an instrumentor; no effect if that was done here already.

        Args:
            name: the distribution's, or what only one of the installed ones ends in, or has in its name.

        Returns:
            The distribution's name.

        Raises:
            UsageError: there is no such instrumentor, or several are, or it cannot be activated.
        """
        known = {one.name: one for one in installed()}
        name = _found(name, [*known])
        if name in self._active:
            return name
        with _explained(name):
            instrumentor = known[name].entry_point.load()()
        if instrumentor.is_instrumented_by_opentelemetry:
            raise UsageError(f"{name} is active already, by your own code; its spans go where you sent them")
        self._expecting()
        with _explained(name):
            instrumentor.instrument(tracer_provider=self._provider(), raise_exception_on_conflict=True)
        self._active[name] = instrumentor
        return name

    def close(self) -> None:
        """Deactivate what was activated here."""
        for instrumentor in self._active.values():
            with guard("trace"):
                instrumentor.uninstrument()
        self._active.clear()
        if self._private is not None:
            provider, processor = self._private
            processor.close()
            provider.shutdown()
            self._private = None

    def _provider(self) -> Any:
        users: Any = trace.get_tracer_provider()
        if hasattr(users, "add_span_processor"):
            return users
        if self._private is None:
            from opentelemetry.sdk.resources import Resource
            from opentelemetry.sdk.trace import TracerProvider

            from nbtrace._trace.processor import SinkProcessor

            made = Resource(resource(version("nbtrace")).attributes)
            provider = TracerProvider(resource=made, shutdown_on_exit=False)
            processor = SinkProcessor(self._sink)
            provider.add_span_processor(processor)
            self._private = provider, processor
        return self._private[0]


def _found(given: str, known: Sequence[str]) -> str:
    """Find the whole name of an instrumentor.

    Raises:
        UsageError: none or several fit.
    """
    wanted = _normal(given)
    if wanted in known:
        return wanted
    fitting = [one for one in known if one.endswith(f"-{wanted}")] or [one for one in known if wanted and wanted in one]
    if len(fitting) > 1:
        message = f"the instrumentor {given!r} may be any of {', '.join(fitting)}; give the whole name of one"
        raise UsageError(message)
    if not fitting:
        raise UsageError.unknown("instrumentor", given, known or ["(none is installed)"])
    return fitting[0]


@contextmanager
def _explained(name: str) -> Generator[None]:
    """Tell the user which instrumentor it was that failed."""
    try:
        yield
    except Exception as error:
        message = f"{name} could not be activated ({type(error).__name__}: {error}); check it by itself"
        raise UsageError(message) from error
