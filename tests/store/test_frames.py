"""A file of the journal is read up to where it is whole, wherever it is cut or damaged."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbtrace._store.frames import MAGIC, Frames, frame

FRAMES = st.lists(st.tuples(st.integers(0, 255), st.binary(max_size=20)), max_size=4)


def read(data: bytes) -> tuple[list[tuple[int, bytes]], int]:
    frames = Frames(memoryview(data))
    return [(one.kind, bytes(one.payload)) for one in frames], frames.unread


@given(FRAMES)
def test_every_cut_leaves_the_frames_before_it(frames: list[tuple[int, bytes]]) -> None:
    data, ends = MAGIC, [len(MAGIC)]
    for kind, payload in frames:
        data += frame(kind, payload)
        ends.append(len(data))
    for cut in range(len(MAGIC), len(data) + 1):
        whole = sum(end <= cut for end in ends[1:])
        assert read(data[:cut]) == (frames[:whole], cut - ends[whole])


def test_a_checksum_cut_off_at_its_zero_bytes_is_not_whole() -> None:
    payload = next(bytes([kind]) for kind in range(256) if frame(100, bytes([kind]))[-1] == 0)
    data = MAGIC + frame(100, payload)
    assert read(data[:-1]) == ([], len(data) - 1 - len(MAGIC))


@given(FRAMES.filter(bool), st.data())
def test_a_flipped_bit_ends_the_reading_before_its_frame(
    frames: list[tuple[int, bytes]], choice: st.DataObject
) -> None:
    data, ends = MAGIC, [len(MAGIC)]
    for kind, payload in frames:
        data += frame(kind, payload)
        ends.append(len(data))
    at = choice.draw(st.integers(len(MAGIC), len(data) - 1))
    damaged = bytearray(data)
    damaged[at] ^= 1 << choice.draw(st.integers(0, 7))
    whole = sum(end <= at for end in ends[1:])
    assert read(bytes(damaged)) == (frames[:whole], len(data) - ends[whole])


@given(st.binary().filter(lambda data: not data.startswith(MAGIC)))
def test_what_is_no_journal_is_not_read(data: bytes) -> None:
    frames = Frames(memoryview(data))
    assert (list(frames), frames.is_journal, frames.unread) == ([], False, len(data))
