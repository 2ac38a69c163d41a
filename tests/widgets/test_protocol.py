"""Both sides of the wire are held to one JSON file; js/test/wire/protocol.test.ts is the other half."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pyarrow as pa
import pytest

from nbtrace._query import tree as drawing
from nbtrace._query.search import search
from nbtrace._store.snapshot import Snapshot
from nbtrace._widgets import protocol
from nbtrace._widgets.packing import COLUMNS
from nbtrace._widgets.reading import reading
from nbtrace._widgets.wire import PREVIEWED, find, previewed
from tools import make_fixtures

FIXTURES = Path(__file__).parents[1] / "fixtures"
PROTOCOL = json.loads((FIXTURES / "protocol.json").read_text())


def test_messages_are_those_of_the_file() -> None:
    names = PROTOCOL["messages"]
    stated = {name: _fields(getattr(protocol, name)) for name in names}
    assert stated == names
    assert PROTOCOL["version"] == protocol.PROTOCOL_VERSION


def test_columns_are_those_of_the_file(spans: Snapshot) -> None:
    assert list(COLUMNS) == PROTOCOL["tree_columns"]
    assert search(spans, "x").column_names == PROTOCOL["search_columns"]
    assert previewed(spans, "").column_names == PROTOCOL["preview_columns"]
    assert PROTOCOL["previewed"] == PREVIEWED
    trace_id = spans["trace_id"][0].as_py().hex()
    assert reading(find(spans, "0000000000000009", trace_id)).column_names == PROTOCOL["span_columns"]


def test_flags_are_those_of_the_file() -> None:
    assert {name: getattr(drawing, name) for name in PROTOCOL["flags"]} == PROTOCOL["flags"]


def test_fixtures_are_what_the_code_writes_now(store: Any) -> None:
    stale = [name for name, content in make_fixtures.files(store) if (FIXTURES / name).read_bytes() != content]
    assert stale == [], "run tools/make_fixtures.py"


def _fields(message: type) -> dict[str, str]:
    return {name: _type(hint) for name, hint in get_type_hints(message).items()}


def _type(hint: Any) -> str:
    if get_origin(hint) is Literal:
        return f"={get_args(hint)[0]}"
    return {int: "int", str: "str"}[hint]


@pytest.mark.parametrize("name", ["tree.arrow", "span-chat.arrow"])
def test_fixtures_are_arrow_streams(name: str) -> None:
    assert pa.ipc.open_stream(pa.py_buffer((FIXTURES / name).read_bytes())).read_all().num_rows > 0
