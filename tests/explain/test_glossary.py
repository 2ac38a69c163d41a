"""The glossary says what the conventions say; that it has every attribute is held by tests/test_docs.py."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from nbtrace._explain.entry import CONVENTIONS, LEVELS
from nbtrace._explain.glossary import GLOSSARY
from nbtrace._explain.named import KEPT, NAMED
from nbtrace._explain.own import OWN
from nbtrace._explain.parts import AROUND, PARTS
from nbtrace._trace.origin import resource
from nbtrace._trace.span import Span

TEXT: dict[str, dict[str, Any]] = json.loads(Path(__file__).with_name("conventions.json").read_text(encoding="utf-8"))
"""Types and levels as they stand in the conventions' own tables, each with the page that it was read from."""
UNREAD = {"fetch", "url", "code", "user", "session", "openinference", "none", "nbtrace"}
"""Conventions without a table of levels for spans, and one that a pull request has brought."""


def test_no_attribute_has_two_entries() -> None:
    assert len(GLOSSARY) == len(NAMED) + len(KEPT) + len(OWN) + len(AROUND)


def test_what_is_around_a_span_has_entries() -> None:
    told: list[dict[str, Any]] = []

    class Raised(Span):
        def add_event(self, name: str, attributes: Any = None, timestamp: Any = None) -> None:
            told.append(dict(attributes))

    Raised.record_exception(Raised.__new__(Raised), ValueError("no"))
    written = {*(resource("1").attributes or {}), *told[0]}
    assert {entry.name for entry in AROUND} == written


def test_types_and_levels_are_those_of_the_conventions() -> None:
    wrong = [
        (name, entry.type, entry.level, told)
        for name, entry in GLOSSARY.items()
        if entry.convention not in UNREAD
        and (told := TEXT[entry.convention]["attributes"].get(name)) != [entry.type, entry.level]
    ]
    assert wrong == []
    assert set(CONVENTIONS) - UNREAD == set(TEXT)
    assert [name for name, told in TEXT.items() if told["source"] != CONVENTIONS[name].url] == []


def test_what_the_conventions_have_has_entries_though_others_write_it() -> None:
    names = [name for told in TEXT.values() for name in told["attributes"]]
    assert [name for name in names if name not in GLOSSARY] == []
    assert [entry.name for entry in KEPT if entry.name not in names] == []


def test_entries_are_a_sentence_or_two_in_known_words() -> None:
    for entry in (*GLOSSARY.values(), *PARTS.values()):
        words = re.sub(r"`.*?`", "name", entry.why)
        assert re.fullmatch(r"[^|<>.]{8,105}\.( [^|<>.]{5,80}\.)?", words), entry.why
    assert {entry.level for entry in GLOSSARY.values()} == set(LEVELS)
    kinds = {"string", "string[]", "int", "double", "boolean", "any"}
    assert {entry.type for entry in GLOSSARY.values()} == kinds
