"""What was read of an event stream, as pieces of bytes: split into events wherever they are cut."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from nbtrace._capture.pieces import Pieces, events

SAID = st.lists(
    st.lists(st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=5), min_size=1, max_size=2)
)
ENDS = st.sampled_from(["\n", "\r\n"])


def cut(said: list[list[str]], end: str, cuts: list[int]) -> list[bytes]:
    """Write events of some lines each, and cut the whole into pieces."""
    text = "".join(f"event: x{end}" + "".join(f"data: {line}{end}" for line in lines) + end for lines in said).encode()
    edges = [0, *sorted(min(one, len(text)) for one in cuts), len(text)]
    return [text[start:stop] for start, stop in pairwise(edges)]


@given(SAID, ENDS, st.lists(st.integers(0, 200), max_size=6))
def test_an_event_stream_is_split_the_same_wherever_it_is_cut(said: list[list[str]], end: str, cuts: list[int]) -> None:
    parts = cut(said, end, cuts)
    found = events(parts, range(len(parts)))
    assert [data for data, _ in found] == ["\n".join(lines) for lines in said]
    assert [when for _, when in found] == sorted(when for _, when in found)


@given(SAID, ENDS, st.lists(st.integers(0, 200), max_size=30))
def test_its_last_events_are_found_without_those_before(said: list[list[str]], end: str, cuts: list[int]) -> None:
    read = Pieces()
    for when, part in enumerate(cut(said, end, cuts)):
        read.parts.append(part)
        read.arrivals.append(when)
        assert read.last() == [text for text, _ in read.events()][-2:]
