"""What a backend is: an address from variables, limits, and an overlay.

Variables are read when something is exported and never kept. An error names the one that is missing and says what
belongs there, never what another holds.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from nbtrace._export.batch import Row
    from nbtrace._export.delivery import Receiver
    from nbtrace._export.facts import Facts
    from nbtrace._export.judging import Request
    from nbtrace._export.there import Read


class Absent(Enum):
    """The value of an attribute that is taken away."""

    ABSENT = auto()


class Group(dict[str, Any]):
    """Attributes that are said together, as of one message; the same object where that comes again."""

    __slots__ = ("written",)

    written: bytes | None
    """They as they go out, once that is known."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        super().__init__(attributes)
        self.written = None


Value = str | int | float | bool | list[str] | Absent | Group | None
Attributes = Mapping[str, Value]
"""Attributes that an overlay sets. What is none stays as it is; a group is its own attributes, whatever its key."""

Part = Callable[["Facts"], Attributes]
"""Says some facts of a span. It is asked once for all spans that have the same ones, so facts that change from span to
span are said apart from others."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a backend receives OTLP."""

    url: str = field(repr=False)
    """Its base, to which `/v1/traces` is added, or the full one."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    resource: Mapping[str, str] = field(default_factory=dict[str, str])
    """Attributes of the resource that route the spans."""
    api: str = field(default="", repr=False)
    """The base of its REST API, where that is another one."""
    is_full: bool = False
    """Whether the URL is asked as it stands."""
    takes_otel_headers: bool = False
    """Whether `OTEL_EXPORTER_OTLP_HEADERS` is meant for it. Those may hold a key, which no other receiver gets."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a backend states that it does not take, or not whole."""

    attribute_bytes: int | None = None
    """Longest text of an attribute; what is longer is cut before it goes out."""
    hours: float | None = None
    """How old a span may be."""
    request_bytes: int | None = None
    """Largest request, uncompressed."""
    drops_orphans: bool = False
    """Whether spans are lost whose parent never comes."""


@dataclass(frozen=True, slots=True)
class Backend:
    """One receiver of spans."""

    name: str
    address: Callable[[Variables], Address]
    overlay: Sequence[Part] = ()
    """Says a span's facts in the backend's words. It replaces attributes of the same name."""
    common: Callable[[Variables], Attributes] | None = None
    """Says what every span of an export has, by the variables of its users."""
    without: frozenset[str] = frozenset()
    """Attributes that the backend would misread. The overlay says the same in another way."""
    limits: Limits = field(default_factory=Limits)
    scores: Callable[[Sequence[Row]], Iterable[Request]] | None = None
    """Makes requests to its API of scores; none where it has none for spans that came by OTLP."""
    read: Read | None = None
    """Reads back what is there of a trace, where its API tells."""
    read_at: Callable[[Variables, Receiver], Address | None] | None = None
    """Says where it is read and by which other headers, where that is not its API as it is; none is nowhere."""
    read_after: float = 0.0
    """Seconds that may pass, as it states, until what it took can be read."""


class Variables:
    """The environment, as a backend asks for it."""

    def __init__(self, backend: str) -> None:
        self._backend = backend

    def get(self, *names: str, default: str = "") -> str:
        """Give the first variable that is set."""
        return next((value for name in names if (value := os.environ.get(name, "").strip())), default)

    def need(self, *names: str, what: str) -> str:
        """Give the first variable that is set.

        Raises:
            ExportError: none is.
        """
        value = self.get(*names)
        if not value:
            raise ExportError.variable(self._backend, names, what)
        return value


def basic(user: str, password: str) -> str:
    """Make the value of an `authorization` header."""
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"
