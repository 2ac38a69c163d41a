"""What a call cost: a price of the table, an estimate that says why, or no price and the reason. Never 0 for unknown.

The expected amounts are computed from the prices that the providers publish, not from the table's.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import pytest

from nbtrace import semconv
from nbtrace._trace import pricing
from nbtrace._trace.prices import Prices

CALL: dict[str, Any] = {
    semconv.OPERATION_NAME: "chat",
    semconv.REQUEST_MODEL: "gpt-4o-mini",
    semconv.SERVER_ADDRESS: "api.openai.com",
    semconv.USAGE_INPUT_TOKENS: 1_000_000,
    semconv.USAGE_OUTPUT_TOKENS: 1_000_000,
    semconv.USAGE_STATE: "reported",
}
CLAUDE: dict[str, Any] = CALL | {
    semconv.REQUEST_MODEL: "claude-sonnet-4-5",
    semconv.SERVER_ADDRESS: "api.anthropic.com",
    semconv.USAGE_INPUT_TOKENS: 100_000,
    semconv.USAGE_OUTPUT_TOKENS: 10_000,
}
SOURCE = f"genai-prices {version('genai-prices')}"
NOVEMBER = int(datetime(2026, 11, 1, tzinfo=UTC).timestamp() * 1e9)
KEYS = {
    "operation": semconv.OPERATION_NAME, "model": semconv.REQUEST_MODEL, "answered": semconv.RESPONSE_MODEL,
    "host": semconv.SERVER_ADDRESS, "provider": semconv.PROVIDER_NAME, "sent": semconv.USAGE_INPUT_TOKENS,
    "got": semconv.USAGE_OUTPUT_TOKENS, "read": semconv.USAGE_CACHE_READ, "write": semconv.USAGE_CACHE_WRITE,
    "write_1h": semconv.USAGE_CACHE_WRITE_1H, "reasoning": semconv.USAGE_REASONING, "usage": semconv.USAGE_STATE,
    "audio_in": semconv.USAGE_AUDIO_INPUT, "audio_out": semconv.USAGE_AUDIO_OUTPUT,
    "audio_read": semconv.USAGE_AUDIO_CACHE_READ, "image_in": semconv.USAGE_IMAGE_INPUT,
    "seconds": semconv.USAGE_AUDIO_SECONDS, "characters": semconv.USAGE_CHARACTERS,
    "searches": semconv.USAGE_WEB_SEARCHES, "tools": semconv.USAGE_TOOLS,
    "tier": semconv.OPENAI_RESPONSE_SERVICE_TIER, "asked_tier": semconv.OPENAI_REQUEST_SERVICE_TIER,
    "claude_tier": semconv.ANTHROPIC_RESPONSE_SERVICE_TIER, "speed": semconv.ANTHROPIC_RESPONSE_SPEED,
    "geo": semconv.ANTHROPIC_RESPONSE_GEO, "reported": semconv.COST_REPORTED, "api": semconv.OPENAI_API_TYPE,
}  # fmt: skip


def cost(call: dict[str, Any] = CALL, *, at: int | None = NOVEMBER, **changed: Any) -> dict[str, Any]:
    """Give a call's cost, without its arithmetic."""
    made = call | {KEYS[name]: value for name, value in changed.items()}
    found = pricing.cost({key: value for key, value in made.items() if value is not None}, at_ns=at)
    return {key: value for key, value in found.items() if key != semconv.COST_BUCKETS}


def usd(value: float) -> Any:
    return pytest.approx(value, rel=1e-12)  # pyright: ignore[reportUnknownMemberType]


def priced(value: float) -> dict[str, Any]:
    return {semconv.USAGE_COST: usd(value), semconv.COST_STATE: "priced", semconv.COST_SOURCE: SOURCE}


def estimated(value: float, reason: str) -> dict[str, Any]:
    return priced(value) | {semconv.COST_STATE: "estimated", semconv.COST_REASON: reason}


def unpriced(reason: str) -> dict[str, Any]:
    return {semconv.COST_STATE: "unpriced", semconv.COST_REASON: reason}


def test_tokens_times_the_price_of_a_known_server() -> None:
    assert cost() == priced(0.15 + 0.60)
    assert cost(answered="gpt-4o-mini-2024-07-18", model="mine") == priced(0.75)
    assert cost(host="mine.openai.azure.com") == priced(0.75)
    own = "llm.example.org is an address of your own: at the price of Azure"
    assert cost(host="llm.example.org", provider="azure.ai.openai") == estimated(0.75, own)
    for host, provider in (("127.0.0.1", "azure.ai.openai"), ("llm.example.org", "openai")):
        assert cost(host=host, provider=provider) == unpriced(f"no price for gpt-4o-mini at {host}")
    assert cost(operation="embeddings", model="text-embedding-3-small", got=None) == priced(0.02)


def test_what_a_cache_had_a_part_in_costs_less_or_more() -> None:
    assert cost(read=400_000) == priced(0.6 * 0.15 + 0.4 * 0.075 + 0.60)
    told = {"read": 20_000, "write": 50_000, "write_1h": 30_000}
    five_minutes, an_hour = 20_000 * 3.75, 30_000 * 6
    assert cost(CLAUDE, **told) == priced((30_000 * 3 + 20_000 * 0.3 + five_minutes + an_hour + 10_000 * 15) / 1e6)


def test_reasoning_is_part_of_the_output() -> None:
    assert cost(model="gpt-5", reasoning=900_000) == priced(1.25 + 10)


def test_long_prompts_cost_more() -> None:
    long, short = 300_000, 200_000
    assert cost(model="gpt-5.5", sent=short, got=1000) == priced((short * 5 + 1000 * 30) / 1e6)
    assert cost(model="gpt-5.5", sent=long, got=1000) == priced((long * 10 + 1000 * 45) / 1e6)


@pytest.mark.parametrize(
    ("tier", "value"),
    [("default", 11.25), ("flex", 0.625 + 5), ("priority", 2.5 + 20), ("batch", 0.625 + 5), ("auto", 11.25)],
)
def test_a_service_tier_has_prices_of_its_own(tier: str, value: float) -> None:
    assert cost(model="gpt-5", tier=tier) == priced(value)
    assert cost(model="gpt-5", asked_tier=tier) == priced(value)


def test_the_tier_that_was_used_counts_and_not_the_one_that_was_asked_for() -> None:
    assert cost(model="gpt-5", asked_tier="priority", tier="default") == priced(11.25)


def test_a_tier_that_the_table_does_not_know_makes_an_estimate() -> None:
    scale = "no price for service_tier scale: at the standard one"
    assert cost(model="gpt-5", tier="scale") == estimated(11.25, scale)
    before_it_was_published = int(datetime(2026, 10, 1, tzinfo=UTC).timestamp() * 1e9)
    flex = "no price for service_tier flex: at the standard one"
    assert cost(model="gpt-5", tier="flex", at=before_it_was_published) == estimated(11.25, flex)
    assert cost(model="gpt-5", tier="flex", host="mine.openai.azure.com") == estimated(11.25, flex)
    priority = "no price for service_tier priority: at the standard one"
    assert cost(CLAUDE, claude_tier="priority") == estimated(0.45, priority)
    assert cost(CLAUDE, claude_tier="standard") == priced(0.45)
    assert cost(CLAUDE, claude_tier="batch") == priced(0.225)


def test_a_price_is_that_of_its_day() -> None:
    august, september = (int(datetime(2026, month, 1, tzinfo=UTC).timestamp() * 1e9) for month in (8, 9))
    assert cost(model="gpt-5.6", sent=1000, got=0, at=august) == priced(0.005)
    assert cost(model="gpt-5.6", sent=1000, got=0, at=september) == priced(0.004)
    assert cost(model="gpt-4o-mini", at=None) == priced(0.75)


def test_sound_and_pictures_have_prices_of_their_own() -> None:
    audio = cost(model="gpt-audio", sent=1000, got=500, audio_in=800, audio_out=400)
    assert audio == priced((200 * 2.5 + 800 * 32 + 100 * 10 + 400 * 64) / 1e6)
    image = cost(operation="image_generation", model="gpt-image-1", sent=300, got=4000, image_in=200)
    assert image == priced((100 * 5 + 200 * 10 + 4000 * 40) / 1e6)


def test_sound_without_a_price_of_its_own_makes_an_estimate() -> None:
    reason = "no price of their own for input_audio_tokens; no price of their own for output_audio_tokens"
    found = cost(model="gpt-4o-audio-preview", sent=1000, got=500, audio_in=800, audio_out=400)
    assert found == estimated((1000 * 2.5 + 500 * 10) / 1e6, reason)


def test_how_much_of_what_was_cached_was_sound_may_not_be_told() -> None:
    """As few as there can be: 1000 tokens, 800 of them audio and 600 cached, so at least 400 are both."""
    call: dict[str, Any] = {"model": "gpt-realtime", "sent": 1000, "got": 0, "audio_in": 800, "read": 600}
    text, cached_text, audio, cached_audio = 0 * 4, 200 * 0.4, 400 * 32, 400 * 0.4
    least = (text + cached_text + audio + cached_audio) / 1e6
    assert cost(**call) == estimated(least, "how many cache_audio_read_tokens there were is not told")
    told = (100 * 4 + 100 * 0.4 + 300 * 32 + 500 * 0.4) / 1e6
    assert cost(**call, audio_read=500) == priced(told)


def test_what_is_no_token() -> None:
    minute: dict[str, Any] = {
        "operation": "transcription",
        "model": "whisper-1",
        "sent": None,
        "got": None,
        "seconds": 60.0,
    }
    assert cost(**minute) == priced(0.006)
    speech: dict[str, Any] = {"operation": "speech", "model": "tts-1", "sent": None, "got": None, "characters": 2000}
    assert cost(**speech) == priced(0.03)
    assert cost(CLAUDE, searches=3) == priced(0.45 + 3 * 0.01)
    groq: dict[str, Any] = {**minute, "model": "whisper-large-v3", "host": "api.groq.com"}
    assert cost(**groq) == priced(0.111 / 60)
    groq["seconds"] = 3.0
    assert cost(**groq) == priced(0.111 / 360)  # ten seconds at least


def test_what_the_provider_does_not_tell_makes_an_estimate() -> None:
    tools = cost(tools=("code_interpreter",))
    assert tools == estimated(0.75, "charged apart, and not told: code_interpreter")
    searched = cost(model="gpt-5", searches=2, api="responses")
    assert searched == estimated(11.25 + 0.02, "OpenAI may charge more web searches than its answer shows")
    assert cost(CLAUDE, geo="us") == estimated(0.45, "no price for inference in us")
    assert cost(CLAUDE, geo="global") == priced(0.45)
    assert cost(CLAUDE, speed="fast") == estimated(0.45, "no price for speed fast: at the standard one")
    no_such_price = cost(operation="embeddings", model="text-embedding-3-small", got=5)
    assert no_such_price == estimated(0.02, "no price for output_tokens")
    assert cost(usage="estimated") == estimated(0.75, "the tokens are estimated")


def test_a_count_that_is_missing_adds_nothing() -> None:
    assert cost(got=None) == priced(0.15)
    assert cost(sent=None) == priced(0.60)
    assert cost(sent=0, got=0) == priced(0.0)


def test_parts_that_overlap_are_told_apart_only_where_they_have_prices() -> None:
    found = cost(model="gpt-audio", sent=0, got=500, audio_out=400, reasoning=300)
    assert found == priced((100 * 10 + 400 * 64) / 1e6)


def test_hosts_that_the_table_has_another_name_for() -> None:
    regional = "eu.api.openai.com is of another region than the table's"
    assert cost(host="eu.api.openai.com") == estimated(0.75, regional)
    together = cost(model="meta-llama/Llama-3.3-70B-Instruct-Turbo", host="api.together.ai")
    assert together[semconv.COST_STATE] == "priced"
    assert together == cost(model="meta-llama/Llama-3.3-70B-Instruct-Turbo", host="api.together.xyz")


@pytest.mark.parametrize(
    ("provider", "model", "value"),
    [
        ("openai", "gpt-4o-mini", 0.75),
        ("azure.ai.openai", "gpt-4o-mini", 0.75),
        ("gcp.vertex_ai", "gemini-2.0-flash", 0.1 + 0.4),
        ("aws.bedrock", "anthropic.claude-3-haiku-20240307-v1:0", 0.25 + 1.25),
        ("mistral_ai", "mistral-small-latest", 0.15 + 0.6),
    ],
)
def test_a_span_that_names_no_server_is_priced_by_its_provider(provider: str, model: str, value: float) -> None:
    reason = f"no server is named: at the price of {provider}"
    assert cost(host=None, provider=provider, model=model) == estimated(value, reason)


def test_what_a_router_says_that_it_charged_is_the_cost() -> None:
    charged = {
        semconv.USAGE_COST: 0.0031,
        semconv.COST_STATE: "priced",
        semconv.COST_SOURCE: "reported by the provider",
    }
    assert cost(host="openrouter.ai", reported=0.0031) == charged
    assert cost(host="api.perplexity.ai", reported=0.0031) == charged
    assert cost(host="127.0.0.1", reported=0.0031) == unpriced("no price for gpt-4o-mini at 127.0.0.1")


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"host": "127.0.0.1"}, "no price for gpt-4o-mini at 127.0.0.1"),
        ({"host": "proxy.example.org"}, "no price for gpt-4o-mini at proxy.example.org"),
        ({"host": None}, "no price for gpt-4o-mini at an unknown server"),
        ({"host": None, "provider": "mine"}, "no price for gpt-4o-mini at an unknown server"),
        ({"model": "gpt-99"}, "no price for gpt-99 at api.openai.com"),
        ({"model": ""}, "no price for  at api.openai.com"),
        ({"answered": "mine:7b"}, "no price for mine:7b at api.openai.com"),
        ({"sent": None, "got": None, "usage": None}, "no token counts"),
        ({"sent": "many", "got": True}, "no token counts"),
        (
            {"operation": "speech", "model": "gpt-4o-mini-tts", "sent": None, "got": None, "characters": 9},
            "no price for input_characters of gpt-4o-mini-tts",
        ),
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
    assert cost(operation="invoke_agent") == cost(operation="moderation") == {}
    assert cost(model=None) == {}
    assert pricing.cost(CALL | {semconv.USAGE_COST: 1.5}) == {semconv.COST_STATE: "priced"}
    assert pricing.cost(CALL | {semconv.USAGE_COST: 1.5, semconv.COST_STATE: "estimated"}) == {}


def test_the_arithmetic_is_kept() -> None:
    found = pricing.cost(CLAUDE | {semconv.USAGE_CACHE_WRITE: 5000, semconv.USAGE_CACHE_WRITE_1H: 2000})
    assert json.loads(str(found[semconv.COST_BUCKETS])) == {
        "input_tokens": [95_000, 3.0, 1_000_000],
        "cache_write_tokens": [3000, 3.75, 1_000_000],
        "cache_write_1h_tokens": [2000, 6.0, 1_000_000],
        "output_tokens": [10_000, 15.0, 1_000_000],
    }


def test_prices_of_ones_own_come_first() -> None:
    prices = Prices()
    prices["gpt-4o-mini"] = {"input_mtok": 1, "output_mtok": 2}
    prices["mine"] = {"requests_kcount": 5}
    own = pricing.cost(CALL | {semconv.SERVER_ADDRESS: "127.0.0.1"}, prices=prices)
    assert (own[semconv.USAGE_COST], own[semconv.COST_STATE], own[semconv.COST_SOURCE]) == (3.0, "priced", "custom")
    flat = pricing.cost(CALL | {semconv.RESPONSE_MODEL: "mine"}, prices=prices)
    assert (flat[semconv.USAGE_COST], flat[semconv.COST_STATE], flat[semconv.COST_REASON]) == (
        0.005, "estimated", "no price for input_tokens; no price for output_tokens",
    )  # fmt: skip
    assert pricing.cost(CALL | {semconv.REQUEST_MODEL: "gpt-4.1"}, prices=prices)[semconv.COST_SOURCE] == SOURCE
    prices["free"] = {"input_mtok": 0, "output_mtok": 0}
    free = pricing.cost(CALL | {semconv.REQUEST_MODEL: "free"}, prices=prices)
    assert (free[semconv.USAGE_COST], free[semconv.COST_STATE]) == (0.0, "priced")
