"""Who would not go on with a call: the model, or a filter before or behind it.

A refusal is an answer and no error, so it is flagged, in one word for all wire formats. What a provider says of its
filters is kept as it came, also where they let everything pass.
"""

from __future__ import annotations

from typing import Final

from nbtrace import semconv
from nbtrace._capture.messages import dumps, listed, mapping
from nbtrace._capture.wire import Attributes, Body

CODES: Final = {
    "content_filter": "prompt",
    "content_policy_violation": "prompt",
    "image_content_policy_violation": "prompt",
    "moderation_blocked": "prompt",
    "bio_policy": "content_filter",
    "misalignment_policy_violation": "content_filter",
}
"""Codes of errors, OpenAI's and Azure's, to who refused."""
_FILTERS: Final = ("prompt_filter_results", "content_filter_results", "content_filters")
"""Where Azure tells of its filters, in a body or in a choice."""


def of_chat(body: Body) -> Attributes:
    """Find a refusal in a chat completion."""
    choices = [mapping(choice) for choice in listed(body.get("choices"))]
    if any(mapping(choice.get("message")).get("refusal") for choice in choices):
        return {semconv.REFUSAL: "model"}
    if any(choice.get("finish_reason") == "content_filter" or _filtered(choice) for choice in choices):
        return {semconv.REFUSAL: "content_filter"}
    prompts = [mapping(one) for one in listed(body.get("prompt_filter_results"))]
    return {semconv.REFUSAL: "prompt"} if any(map(_filtered, prompts)) else {}


def of_response(body: Body) -> Attributes:
    """Find a refusal in a response of the Responses API."""
    items = [mapping(item) for item in listed(body.get("output"))]
    parts = [mapping(part) for item in items for part in listed(item.get("content"))]
    if any(part.get("type") == "refusal" for part in parts):
        return {semconv.REFUSAL: "model"}
    if mapping(body.get("incomplete_details")).get("reason") == "content_filter":
        return {semconv.REFUSAL: "content_filter"}
    blocked = [mapping(one) for one in listed(body.get("content_filters")) if mapping(one).get("blocked")]
    if not blocked:
        return {}
    return {semconv.REFUSAL: "prompt" if blocked[0].get("source_type") == "prompt" else "content_filter"}


def of_message(body: Body) -> Attributes:
    """Find a refusal in a message of Anthropic's."""
    return {semconv.REFUSAL: "model"} if body.get("stop_reason") == "refusal" else {}


def of_error(error: Body) -> Attributes:
    """Find a refusal in an error."""
    who = CODES.get(str(error.get("code")))
    if who is None:
        return {}
    return {semconv.REFUSAL: who, **_kept({"innererror": error.get("innererror")})}


def details(body: Body) -> Attributes:
    """Give what a provider says of its filters and of its refusal."""
    choices = [mapping(choice) for choice in listed(body.get("choices"))]
    found = {name: body.get(name) for name in ("stop_details", *_FILTERS)}
    results = [choice.get("content_filter_results") for choice in choices]
    return _kept({**found, "choices": results if any(results) else None})


def _kept(found: Body) -> Attributes:
    told = {name: value for name, value in found.items() if value}
    return {semconv.CONTENT_FILTER: dumps(told)} if told else {}


def _filtered(results: Body) -> bool:
    """Say whether any category was held back: each has a result of its own."""
    found = mapping(results.get("content_filter_results"))
    return any(mapping(result).get("filtered") is True for result in found.values())
