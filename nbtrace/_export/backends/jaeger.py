"""Jaeger 2: https://www.jaegertracing.io/docs/latest/apis/.

It is an OpenTelemetry collector: it takes spans as they are and shows every attribute as a tag. Its address is that of
the standard variables, or the local one; it is read at another port. Its stores keep when a span began and how long it
took in microseconds.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from nbtrace._export.backends.backend import Address, Backend, Variables
from nbtrace._export.backends.otlp import queried_at, standard
from nbtrace._export.there import MICROSECOND, Question, There, from_otlp

if TYPE_CHECKING:
    from nbtrace._export.delivery import Receiver

QUERY_PORT: Final = 16686


def read(question: Question) -> dict[bytes, There]:
    """Read a trace, its clocks as they were: https://www.jaegertracing.io/docs/latest/apis/#query-json-over-http.

    The answer is that of https://github.com/jaegertracing/jaeger-idl/blob/main/proto/api_v3/query_service.proto.
    """
    found = question.get(f"/api/v3/traces/{question.trace}?raw_traces=true")
    return from_otlp(found["result"].get("resourceSpans", ()) if found is not None else (), 2 * MICROSECOND)


def read_at(variables: Variables, to: Receiver) -> Address:
    """Give the query service's port."""
    return Address(queried_at(to.endpoint, QUERY_PORT))


BACKEND: Final = Backend("jaeger", standard, read=read, read_at=read_at)
