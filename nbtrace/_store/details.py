"""What a span has beside its own attributes: its detail, a function that builds the rest when the span is encoded."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.util.types import AttributeValue

    Attributes = Mapping[str, AttributeValue]
    Detail = Callable[[], Attributes]


def merge_detail(span: ReadableSpan, detail: Detail | None) -> Attributes:
    """Give a span's attributes as they are, with those of its detail."""
    return {**own(span), **(detail() if detail is not None else {})}


def own(span: ReadableSpan) -> Attributes:
    """Copy the attributes of a span in one step, because others may be changing a running one."""
    return cast("Attributes", cast("dict[str, AttributeValue]", span.attributes or {}).copy())


def size_of(detail: Detail | None) -> int:
    """Give the bytes that a detail holds until it is built; 0 of one that does not say."""
    return getattr(detail, "size", 0)
