"""Arize Phoenix: https://arize.com/docs/phoenix/tracing/concepts-tracing/translating-conventions.

It makes OpenInference of the conventions' attributes, and what is in OpenInference already wins. So messages, tools and
parameters go out as they are, and what it does not make is said in OpenInference's names. It takes protobuf only.
"""

from __future__ import annotations

from typing import Final

from nbtrace._export import openinference
from nbtrace._export.backends.backend import Address, Attributes, Backend, Variables
from nbtrace._export.facts import Facts


def address(variables: Variables) -> Address:
    """Give a server of one's own or a space of the cloud's."""
    base = variables.get("PHOENIX_COLLECTOR_ENDPOINT", default="http://localhost:6006")
    headers = openinference.headers(variables.get("PHOENIX_CLIENT_HEADERS"))
    if key := variables.get("PHOENIX_API_KEY"):
        headers["authorization"] = f"Bearer {key}"
    project = variables.get("PHOENIX_PROJECT_NAME", "PHOENIX_PROJECT", default="default")
    return Address(base, headers, {openinference.PROJECT: project})


def overlay(span: Facts) -> Attributes:
    """Say what Phoenix does not make of the conventions."""
    return openinference.basics(span) | openinference.usage(span) | openinference.retrieved(span)


BACKEND: Final = Backend("phoenix", address, overlay)
