"""What drifted, in words: a plain sentence for each two samples, and the wording of figures that tables share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from nbtrace._query import text
from nbtrace._query.drift import SIZES, Compared, Drifts, Pair
from nbtrace._query.scored import SCORE
from nbtrace._query.verdict import FEW

MINUS: Final = "\N{MINUS SIGN}"
DASH: Final = "\N{EN DASH}"
MOST_SHARES: Final = 3
"""Words of which the shares are told."""
LONGEST: Final = 60
"""Letters of a word, which may be anything."""
LEAST_P: Final = 0.0001


class _Words(NamedTuple):
    name: str
    less: str
    more: str


_FIGURES: Final = {
    "input_tokens": _Words("input", "input got shorter", "input got longer"),
    "output_tokens": _Words("output", "output got shorter", "output got longer"),
    "latency_s": _Words("latency", "calls got faster", "calls got slower"),
    "first_chunk_s": _Words("time to the first chunk", "first chunks come sooner", "first chunks come later"),
    "cost_usd": _Words("cost", "calls got cheaper", "calls got dearer"),
    "finish_reasons": _Words("finish reasons", "", ""),
    "refusal": _Words("refusals", "", ""),
    "error": _Words("errors", "", ""),
    "response_model": _Words("models that answered", "", ""),
    "embeddings": _Words("embeddings", "", ""),
}


def sentences(found: Drifts) -> list[str]:
    """Say of each two samples what drifted."""
    names = [
        f"{_short(pair.before)} → {_short(pair.after)}: " if len(found.pairs) > 1 or pair.before != "before" else ""
        for pair in found.pairs
    ]
    said = [f"{name}{_sentence(pair, found.tests)}" for name, pair in zip(names, found.pairs, strict=True)]
    if not said:
        said = ["there are no two groups of calls to compare"]
    if found.left_out:
        shown = ", ".join(map(_short, found.left_out[:MOST_SHARES]))
        more = len(found.left_out) - MOST_SHARES
        said.append(f"not compared: {shown}{f' and {more} more' if more > 0 else ''}")
    return said


def _sentence(pair: Pair, tests: int) -> str:
    if min(pair.calls) < FEW and not any(one.tests for one in pair.figures):
        return f"too few calls to compare: {pair.calls[0]:,} and {pair.calls[1]:,}, {FEW} are needed of each"
    moved = sorted((one for one in pair.figures if one.has_moved), key=lambda one: -abs(one.tests[one.best].effect))
    slightly = [named(one.figure) for one in pair.figures if one.is_beyond_chance and not one.has_moved]
    count = text.counted(tests, "test")
    corrected = f" after correction for {count}"
    parts = [f"{_change(one)} ({_measure(one)}{corrected if at == 0 else ''})" for at, one in enumerate(moved)]
    parts += [f"beyond chance, but negligibly: {', '.join(slightly)}"] if slightly else []
    if parts:
        parts.append("nothing else moved beyond chance")
    else:
        parts = [f"nothing moved beyond chance ({count}, {pair.calls[0]:,} → {pair.calls[1]:,} calls)"]
    few = [f"{named(one.figure)} ({one.n[0]:,} and {one.n[1]:,})" for one in pair.figures if 0 < min(one.n) < FEW]
    parts += [f"too few to test: {', '.join(few)}"] if few else []
    alone = [f"{named(one.figure)} {one.note}" for one in pair.figures if not min(one.n)]
    return "; ".join([*parts, *alone])


def _change(one: Compared) -> str:
    name = named(one.figure)
    test = one.tests[one.best]
    if one.kind == "number" and test.effect_name != "D":
        words = _FIGURES.get(one.figure) or _Words(name, f"{name} fell", f"{name} rose")
        before, after = (quartiles(values)[1] for values in (one.before, one.after))
        return f"{words.less if test.effect < 0 else words.more}: median {amounts(one.figure, before, after)}"
    if one.kind == "number":
        halves = [amounts(one.figure, *quartiles(values)[::2], sign=DASH) for values in (one.before, one.after)]
        return f"{name} is spread otherwise: middle half {' → '.join(halves)}"
    if one.kind == "word":
        word = _most_changed(one.before, one.after)
        return (
            f"{name} changed: {_short(word)} {' → '.join(_share(counts, word) for counts in (one.before, one.after))}"
        )
    return f"{name} moved"


def _measure(one: Compared) -> str:
    test = one.tests[one.best]
    return f"{test.effect_name} {signed(test.effect, test.effect_name)}, {probability(one.p[one.best])}"


def named(figure: str) -> str:
    """Name a figure for people; a score is called one, as it may be named `latency` or `cost` too."""
    return _FIGURES[figure].name if figure in _FIGURES else f"score {figure.removeprefix(SCORE)}"


def amounts(figure: str, first: float, second: float, *, sign: str = " → ") -> str:
    """Word two numbers of a figure, with its unit once."""
    one, other = amount(figure, first), amount(figure, second)
    unit = " tokens" if figure.endswith("_tokens") and not figure.startswith(SCORE) else ""
    return f"{one}{sign}{other}{unit}"


def amount(figure: str, value: float) -> str:
    """Word a number of a figure."""
    if figure.startswith(SCORE):
        return f"{value:.3g}"
    return f"{value:,.0f}" if figure.endswith("_tokens") else text.figure(figure, value)


def quartiles(values: Any) -> tuple[float, float, float]:
    """Give the quarters of numbers."""
    import numpy as np

    low, middle, high = np.quantile(values, [0.25, 0.5, 0.75]).tolist()
    return low, middle, high


def shares(counts: Mapping[str, int]) -> str:
    """Word how frequent the most frequent words are."""
    order = sorted(counts, key=lambda word: (-counts[word], word))
    return ", ".join(f"{_short(word)} {_share(counts, word)}" for word in order[:MOST_SHARES])


def _short(word: str) -> str:
    return word if len(word) <= LONGEST else f"{word[: LONGEST - 1]}…"


def _share(counts: Mapping[str, int], word: str) -> str:
    rate = counts.get(word, 0) / max(1, sum(counts.values()))
    return f"{rate:.1%}" if 0 < rate < 0.1 or 0.9 < rate < 1 else f"{rate:.0%}"  # noqa: PLR2004 - where a digit matters


def _most_changed(before: Mapping[str, int], after: Mapping[str, int]) -> str:
    """Find the word whose share has changed most; of two that mirror each other the rarer one."""
    sums = sum(before.values()), sum(after.values())

    def key(word: str) -> tuple[float, int]:
        change = before.get(word, 0) / sums[0] - after.get(word, 0) / sums[1]
        return round(abs(change), 9), -before.get(word, 0) - after.get(word, 0)

    return max(sorted({**before, **after}), key=key)


def signed(effect: float, name: str) -> str:
    """Word an effect, with a sign where it has a direction."""
    shown = round(effect, 2)
    return f"{shown:+.2f}".replace("-", MINUS) if name == "Cliff's delta" and shown else f"{abs(shown):.2f}"


def size(effect: float, name: str) -> str:
    """Word how large an effect is; nothing, where there is no convention."""
    if name not in SIZES:
        return ""
    return ("negligible", "small", "medium", "large")[sum(abs(effect) >= least for least in SIZES[name])]


def probability(p: float) -> str:
    """Word a probability of chance."""
    return f"p < {LEAST_P}" if p < LEAST_P else f"p = {p:.2g}"


def told(one: Compared) -> Iterator[str]:
    """Word a figure before and after."""
    for n, value in zip(one.n, (one.before, one.after), strict=True):
        if not n:
            yield ""
        elif one.kind == "word":
            yield shares(value)
        elif one.kind == "vector":
            yield f"{n:,} vectors"
        else:
            low, middle, high = quartiles(value)
            yield f"{amount(one.figure, middle)} ({amounts(one.figure, low, high, sign=DASH)})".replace(" tokens", "")
