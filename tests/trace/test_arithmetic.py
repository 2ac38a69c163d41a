"""Counts and prices: the buckets are disjoint, hold what was reported, and add up to what genai-prices says."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from math import fsum
from typing import Any

import pytest
from genai_prices import Usage
from genai_prices.data_snapshot import get_snapshot
from genai_prices.types import ModelPrice, Tier, TieredPrices
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._trace.arithmetic import Arithmetic, Bucket, total, units

AT = datetime(2026, 11, 1, tzinfo=UTC)
TABLE = [
    (provider, model, context)
    for provider in get_snapshot().providers
    for model in provider.models
    for context in ({}, *(variant.when for variant in model.price_variants or ()))
]
PARTS = {
    "cache_read_tokens": {"cache_audio_read_tokens", "cache_image_read_tokens"},
    "cache_write_tokens": {"cache_write_1h_tokens"},
    "cache_write_1h_tokens": set[str](),
    "input_audio_tokens": {"cache_audio_read_tokens"},
    "input_image_tokens": {"cache_image_read_tokens"},
    "output_reasoning_tokens": set[str](),
    "output_audio_tokens": set[str](),
    "web_searches": set[str](),
}
"""What may not be reported, with what is not reported then either."""
COUNT = st.integers(0, 10**7)


@st.composite
def usages(draw: st.DrawFn) -> dict[str, float]:
    """Make counts as providers report them: parts within their wholes."""
    read, hour, five, audio_in, image_in, audio_read, plain = (draw(COUNT) for _ in range(7))
    reasoning, audio_out, image_out, text_out = (draw(COUNT) for _ in range(4))
    counts: dict[str, float] = {
        "input_tokens": plain + read + hour + five + audio_in + image_in + audio_read,
        "cache_read_tokens": read + audio_read,
        "cache_write_tokens": hour + five,
        "cache_write_1h_tokens": hour,
        "input_audio_tokens": audio_in + audio_read,
        "input_image_tokens": image_in,
        "cache_audio_read_tokens": audio_read,
        "cache_image_read_tokens": 0,
        "output_tokens": reasoning + audio_out + image_out + text_out,
        "output_reasoning_tokens": reasoning,
        "output_audio_tokens": audio_out,
        "output_image_tokens": image_out,
        "web_searches": draw(st.integers(0, 50)),
    }
    dropped = draw(st.sets(st.sampled_from(list(PARTS))))
    for whole, parts in PARTS.items():
        dropped |= parts if whole in dropped else set()
    return {name: count for name, count in counts.items() if name not in dropped}


@given(st.integers(0, len(TABLE) - 1), usages())
def test_the_buckets_of_any_call_of_any_model(entry: int, counts: dict[str, float]) -> None:
    provider, model, context = TABLE[entry]
    usage: Any = Usage(**counts)
    expected = model.calc_price(usage, provider, genai_request_timestamp=AT, price_context=context)
    found = Arithmetic(expected.model_price).buckets(counts)
    amounts = [bucket.amount for bucket in found if bucket.amount is not None]
    assert total(found) == (fsum(amounts) if amounts or not found else None)
    assert fsum(amounts) == pytest.approx(float(expected.total_price), rel=1e-9, abs=1e-12)  # pyright: ignore[reportUnknownMemberType]
    for direction in ("input", "output"):
        kinds = {name for name, unit in units().items() if unit.dimensions.get("direction") == direction}
        held = [bucket.quantity for bucket in found if bucket.unit in kinds]
        assert sum(held) == counts[f"{direction}_tokens"]
        assert all(quantity > 0 for quantity in held)


def price(**prices: Any) -> Arithmetic:
    return Arithmetic(ModelPrice(**prices))


def test_a_part_without_a_price_has_that_of_its_whole() -> None:
    found = price(input_mtok=Decimal(2), output_mtok=Decimal(8)).buckets(
        {"input_tokens": 100, "cache_read_tokens": 40, "output_tokens": 10, "output_reasoning_tokens": 7}
    )
    assert found == [
        Bucket("input_tokens", 60, 2.0, 1_000_000),
        Bucket("cache_read_tokens", 40, 2.0, 1_000_000),
        Bucket("output_tokens", 3, 8.0, 1_000_000),
        Bucket("output_reasoning_tokens", 7, 8.0, 1_000_000),
    ]


def test_a_price_by_the_length_of_the_prompt_is_that_of_all_tokens() -> None:
    tiered = TieredPrices(base=Decimal(1), tiers=[Tier(start=100, price=Decimal(3))])
    by_length = price(input_mtok=tiered, output_mtok=Decimal(8))
    assert [by_length.buckets({"input_tokens": sent})[0].price for sent in (100, 101)] == [1.0, 3.0]


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"cache_read_tokens \(5\) cannot exceed input_tokens \(4\)"):
        price(input_mtok=Decimal(1), cache_read_mtok=Decimal(1)).buckets({"input_tokens": 4, "cache_read_tokens": 5})


def test_nothing_used_costs_nothing_and_no_price_is_none() -> None:
    assert total(price(input_mtok=Decimal(1)).buckets({"input_tokens": 0})) == 0.0
    assert total(price(input_mtok=Decimal(1)).buckets({"output_tokens": 5})) is None
    assert total(price(requests_kcount=Decimal(5)).buckets({})) == 0.005


def test_amounts_are_exact_to_the_last_digit() -> None:
    assert Bucket("input_tokens", 3, 0.1, 1_000_000).amount == 3e-07
    assert Bucket("input_audio_seconds", 0.3, 0.36, 3600).amount == 3e-05
