"""What becomes of a span's attributes before it is stored: its detail, canonical, without secrets, with its cost."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace import semconv
from nbtrace._guard import guard
from nbtrace._trace import pricing
from nbtrace._trace.span import is_ours

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.util.types import AttributeValue

    from nbtrace._trace.duplicates import Calls
    from nbtrace._trace.prices import Prices
    from nbtrace._trace.redact.policy import Policy
    from nbtrace._trace.sink import Detail


def finish(
    span: ReadableSpan, detail: Detail | None, *, calls: Calls, policy: Policy, prices: Prices
) -> dict[str, AttributeValue]:
    """Complete a span's attributes; a step that fails is left out, but nothing passes by the policy."""
    attributes = dict(span.attributes or {})
    if detail is not None:
        attributes[semconv.INCOMPLETE] = "the request and response could not be read; see the log"
        with guard("capture"):
            found = detail()
            del attributes[semconv.INCOMPLETE]
            attributes |= found
    with guard("trace"):
        if not is_ours(span):
            attributes = _canonical(span, attributes)
        attributes = calls.marked(span, attributes)
    attributes = policy.attributes(attributes)
    if policy.content != "full":
        attributes[semconv.CONTENT_MODE] = policy.content
    with guard("pricing"):
        attributes |= pricing.cost(_as_call(attributes), at_ns=span.start_time, prices=prices)
    return attributes


def _as_call(attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Give the attributes of a call, also of one that repeats another: the other may know of no tokens."""
    operation = attributes.get(semconv.DUPLICATE_OPERATION)
    return attributes if operation is None else attributes | {semconv.OPERATION_NAME: operation}


def _canonical(span: ReadableSpan, attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    from nbtrace._trace.dialects import canonical

    scope = span.instrumentation_scope
    return canonical(attributes, span.events, scope.name if scope is not None else "")
