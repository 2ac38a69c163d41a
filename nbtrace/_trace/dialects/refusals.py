"""Who would not go on with a call, as the spans of other instrumentations tell it; our own say it themselves.

They have no word for it, so it is read from the answer's parts, the reasons to finish and the error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._trace.dialects.flat import REASONS as GOOGLE
from nbtrace._trace.dialects.flat import listed, mapping

Attributes = Mapping[str, AttributeValue]

REASONS: Final = {
    "refusal": "model",  # OpenAI's part, Anthropic's reason
    "content_filter": "content_filter",
    **dict.fromkeys(("content_filtered", "guardrail_intervened"), "content_filter"),  # Bedrock
    "error_toxic": "content_filter",  # Cohere
    **{reason.lower(): meant for reason, meant in GOOGLE.items() if meant == "content_filter"},
}
"""Reasons to finish, in lower case, to who refused."""
ERRORS: Final = {
    "content_filter": "prompt",
    "content_policy_violation": "prompt",
    "ContentPolicyViolationError": "prompt",
    "ContentFilterFinishReasonError": "content_filter",
}
"""Codes and classes of errors to who refused."""


def read(attributes: Attributes, events: Iterable[Any]) -> dict[str, AttributeValue]:
    """Give the flag of a refusal, if an LLM call's canonical attributes tell of one.

    Examples:
        >>> read({"gen_ai.operation.name": "chat", "gen_ai.response.finish_reasons": ["SAFETY"]}, [])
        {'nbtrace.refusal': 'content_filter'}
    """
    if semconv.REFUSAL in attributes or attributes.get(semconv.OPERATION_NAME) not in semconv.LLM_OPERATIONS:
        return {}
    answers = [mapping(one) for one in listed(attributes.get(semconv.OUTPUT_MESSAGES))]
    if any(mapping(part).get("type") == "refusal" for answer in answers for part in listed(answer.get("parts"))):
        return {semconv.REFUSAL: "model"}
    reasons = [*listed(attributes.get(semconv.RESPONSE_FINISH_REASONS)), *(one.get("finish_reason") for one in answers)]
    errors = [attributes.get(semconv.ERROR_TYPE), *((one.attributes or {}).get("exception.type") for one in events)]
    found = [REASONS.get(_last(one).lower()) for one in reasons] + [ERRORS.get(_last(one)) for one in errors]
    who = next(filter(None, found), None)
    return {} if who is None else {semconv.REFUSAL: who}


def _last(name: object) -> str:
    """Give a name without what it belongs to: `FinishReason.SAFETY` is `SAFETY`."""
    return str(name).rpartition(".")[2]
