"""Honeycomb: https://docs.honeycomb.io/send-data/opentelemetry/.

Every attribute is a field of an event, and the conventions' names are what its users query. A text is at most 64 KB
there: https://docs.honeycomb.io/send-data/troubleshoot/limits/. The variables are those of Honeycomb's own distribution
of OpenTelemetry, which is archived; a dataset counts only with keys of Honeycomb Classic:
https://github.com/honeycombio/honeycomb-opentelemetry-python/blob/main/src/honeycomb/opentelemetry/options.py. What it
has cannot be read back but with its Enterprise plan: https://docs.honeycomb.io/api/query-results.
"""

from __future__ import annotations

from typing import Final

from nbtrace._export.backends.backend import Address, Backend, Limits, Variables


def address(variables: Variables) -> Address:
    """Give the ingest of the key's environment."""
    headers = {"x-honeycomb-team": variables.need("HONEYCOMB_API_KEY", what="an ingest key")}
    if dataset := variables.get("HONEYCOMB_DATASET"):
        headers["x-honeycomb-dataset"] = dataset
    return Address(variables.get("HONEYCOMB_API_ENDPOINT", default="https://api.honeycomb.io"), headers)


BACKEND: Final = Backend("honeycomb", address, limits=Limits(attribute_bytes=64_000, request_bytes=5_000_000))
