"""Two forests of spans are aligned the same way every time, and every span once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from nbtrace._query import alignment
from nbtrace._query.alignment import Forest, Pair, align


def forest(*rows: tuple[int, str]) -> Forest:
    """Make a forest of parents and names such as `chat:a`: the first word is the blunt key, the whole the sharp one."""
    return Forest([parent for parent, _ in rows], [(name, name.partition(":")[0]) for _, name in rows])


def test_what_is_the_same_is_found_between_what_is_not() -> None:
    before = forest((-1, "chat:a"), (-1, "chat:b"), (-1, "chat:c"))
    after = forest((-1, "chat:a"), (-1, "chat:c"))
    assert align(before, after) == [Pair(0, 0, 0), Pair(1, None, 0), Pair(2, 1, 0)]
    assert align(after, before) == [Pair(0, 0, 0), Pair(None, 1, 0), Pair(1, 2, 0)]


def test_what_is_asked_otherwise_is_aligned_by_its_kind_and_another_kind_is_not() -> None:
    before = forest((-1, "chat:a"), (-1, "tool:x"), (-1, "chat:c"))
    after = forest((-1, "chat:b"), (-1, "chat:c"), (-1, "tool:z"))
    assert align(before, after) == [Pair(0, 0, 0), Pair(1, None, 0), Pair(2, 1, 0), Pair(None, 2, 0)]


def test_only_below_what_is_aligned_is_aligned() -> None:
    before = forest((-1, "cell:1"), (0, "chat:a"), (1, "attempt:1"), (-1, "tool:x"), (3, "chat:b"))
    after = forest((-1, "cell:2"), (0, "chat:a"), (1, "attempt:1"), (1, "attempt:2"), (-1, "agent:x"), (4, "chat:b"))
    assert align(before, after) == [
        Pair(0, 0, 0), Pair(1, 1, 1), Pair(2, 2, 2), Pair(None, 3, 2),
        Pair(3, None, 0), Pair(4, None, 1), Pair(None, 4, 0), Pair(None, 5, 1),
    ]  # fmt: skip


def test_many_siblings_are_aligned_by_their_order() -> None:
    names = [f"chat:{at % 7}" for at in range(2500)]
    before, after = ["tool:x", *names, "tool:y"], ["agent:x", *names[:1000], *names[1001:], "agent:y"]
    assert len(before) * len(after) > alignment.PRODUCT
    pairs = align(forest(*((-1, name) for name in before)), forest(*((-1, name) for name in after)))
    matched = [pair for pair in pairs if pair.before is not None and pair.after is not None]
    assert len(matched) > 2400
    assert matched == sorted(matched)


rows = st.lists(st.tuples(st.integers(-1, 5), st.sampled_from(["a:1", "a:2", "b:1", "b:2"])), max_size=9)


@given(rows, rows)
def test_every_span_comes_out_once_and_siblings_stay_in_order(
    first: list[tuple[int, str]], second: list[tuple[int, str]]
) -> None:
    before, after = (
        forest(*((min(parent, at - 1), name) for at, (parent, name) in enumerate(each))) for each in (first, second)
    )
    pairs = align(before, after)
    assert sorted(pair.before for pair in pairs if pair.before is not None) == list(range(len(first)))
    assert sorted(pair.after for pair in pairs if pair.after is not None) == list(range(len(second)))
    for pair in pairs:
        if pair.before is not None and pair.after is not None:
            assert before.keys[pair.before][1] == after.keys[pair.after][1]
    assert all(pair.before == pair.after for pair in align(before, before))
