"""What vendors that cannot run here would show of the rich session, by the mappings that they document.

A rule says in which attributes a vendor reads a fact, and where that is written. It is tried on what an export sends,
with every span that has such a fact, as the spans of a real server are. What a vendor has no name of its own for is
read as the conventions have it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from nbtrace import semconv
from tests.export import golden
from tests.export.loopback import spans_of
from tests.export.servers import otlp
from tests.export.servers.place import Place, Read, Row, attribute, shown

AS_IT_IS = "as it is"
CALLS = {"chat", "embeddings", "execute_tool"}


def same(value: Any) -> Any:
    return value


class Rule(NamedTuple):
    """Where a vendor reads a fact."""

    source: str
    """The address of the document that says so."""
    names: tuple[str, ...]
    """The attributes; a star stands for any part of a name."""
    read: Read | None = None
    """Makes the fact of them, where it is not their plain values."""
    kept: Callable[[Any], Any] = same
    """Makes of a fact what the vendor shows of it."""
    words: str = ""
    """What the table says, where it is not the names."""

    @property
    def place(self) -> Place:
        """The same as a place to look at."""
        return Place(
            self.read or attribute(*self.names), self.words or ", ".join(f"`{name}`" for name in self.names), self.kept
        )


class Vendor(NamedTuple):
    """How one vendor reads spans."""

    rules: Mapping[str, Rule] = {}
    """By noun."""
    also: Mapping[str, str] = {}
    """Attributes that carry none of the nouns, and the documents that name them."""

    @property
    def sources(self) -> list[str]:
        """The documents, each once."""
        return list(dict.fromkeys([*(rule.source for rule in self.rules.values()), *self.also.values()]))

    def reads(self, name: str) -> bool:
        """Say whether a rule names an attribute."""
        patterns = [*self.also, *(each for rule in self.rules.values() for each in rule.names)]
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    def shown(self, rows: Mapping[int, Row]) -> dict[str, str]:
        """Say of every noun how the vendor shows it."""
        plain = {noun: [place._replace(words=AS_IT_IS) for place in places] for noun, places in otlp.PLACES.items()}
        own = {noun: [rule.place] for noun, rule in self.rules.items()}
        return shown(rows, {noun: own.get(noun, []) + plain.get(noun, []) for noun in own | plain})


def rows(name: str) -> dict[int, Row]:
    """Export the rich session to a backend's stand-in, and give the spans as they arrived, each with its scores."""
    before = dict(os.environ)
    os.environ |= golden.VARIABLES[name]
    try:
        received, judged = golden.exported(name)
    finally:
        os.environ.clear()
        os.environ.update(before)
    found = otlp.spans(spans_of(received.otlp))
    for number, row in found.items():
        row["number"], row["judged"] = number, [json.loads(one.body) for one in judged]
    return found


def inside(name: str, *keys: str) -> Read:
    """Read some values of an attribute that is a JSON object."""

    def read(row: Row) -> Any:
        found = json.loads(row["attributes"].get(name, "{}"))
        values = tuple(map(found.get, keys))
        return (values if len(keys) > 1 else values[0]) if any(values) else None

    return read


def parsed(*names: str) -> Read:
    """Read some attributes that are JSON."""

    def read(row: Row) -> Any:
        values = tuple(json.loads(row["attributes"].get(name, "null")) for name in names)
        return (values if len(names) > 1 else values[0]) if any(values) else None

    return read


def kinds(others: str, **names: str) -> Callable[[str], str]:
    """Give a vendor's words for kinds, and the one that it has for all others."""
    return lambda kind: names.get(kind, others)


def is_retrieval(row: Row) -> bool:
    return semconv.DATA_SOURCE_ID in row["attributes"]


def step(given: str, came: str, read: Callable[[str], Any] = str) -> Callable[[Row], Any]:
    """Read what went into a step and came out, of spans that are neither calls nor retrievals."""

    def found(row: Row) -> Any:
        own = row["attributes"]
        if given not in own or own.get(semconv.OPERATION_NAME) in CALLS or is_retrieval(row):
            return None
        return read(own[given]), read(own[came]) if came in own else None

    return found


def retrieval(given: str, came: str, read: Callable[[str], Any] = str) -> Callable[[Row], Any]:
    """Read the query and the documents of a retrieval."""
    own = lambda row: row["attributes"]  # noqa: E731
    return lambda row: (read(own(row)[given]), json.loads(own(row)[came])) if is_retrieval(row) else None
