"""What a call cost: a price of the table, an estimate that says so, or no price and the reason. Never 0 for unknown."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pytest

from nbtrace import semconv
from nbtrace._trace import pricing

CALL: dict[str, Any] = {
    semconv.OPERATION_NAME: "chat",
    semconv.REQUEST_MODEL: "gpt-4o-mini",
    semconv.SERVER_ADDRESS: "api.openai.com",
    semconv.USAGE_INPUT_TOKENS: 1_000_000,
    semconv.USAGE_OUTPUT_TOKENS: 1_000_000,
    semconv.USAGE_STATE: "reported",
}
SOURCE = f"genai-prices {version('genai-prices')}"


def cost(**changed: Any) -> dict[str, Any]:
    keys = {"model": semconv.REQUEST_MODEL, "answered": semconv.RESPONSE_MODEL, "host": semconv.SERVER_ADDRESS,
            "sent": semconv.USAGE_INPUT_TOKENS, "got": semconv.USAGE_OUTPUT_TOKENS, "read": semconv.USAGE_CACHE_READ,
            "write": semconv.USAGE_CACHE_WRITE, "usage": semconv.USAGE_STATE}  # fmt: skip
    call = CALL | {keys[name]: value for name, value in changed.items()}
    return dict(pricing.cost({key: value for key, value in call.items() if value is not None}))


def priced(usd: float, state: str = "priced") -> dict[str, Any]:
    return {
        semconv.USAGE_COST: pytest.approx(usd),
        semconv.COST_STATE: state,
        semconv.COST_SOURCE: SOURCE,
    }


def unpriced(reason: str) -> dict[str, Any]:
    return {semconv.COST_STATE: "unpriced", semconv.COST_REASON: reason}


def test_tokens_times_the_price_of_a_known_server() -> None:
    assert cost() == priced(0.15 + 0.60)
    assert cost(answered="gpt-4o-mini-2024-07-18", model="mine") == priced(0.75)
    assert cost(host="mine.openai.azure.com") == priced(0.75)


def test_cached_tokens_cost_less() -> None:
    assert cost(read=400_000) == priced(0.6 * 0.15 + 0.4 * 0.075 + 0.60)


def test_a_count_that_is_missing_adds_nothing() -> None:
    assert cost(got=None) == priced(0.15)
    assert cost(sent=None) == priced(0.60)


def test_an_estimate_says_so() -> None:
    assert cost(usage="estimated") == priced(0.75, "estimated")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"host": "127.0.0.1"}, "no price for gpt-4o-mini at 127.0.0.1"),
        ({"host": "proxy.example.org"}, "no price for gpt-4o-mini at proxy.example.org"),
        ({"host": None}, "no price for gpt-4o-mini at an unknown server"),
        ({"model": "gpt-99"}, "no price for gpt-99 at api.openai.com"),
        ({"model": ""}, "no price for  at api.openai.com"),
        ({"answered": "mine:7b"}, "no price for mine:7b at api.openai.com"),
        ({"sent": None, "got": None, "usage": None}, "no token counts"),
        ({"sent": "many", "got": None}, "no token counts"),
        (
            {"read": 2_000_000},
            "Invalid usage data: cache_read_tokens (2000000) cannot exceed input_tokens (1000000)",
        ),
    ],
)
def test_what_has_no_price_says_why(changed: dict[str, Any], reason: str) -> None:
    assert cost(**changed) == unpriced(reason)


def test_what_is_no_call_or_has_a_cost_is_left_alone() -> None:
    assert pricing.cost({"name": "cell"}) == {}
    assert pricing.cost({semconv.OPERATION_NAME: "execute_tool"}) == {}
    assert pricing.cost(CALL | {semconv.USAGE_COST: 1.5}) == {semconv.COST_STATE: "priced"}
    assert pricing.cost(CALL | {semconv.USAGE_COST: 1.5, semconv.COST_STATE: "estimated"}) == {}
