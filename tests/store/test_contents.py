"""A text is kept once, under one number, however many there are and whoever looks."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._store import texts as module
from nbtrace._store.contents import Contents, Overlay
from nbtrace._store.texts import Texts


def read(texts: Texts, numbers: list[int | None]) -> list[Any]:
    array: Any = pa.array(numbers, pa.int32())
    return texts.take(array).to_pylist()


def test_many_texts_have_each_their_number() -> None:
    contents = Contents()
    words = [b"%d" % index for index in range(5000)]
    for index in range(0, len(words), 7):  # committed and waiting, in a table that grows
        assert [contents.intern(word) for word in words[: index + 7]] == list(range(min(index + 7, len(words))))
        if index % 5 == 0:
            contents.commit()
    contents.commit()
    assert (len(contents), len(contents.texts)) == (5000, 5000)
    assert read(contents.texts, list(range(5000))) == [word.decode() for word in words]
    assert len({contents.digests(5000)[at : at + 16] for at in range(0, 5000 * 16, 16)}) == 5000


def test_texts_stay_as_they_were_when_more_come() -> None:
    contents = Contents()
    contents.intern("ä".encode())
    contents.commit()
    before = contents.texts
    contents.intern(b"b")
    assert (len(before), len(contents.texts), len(contents)) == (1, 1, 2)
    contents.commit()
    assert (read(before, [0, None]), read(contents.texts, [1, 0])) == (["ä", None], ["b", "ä"])


def test_an_overlay_leaves_no_trace() -> None:
    contents = Contents()
    contents.intern(b"kept")
    contents.commit()
    contents.intern(b"waits")
    overlay = Overlay(contents)
    assert [overlay.intern(text) for text in (b"kept", b"waits", b"new", b"waits")] == [0, 1, 2, 1]
    assert read(overlay.texts(), [2, 1, 0]) == ["new", "waits", "kept"]
    assert len(contents) == 2
    contents.commit()
    assert read(contents.texts, [0, 1]) == ["kept", "waits"]


@given(
    sizes=st.lists(st.integers(1, 4), min_size=0, max_size=5),
    chosen=st.data(),
)
def test_taking_from_many_arrays_is_taking_from_one(sizes: list[int], chosen: st.DataObject) -> None:
    words = [str(index) for index in range(sum(sizes))]
    chunks: list[Any] = []
    for size in sizes:
        start = sum(map(len, chunks))
        chunks.append(pa.array(words[start : start + size], pa.large_string()))
    number = st.integers(0, len(words) - 1) if words else st.nothing()
    numbers = chosen.draw(st.lists(st.none() | number, max_size=8))
    assert read(Texts(tuple(chunks)), numbers) == [None if one is None else words[one] for one in numbers]


def test_taking_few_texts_does_not_copy_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "CHUNK_BYTES", 1_000_000)
    contents = Contents()
    for index in range(8):
        contents.intern(b"%d" % index * 1_000_000)
        contents.commit()
    assert len(contents.texts.chunks) == 8
    numbers: Any = pa.array([7, 0], pa.int32())
    before = pa.total_allocated_bytes()
    taken: Any = contents.texts.take(numbers)
    assert pa.total_allocated_bytes() - before < 5_000_000
    assert [text[0] for text in taken.to_pylist()] == ["7", "0"]
