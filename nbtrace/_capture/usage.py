"""What a call used, as each wire format reports it: tokens of all kinds, and what else is charged.

The names are those of the conventions, by which totals hold their parts: input tokens the cached ones, output tokens
the reasoning. Formats that count otherwise are brought to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture.messages import converted, listed, mapping
from nbtrace._capture.wire import Attributes, Body

_SENT: Final = {
    "cached_tokens": semconv.USAGE_CACHE_READ,
    "cache_write_tokens": semconv.USAGE_CACHE_WRITE,
    "text_tokens": semconv.USAGE_TEXT_INPUT,
    "audio_tokens": semconv.USAGE_AUDIO_INPUT,
    "image_tokens": semconv.USAGE_IMAGE_INPUT,
}
_CACHED: Final = {"audio_tokens": semconv.USAGE_AUDIO_CACHE_READ, "image_tokens": semconv.USAGE_IMAGE_CACHE_READ}
_RECEIVED: Final = {
    "reasoning_tokens": semconv.USAGE_REASONING,
    "text_tokens": semconv.USAGE_TEXT_OUTPUT,
    "audio_tokens": semconv.USAGE_AUDIO_OUTPUT,
    "image_tokens": semconv.USAGE_IMAGE_OUTPUT,
}
_MODALITIES: Final = ("text_tokens", "audio_tokens", "image_tokens")
"""Kinds of which there are none in most calls, which is not worth telling."""
_APART: Final = ("code_interpreter", "image_generation", "computer", "shell", "local_shell")
"""Tools of the Responses API that are charged by other measures than tokens, or by tokens that are not told."""


def of_chat(usage: Body) -> Attributes:
    """Read the usage of a chat completion, a completion or an embedding."""
    sent, received = mapping(usage.get("prompt_tokens_details")), mapping(usage.get("completion_tokens_details"))
    output, reasoning = usage.get("completion_tokens"), received.get("reasoning_tokens")
    counts: list[Any] = [usage.get("prompt_tokens"), output, reasoning]
    if reasoning and all(isinstance(count, int) for count in counts) and usage.get("total_tokens") == sum(counts):
        output += reasoning  # xAI counts reasoning beside the output
    hits = usage.get("prompt_cache_hit_tokens", usage.get("cached_tokens"))  # DeepSeek's, Moonshot's
    found = {semconv.USAGE_INPUT_TOKENS: usage.get("prompt_tokens"), semconv.USAGE_OUTPUT_TOKENS: output}
    return _reported({**found, semconv.USAGE_CACHE_READ: hits}, sent, received) | _charged(usage.get("cost"))


def of_response(body: Body) -> Attributes:
    """Read the usage of a response of the Responses API, and count the tools that ran at the provider."""
    usage = mapping(body.get("usage"))
    ran = [str(mapping(item).get("type")).removesuffix("_call") for item in listed(body.get("output"))]
    found = of_tokens(usage)
    for tool, key in (("web_search", semconv.USAGE_WEB_SEARCHES), ("file_search", semconv.USAGE_FILE_SEARCHES)):
        if tool in ran:
            found[key] = ran.count(tool)
    if apart := sorted({tool for tool in ran if tool in _APART}):
        found[semconv.USAGE_TOOLS] = apart
    return found


def of_tokens(usage: Body) -> Attributes:
    """Read the usage of a response, an image or a transcription."""
    sent = mapping(usage.get("input_tokens_details") or usage.get("input_token_details"))
    received = mapping(usage.get("output_tokens_details") or usage.get("output_token_details"))
    totals = {
        semconv.USAGE_INPUT_TOKENS: usage.get("input_tokens"),
        semconv.USAGE_OUTPUT_TOKENS: usage.get("output_tokens"),
    }
    return _reported(totals, sent, received) | _charged(usage.get("cost"))


def of_media(body: Body) -> Attributes:
    """Read the usage of an image or of sound: tokens, or the length of a recording, which Whisper tells its own way."""
    usage = mapping(body.get("usage"))
    found = of_tokens(usage)
    seconds = usage.get("seconds", body.get("duration"))
    if seconds is not None:
        found |= {semconv.USAGE_AUDIO_SECONDS: converted(float, seconds), semconv.USAGE_STATE: "reported"}
    return found


def of_message(body: Body) -> Attributes:
    """Read the usage of a message of Anthropic's, and whether code ran at the provider.

    Its `input_tokens` are those that no cache had a part in, so what was read from and written to the cache is added.
    """
    usage = mapping(body.get("usage"))
    fresh, output = usage.get("input_tokens"), usage.get("output_tokens")
    read, written = usage.get("cache_read_input_tokens"), usage.get("cache_creation_input_tokens")
    counts = {
        semconv.USAGE_INPUT_TOKENS: sum(one for one in (fresh, read, written) if isinstance(one, int))
        if isinstance(fresh, int)
        else fresh,
        semconv.USAGE_OUTPUT_TOKENS: output,
        semconv.USAGE_CACHE_READ: read,
        semconv.USAGE_CACHE_WRITE: written,
        semconv.USAGE_CACHE_WRITE_1H: mapping(usage.get("cache_creation")).get("ephemeral_1h_input_tokens") or None,
        semconv.USAGE_REASONING: mapping(usage.get("output_tokens_details")).get("thinking_tokens"),
        semconv.USAGE_WEB_SEARCHES: mapping(usage.get("server_tool_use")).get("web_search_requests") or None,
    }
    found = _counted(counts)
    for name, key in (
        ("service_tier", semconv.ANTHROPIC_RESPONSE_SERVICE_TIER),
        ("speed", semconv.ANTHROPIC_RESPONSE_SPEED),
        ("inference_geo", semconv.ANTHROPIC_RESPONSE_GEO),
    ):
        if value := usage.get(name):
            found[key] = str(value)
    ran = [mapping(block) for block in listed(body.get("content"))]
    if any(str(block.get("type")).endswith("code_execution_tool_result") for block in ran):
        found[semconv.USAGE_TOOLS] = ["code_execution"]
    return {**found, semconv.USAGE_STATE: "reported"} if output is not None else found


def _reported(totals: Mapping[str, Any], sent: Body, received: Body) -> Attributes:
    cached = mapping(sent.get("cached_tokens_details"))
    found = dict(totals)
    for names, told in ((_SENT, sent), (_CACHED, cached), (_RECEIVED, received)):
        for name, key in names.items():
            if (count := told.get(name)) or (count == 0 and name not in _MODALITIES):
                found[key] = count
    counts = _counted(found)
    return {**counts, semconv.USAGE_STATE: "reported"} if counts else {}


def _counted(counts: Mapping[str, Any]) -> Attributes:
    return {key: converted(int, count) for key, count in counts.items() if count is not None}


def _charged(cost: object) -> Attributes:
    """Take what a router says that the call cost: OpenRouter a number, Perplexity a bill."""
    told = mapping(cost).get("total_cost") if isinstance(cost, dict) else cost
    return {semconv.COST_REPORTED: float(told)} if isinstance(told, (int, float)) else {}
