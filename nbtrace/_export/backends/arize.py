"""Arize AX: https://arize.com/docs/ax/integrations/opentelemetry/opentelemetry-arize-otel.

It reads OpenInference (https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md), so the whole
span is said in it, messages flattened.
"""

from __future__ import annotations

from typing import Final

from nbtrace._export import openinference
from nbtrace._export.backends.backend import Address, Backend, Variables


def address(variables: Variables) -> Address:
    """Give the space's ingest."""
    base = variables.get("ARIZE_COLLECTOR_ENDPOINT", default="https://otlp.arize.com").rstrip("/").removesuffix("/v1")
    key = variables.need("ARIZE_API_KEY", what="an API key")
    space = variables.need("ARIZE_SPACE_ID", what="the space's id")
    project = variables.get("ARIZE_PROJECT_NAME", default="default")
    headers = {"authorization": key, "api_key": key, "arize-space-id": space, "space_id": space}
    return Address(base, headers, {openinference.PROJECT: project})


BACKEND: Final = Backend("arize", address, (*openinference.STEPS, *openinference.CALLS))
