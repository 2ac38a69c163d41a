"""Pydantic Logfire: https://logfire.pydantic.dev/docs/how-to-guides/alternative-clients/.

It reads the conventions, cache writes by their older name, cost as `operation.cost`, and its own message, tags and
level. The region is in the write token.
"""

from __future__ import annotations

import re
from typing import Final

from nbtrace._export.backends.backend import Address, Attributes, Backend, Limits, Variables
from nbtrace._export.facts import Facts, as_json

ERROR_LEVEL: Final = 17
"""OpenTelemetry's number of the severity, which Logfire's levels are."""


def address(variables: Variables) -> Address:
    """Give the ingest of the token's region."""
    token = variables.need("LOGFIRE_TOKEN", what="a write token")
    region = re.match(r"pylf_v\d+_([a-z]+)_", token)
    base = f"https://logfire-{region[1] if region else 'us'}.pydantic.dev"
    return Address(variables.get("LOGFIRE_BASE_URL", default=base), {"authorization": token})


def kind(span: Facts) -> Attributes:
    """Say what a span is, how it went, and what it has no field for."""
    return {
        "logfire.msg": span.row["name"],
        "logfire.span_type": "span",
        "logfire.tags": span.tags,
        "logfire.level_num": ERROR_LEVEL if span.failed else None,
        **{key: as_json(value) for key, value in span.remarks().items() if key not in span.row},
    }


def cost(span: Facts) -> Attributes:
    """Say the cost."""
    return {"operation.cost": span.cost_usd}


def usage(span: Facts) -> Attributes:
    """Say the finer counts of tokens."""
    return {
        "gen_ai.usage.cache_creation.input_tokens": span.cache_write_tokens,
        "gen_ai.usage.details.reasoning_tokens": span.reasoning_tokens,
    }


BACKEND: Final = Backend("logfire", address, (kind, cost, usage), limits=Limits(request_bytes=5_000_000))
