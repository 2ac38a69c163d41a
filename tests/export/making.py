"""Spans with any attributes, and the attributes that any span may have."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, TraceFlags

from nbtrace._store.schema import PROMOTED

FLOATS = st.floats(allow_nan=False) | st.just(float("nan"))  # JSON has one NaN, not 2**52
SCALARS = st.one_of(
    st.none(), st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1), FLOATS, st.binary(max_size=20)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=8,
)
ATTRIBUTES = st.dictionaries(st.text(min_size=1, max_size=5), VALUES, max_size=6)
PROMOTED_ATTRIBUTES = st.dictionaries(st.sampled_from(sorted(PROMOTED)), VALUES | st.lists(st.text(), max_size=3))


def made(
    attributes: dict[str, Any],
    around: dict[str, Any] | None = None,
    times: tuple[int, int] = (1, 3),
    ids: tuple[int, int] = (1, 2),
) -> ReadableSpan:
    context = SpanContext(*ids, is_remote=False, trace_flags=TraceFlags(1))
    around = around or {}
    return ReadableSpan(
        "span",
        context,
        resource=Resource(around),
        attributes=attributes,
        events=[Event("event", around, 5)],
        links=[Link(context, around)],
        instrumentation_scope=InstrumentationScope("scope", None, None, around),
        start_time=times[0],
        end_time=times[1],
    )
