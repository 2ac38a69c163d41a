"""Arrays built from buffers are those that pyarrow's own, slower way builds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._store.columns import NULLS, booleans, dictionary, fixed, lists, nulls_of, numbers, strings

LIST = pa.list_(pa.field("element", pa.string()))
BUILDERS: dict[str, tuple[Callable[[list[Any]], pa.Array], pa.DataType, st.SearchStrategy[Any]]] = {
    "fixed": (lambda values: fixed(8, values), pa.binary(8), st.binary(min_size=8, max_size=8)),
    "string": (lambda values: strings(pa.string(), values), pa.string(), st.text()),
    "text": (lambda values: strings(pa.large_string(), values), pa.large_string(), st.text()),
    "int8": (lambda values: numbers(pa.int8(), "b", values), pa.int8(), st.integers(-128, 127)),
    "int64": (lambda values: numbers(pa.int64(), "q", values), pa.int64(), st.integers(-(2**63), 2**63 - 1)),
    "uint32": (lambda values: numbers(pa.uint32(), "I", values), pa.uint32(), st.integers(0, 2**32 - 1)),
    "double": (lambda values: numbers(pa.float64(), "d", values), pa.float64(), st.floats(allow_nan=False)),
    "bool": (booleans, pa.bool_(), st.booleans()),
    "list": (lambda values: lists(LIST, values, lambda flat: strings(pa.string(), flat)), LIST, st.lists(st.text())),
    "dictionary": (dictionary, pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b", "ä"])),
}


@pytest.mark.parametrize("kind", BUILDERS)
@given(choice=st.data())
def test_every_builder_builds_what_pyarrow_does(kind: str, choice: st.DataObject) -> None:
    build, expected_type, value = BUILDERS[kind]
    values = choice.draw(st.lists(st.none() | value))
    built = build(values)
    built.validate(full=True)
    expected: Any = pa.array(values, expected_type)
    assert built.type == expected_type
    assert built.null_count == expected.null_count
    assert built.to_pylist() == expected.to_pylist()


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_text_that_utf8_cannot_encode_is_escaped(kind: pa.DataType) -> None:
    assert strings(kind, ["ä", None, "a\ud800b"]).to_pylist() == ["ä", None, "a\\ud800b"]


@pytest.mark.parametrize("size", [0, 3, NULLS + 1])
def test_nulls_of_any_size(size: int) -> None:
    built = nulls_of(LIST, size)
    built.validate(full=True)
    assert (built.type, len(built), built.null_count) == (LIST, size, size)


def test_a_dictionary_keeps_each_value_once() -> None:
    built: Any = dictionary(["b", "a", None, "b"])
    assert built.dictionary.to_pylist() == ["b", "a"]
