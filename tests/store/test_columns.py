"""Arrays built from buffers are those that pyarrow's own, slower way builds."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nbtrace._store.columns import build
from nbtrace._store.schema import ColumnType

TYPES: dict[ColumnType, tuple[pa.DataType, st.SearchStrategy[Any]]] = {
    "id16": (pa.binary(16), st.binary(min_size=16, max_size=16)),
    "id8": (pa.binary(8), st.binary(min_size=8, max_size=8)),
    "string": (pa.string(), st.text()),
    "text": (pa.large_string(), st.text()),
    "int": (pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint": (pa.uint32(), st.integers(0, 2**32 - 1)),
    "double": (pa.float64(), st.floats(allow_nan=False)),
    "bool": (pa.bool_(), st.booleans()),
    "time": (pa.timestamp("us", tz="UTC"), st.integers(0, 2**52)),
    "strings": (pa.list_(pa.field("element", pa.string())), st.lists(st.text())),
    "dictionary": (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "ä"])),
}


@pytest.mark.parametrize("kind", TYPES)
@settings(deadline=None)
@given(choice=st.data())
def test_every_column_type_is_what_pyarrow_builds(kind: ColumnType, choice: st.DataObject) -> None:
    expected_type, value = TYPES[kind]
    values = choice.draw(st.lists(st.none() | value))
    built = build(kind, values)
    built.validate(full=True)
    expected: Any = pa.array(values, expected_type)
    assert built.type == expected_type
    assert built.null_count == expected.null_count
    assert built.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize("kind", ["string", "text"])
def test_text_that_utf8_cannot_encode_is_escaped(kind: ColumnType) -> None:
    assert build(kind, ["ä", None, "a\ud800b"]).to_pylist() == ["ä", None, "a\\ud800b"]


def test_a_dictionary_keeps_each_value_once() -> None:
    built: Any = build("dictionary", ["b", "a", None, "b"])
    assert built.dictionary.to_pylist() == ["b", "a"]
