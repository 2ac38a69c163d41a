"""Prices of the user's own: a mapping that takes only what can be computed with."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from nbtrace._trace.prices import COMMON, Prices
from nbtrace.errors import UsageError


def test_prices_are_a_mapping() -> None:
    prices = Prices()
    prices["a"] = {"input_mtok": 0.2, "output_mtok": Decimal("0.8"), "cache_read_mtok": 0}
    prices["b"] = {"requests_kcount": 1}
    assert dict(prices) == {
        "a": {"input_mtok": 0.2, "output_mtok": 0.8, "cache_read_mtok": 0.0},
        "b": {"requests_kcount": 1.0},
    }
    del prices["a"]
    assert (list(prices), len(prices), repr(prices)) == (["b"], 1, "{'b': {'requests_kcount': 1.0}}")
    with pytest.raises(KeyError):
        _ = prices["a"]


def test_the_answer_s_name_comes_before_the_one_asked_for() -> None:
    prices = Prices()
    prices["asked"], prices["answered"] = {"input_mtok": 1}, {"input_mtok": 2}
    found = prices.find("answered", "asked")
    assert found is not None
    assert found.buckets({"input_tokens": 1})[0].price == 2.0
    assert prices.find(None, "other") is None


@pytest.mark.parametrize(
    ("price", "message"),
    [
        ({"prompt": 1}, f"unknown price 'prompt'; expected one of: {', '.join(COMMON)}, …"),
        ({"input_mtok": "1"}, "the price input_mtok is str '1'; expected US dollars, 0 or more"),
        ({"input_mtok": -1}, "the price input_mtok is int -1; expected US dollars, 0 or more"),
        ({"input_mtok": True}, "the price input_mtok is bool True; expected US dollars, 0 or more"),
        ({"input_mtok": float("nan")}, "the price input_mtok is float nan; expected US dollars, 0 or more"),
        ({}, "the price of 'm' is dict {}; expected names and US dollars, as in {'input_mtok': 0.2}"),
        (0.2, "the price of 'm' is float 0.2; expected names and US dollars, as in {'input_mtok': 0.2}"),
        (
            {"cache_read_mtok": 1},
            "the price of 'm' is incomplete: Missing ancestor price for cache_read_tokens: input_tokens",
        ),
    ],
)
def test_what_is_no_price_is_refused_in_words(price: Any, message: str) -> None:
    prices = Prices()
    with pytest.raises(UsageError) as raised:
        prices["m"] = price
    assert str(raised.value) == message
    assert not prices
