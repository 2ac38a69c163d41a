"""What one call cost, with the arithmetic: how many of what, at which price, by whose table.

Everything is read from the span as it was stored, so it says what held when the call was priced. The amounts are
disjoint and add up to the total.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from html import escape
from math import isfinite
from typing import TYPE_CHECKING, Any, Final

import orjson

from nbtrace import semconv
from nbtrace._query import text

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot

NAMES: Final = {
    "input_tokens": "input",
    "cache_read_tokens": "cache read",
    "cache_write_tokens": "cache write",
    "cache_write_1h_tokens": "cache write, kept 1 h",
    "input_audio_tokens": "audio input",
    "cache_audio_read_tokens": "audio cache read",
    "input_image_tokens": "image input",
    "cache_image_read_tokens": "image cache read",
    "output_tokens": "output",
    "output_reasoning_tokens": "reasoning",
    "output_audio_tokens": "audio output",
    "output_image_tokens": "image output",
    "input_audio_seconds": "seconds of audio",
    "input_characters": "characters",
    "storage_searches": "file searches",
}
"""What is counted, in words, where its name says less."""
PER: Final = {1_000_000_000: " / G", 1_000_000: " / M", 1_000: " / K", 3_600: " / h", 60: " / min", 1: ""}


@dataclass(frozen=True)
class CostBucket:
    """A part of a cost."""

    unit: str
    """What was counted, as genai-prices calls it."""
    name: str
    """The same in words."""
    quantity: float
    price_usd: float | None
    """US dollars; none if there is no price."""
    per: int
    """How many the price is for: a million tokens, an hour's seconds."""
    amount_usd: float | None
    """US dollars: quantity times price."""


@dataclass(frozen=True)
class Cost:
    """What a call cost, as `nbtrace.cost` tells."""

    model: str | None
    """The model that answered, or was asked."""
    state: str | None
    """`priced`, `estimated`, `unpriced` or `replayed`; none while the call runs."""
    total_usd: float | None
    """US dollars; none, and never 0, if that is not known."""
    buckets: tuple[CostBucket, ...]
    """How it was computed; empty if somebody else did that."""
    reason: str | None
    """Why it is an estimate, or unknown."""
    source: str | None
    """Whose prices: a table with its version, `custom`, or the provider itself."""

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> Cost:
        """Read a cost from a span's attributes; what a file may have in their place is none."""

        def word(key: str) -> str | None:
            said = attributes.get(key)
            return said if isinstance(said, str) else None

        total, state = attributes.get(semconv.USAGE_COST), word(semconv.COST_STATE)
        return cls(
            model=word(semconv.RESPONSE_MODEL) or word(semconv.REQUEST_MODEL),
            state=state,
            total_usd=total if isinstance(total, int | float) and isfinite(total) else None,
            buckets=_buckets(word(semconv.COST_BUCKETS)),
            reason=word(semconv.COST_REASON) if state is not None else "the call has not ended",
            source=word(semconv.COST_SOURCE),
        )

    def to_dict(self) -> dict[str, Any]:
        """Give everything as plain values."""
        return {**asdict(self), "buckets": [asdict(bucket) for bucket in self.buckets]}

    def total(self) -> str:
        """Word the total to its last digit; an estimate is marked by `~`."""
        about = "~" if self.state == "estimated" else ""
        return text.cost(None, self.state) if self.total_usd is None else about + _dollars(self.total_usd)

    def _headline(self) -> str:
        return " · ".join(one for one in (self.total(), self.model, self.source, self.reason) if one)

    def rows(self) -> list[tuple[str, str, str, str]]:
        """Word each part: what, how many, at which price, how much that is."""
        return [
            (
                bucket.name,
                f"{bucket.quantity:,}",
                "no price" if bucket.price_usd is None else f"{_dollars(bucket.price_usd)}{PER.get(bucket.per, '')}",
                "" if bucket.amount_usd is None else _dollars(bucket.amount_usd),
            )
            for bucket in self.buckets
        ]

    def __repr__(self) -> str:
        rows = self.rows()
        widths = [max(map(len, column), default=0) for column in zip(*rows, strict=True)]
        lines = [
            f"  {name.ljust(widths[0])}  {quantity.rjust(widths[1])} at {price.ljust(widths[2])}  {amount}".rstrip()
            for name, quantity, price, amount in rows
        ]
        return "\n".join([self._headline(), *lines])

    def _repr_html_(self) -> str:
        rows = [f"<tr>{''.join(f'<th>{title}</th>' for title in ('', 'quantity', 'price', 'amount'))}</tr>"]
        rows += [f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in self.rows()]
        table = f"<table>{''.join(rows)}</table>" if self.buckets else ""
        return f"<div><p>{escape(self._headline())}</p>{table}</div>"


def unpriced(spans: Snapshot) -> dict[str, int]:
    """Count the answered calls without a price by model, the most frequent first."""
    from collections import Counter

    import pyarrow.compute as pc

    from nbtrace._query.totals import counted

    models = pc.coalesce(spans["response_model"], spans["request_model"]).filter(counted(spans)["unpriced"])
    return dict(Counter(str(model) for model in models.to_pylist()).most_common())


def _buckets(written: str | None) -> tuple[CostBucket, ...]:
    try:
        found = orjson.loads(written) if written else {}
        return tuple(_bucket(unit, *how, among=found) for unit, how in found.items())
    except (ValueError, TypeError, AttributeError, ArithmeticError):  # it is of a file, and nothing of ours
        return ()


def _bucket(unit: str, quantity: float, price: float | None, per: int, *, among: Mapping[str, Any]) -> CostBucket:
    name = NAMES.get(unit, unit.replace("_", " "))
    if unit == "input_tokens" and any(other.startswith("cache_") for other in among):
        name = f"uncached {name}"
    counted = Decimal(repr(quantity))
    amount = None if price is None else float(Decimal(repr(price)) * counted / per)
    return CostBucket(unit, name, quantity, price, per, amount)


def _dollars(usd: float) -> str:
    """Word US dollars to the last digit, so that what is shown adds up."""
    digits = f"{abs(usd):,.12f}".rstrip("0")
    whole, _, rest = digits.partition(".")
    return f"{'-' if usd < 0 else ''}${whole}.{rest.ljust(2, '0')}"
