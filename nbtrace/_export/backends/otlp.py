"""Any OTLP receiver, by the standard variables: https://opentelemetry.io/docs/specs/otel/protocol/exporter/."""

from __future__ import annotations

from typing import Final

from nbtrace._export.backends.backend import Address, Backend, Variables
from nbtrace.errors import ExportError

GRPC: Final = "grpc"
LOCAL: Final = "http://localhost:4318"


def standard(variables: Variables) -> Address:
    """Give where the standard variables lead."""
    if variables.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL") == GRPC:
        raise ExportError.grpc()
    full = variables.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    base = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT", default=LOCAL)
    return Address(full or base, is_full=bool(full), takes_otel_headers=True)


BACKEND: Final = Backend("otlp", standard)
