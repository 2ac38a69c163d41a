"""What a call used, read from its span: counts, tier, and what makes a price of them doubtful."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv

if TYPE_CHECKING:
    from nbtrace._trace.arithmetic import Arithmetic, Bucket

Attributes = Mapping[str, AttributeValue]

_COUNTED: Final = {
    semconv.USAGE_INPUT_TOKENS: "input_tokens",
    semconv.USAGE_OUTPUT_TOKENS: "output_tokens",
    semconv.USAGE_CACHE_READ: "cache_read_tokens",
    semconv.USAGE_CACHE_WRITE: "cache_write_tokens",
    semconv.USAGE_CACHE_WRITE_1H: "cache_write_1h_tokens",
    semconv.USAGE_REASONING: "output_reasoning_tokens",
    semconv.USAGE_AUDIO_INPUT: "input_audio_tokens",
    semconv.USAGE_AUDIO_OUTPUT: "output_audio_tokens",
    semconv.USAGE_AUDIO_CACHE_READ: "cache_audio_read_tokens",
    semconv.USAGE_IMAGE_INPUT: "input_image_tokens",
    semconv.USAGE_IMAGE_OUTPUT: "output_image_tokens",
    semconv.USAGE_IMAGE_CACHE_READ: "cache_image_read_tokens",
    semconv.USAGE_AUDIO_SECONDS: "input_audio_seconds",
    semconv.USAGE_CHARACTERS: "input_characters",
    semconv.USAGE_WEB_SEARCHES: "web_searches",
    semconv.USAGE_FILE_SEARCHES: "storage_searches",
}
"""Attribute to what genai-prices calls it. Text is what is left of the tokens."""
_CACHED: Final = (
    ("input_audio_tokens", "cache_audio_read_tokens", "input_audio_mtok"),
    ("input_image_tokens", "cache_image_read_tokens", "input_image_mtok"),
)
_OWN: Final = (
    ("input_audio_tokens", "input_audio_mtok"),
    ("output_audio_tokens", "output_audio_mtok"),
    ("cache_write_1h_tokens", "cache_write_1h_mtok"),
)
"""What never costs as much as that of which it is part."""
_STANDARD: Final = frozenset(("default", "standard", "standard_only", "auto", "on_demand"))
"""Service tiers at the price of no tier."""
_TIERS: Final = (
    semconv.OPENAI_RESPONSE_SERVICE_TIER,
    semconv.ANTHROPIC_RESPONSE_SERVICE_TIER,
    semconv.OPENAI_REQUEST_SERVICE_TIER,
    semconv.ANTHROPIC_REQUEST_SERVICE_TIER,
)
"""Where a tier is named: what was used before what was asked for."""


def counts(attributes: Attributes) -> dict[str, float]:
    """Give what was used, by genai-prices' name; empty if nothing was reported or estimated."""
    found = _told(attributes)
    if "input_audio_seconds" in found:
        found["audio_seconds"] = found["input_audio_seconds"]
    for special, both, _ in _CACHED:
        if both not in found and found.get(special) and found.get("cache_read_tokens"):
            # How many of them were cached is not told: as few as there can be.
            found[both] = max(0, found[special] + found["cache_read_tokens"] - found.get("input_tokens", 0))
    return found


def context(attributes: Attributes) -> dict[str, str]:
    """Give the circumstances that have prices of their own; empty for the standard ones."""
    tier = next((str(attributes[key]) for key in _TIERS if key in attributes), "standard")
    found = {"processing": tier} if tier == "batch" else {} if tier in _STANDARD else {"service_tier": tier}
    if attributes.get(semconv.ANTHROPIC_RESPONSE_SPEED) == "fast":
        found["speed"] = "fast"
    return found


def caveats(attributes: Attributes, price: Arithmetic, made: Sequence[Bucket]) -> list[str]:
    """Say why what a price was multiplied with is not quite what will be charged."""
    told = _told(attributes)
    found = ["the tokens are estimated"] if attributes.get(semconv.USAGE_STATE) == "estimated" else []
    found += [f"no price for {bucket.unit}" for bucket in made if bucket.price is None]
    found += [f"no price of their own for {unit}" for unit, key in _OWN if told.get(unit) and not price.has(key)]
    for special, both, key in _CACHED:
        if told.get(special) and told.get("cache_read_tokens") and both not in told and price.has(key):
            found.append(f"how many {both} there were is not told")
    if (place := attributes.get(semconv.ANTHROPIC_RESPONSE_GEO)) not in (None, "global", "not_available"):
        found.append(f"no price for inference in {place}")
    if told.get("web_searches") and attributes.get(semconv.OPENAI_API_TYPE) == "responses":
        found.append("OpenAI may charge more web searches than its answer shows")
    if tools := cast("Sequence[str]", attributes.get(semconv.USAGE_TOOLS) or ()):
        found.append(f"charged apart, and not told: {', '.join(tools)}")
    return found


def _told(attributes: Attributes) -> dict[str, float]:
    found: dict[str, float] = {}
    for key, name in _COUNTED.items():
        value = attributes.get(key)
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            found[name] = value
    return found
