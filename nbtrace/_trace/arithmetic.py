"""How counts and prices make a cost: disjoint buckets, each a count times a price.

Providers count the whole and its parts: cached tokens are input tokens too, reasoning is output. Each count goes into
the most special bucket that was reported, and takes the price of the most special kind that has one; what a bucket
holds is taken from those above it, so that the counts of all buckets make up what was reported, and nothing is charged
twice. The kinds, and how they nest, are genai-prices'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from math import fsum
from types import SimpleNamespace
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice, TieredPrices
    from genai_prices.units import UnitDef

Counts = Mapping[str, float]
"""What was used, by genai-prices' name of it, such as `input_tokens`."""


class Bucket(NamedTuple):
    """A count and its price."""

    unit: str
    """What was counted, by genai-prices' name."""
    quantity: float
    price: float | None
    """US dollars; none if there is no price."""
    per: int
    """How many of them the price is for."""

    @property
    def amount(self) -> float | None:
        """US dollars."""
        if self.price is None:
            return None
        return float(Decimal(repr(self.price)) * Decimal(repr(self.quantity)) / self.per)


class _Step(NamedTuple):
    """How one bucket is filled."""

    unit: UnitDef
    parts: tuple[str, ...]
    """The buckets whose counts are part of this one's."""
    priced: UnitDef | None
    """The most special kind with a price that it is of."""


def total(buckets: Sequence[Bucket]) -> float | None:
    """Add up buckets; none if there are some and none of them has a price."""
    amounts = [amount for bucket in buckets if (amount := bucket.amount) is not None]
    return fsum(amounts) if amounts or not buckets else None


@cache
def units() -> Mapping[str, UnitDef]:
    """Give what can be counted, by name."""
    from genai_prices.data_units import unit_data
    from genai_prices.units import UnitRegistry

    return UnitRegistry(unit_data).units


class Arithmetic:
    """Divides what was used into buckets by one price; what it finds out once about a set of counts, it keeps."""

    def __init__(self, price: ModelPrice) -> None:
        self.price = price
        values = vars(price)
        self._priced = {unit.usage_key: unit for unit in units().values() if values.get(unit.price_key) is not None}
        self._requests = self._priced.pop("requests", None)
        self._plans: dict[frozenset[str], list[_Step]] = {}

    def has(self, price_key: str) -> bool:
        """Say whether there is a price of this name."""
        return vars(self.price).get(price_key) is not None

    def buckets(self, counts: Counts) -> list[Bucket]:
        """Divide what was used into buckets: input, output, and what else is charged.

        Raises:
            ValueError: the counts cannot be, such as more cached tokens than tokens.
        """
        used = frozenset(name for name, count in counts.items() if count)
        found = self._divided(used, counts)
        if found is None:  # parts that overlap, such as spoken reasoning: told apart only where they have prices
            found = self._divided(frozenset(), counts)
        if found is None:
            from genai_prices.decompose import compute_leaf_values

            compute_leaf_values(set(self._priced), SimpleNamespace(**counts), units())  # which says what is wrong
            found = []
        if self._requests is not None:
            found.append(self._bucket(_Step(self._requests, (), self._requests), 1, counts))
        return found

    def _divided(self, used: frozenset[str], counts: Counts) -> list[Bucket] | None:
        """Fill the buckets from the most special ones up; none if one of them would hold less than nothing."""
        plan = self._plans.get(used)
        if plan is None:
            plan = self._plans[used] = self._plan(used)
        held: dict[str, float] = {}
        for step in plan:
            name = step.unit.usage_key
            held[name] = counts.get(name, 0) - sum(held[part] for part in step.parts)
            if held[name] < 0:
                return None
        filled = [step for step in sorted(plan, key=_for_reading) if held[step.unit.usage_key]]
        return [self._bucket(step, held[step.unit.usage_key], counts) for step in filled]

    def _plan(self, used: frozenset[str]) -> list[_Step]:
        from genai_prices.decompose import is_descendant_or_self

        kinds = [unit for name, unit in units().items() if name in used or name in self._priced]
        plan: list[_Step] = []
        for unit in sorted(kinds, key=lambda one: -len(one.dimensions)):
            parts = tuple(one.usage_key for one in kinds if one is not unit and is_descendant_or_self(unit, one))
            above = [one for one in self._priced.values() if is_descendant_or_self(one, unit)]
            plan.append(_Step(unit, parts, max(above, key=lambda one: len(one.dimensions), default=None)))
        return plan

    def _bucket(self, step: _Step, quantity: float, counts: Counts) -> Bucket:
        if step.priced is None:
            return Bucket(step.unit.usage_key, quantity, None, step.unit.per)
        value: Decimal | TieredPrices = vars(self.price)[step.priced.price_key]
        if not isinstance(value, Decimal):
            from genai_prices.types import calc_unit_price

            # The price of as many as it is for, by the length of the prompt.
            value = calc_unit_price(value, step.priced.per, counts.get("input_tokens", 0), step.priced.per)
        return Bucket(step.unit.usage_key, quantity, float(value), step.priced.per)


def _for_reading(step: _Step) -> tuple[int, int]:
    direction = step.unit.dimensions.get("direction", "")
    return ("input", "output", "").index(direction), len(step.unit.dimensions)
