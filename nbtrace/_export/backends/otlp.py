"""Any OTLP receiver, by the standard variables: https://opentelemetry.io/docs/specs/otel/protocol/exporter/."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from nbtrace._export.backends.backend import Address, Backend, Variables
from nbtrace._export.endpoint import TRACES_PATH

if TYPE_CHECKING:
    from nbtrace._export.endpoint import Endpoint

GRPC: Final = "grpc"
PORTS: Final = frozenset({4317, 4318})
LOCAL: Final = "http://localhost:4318"
LOCAL_GRPC: Final = "http://localhost:4317"


def standard(variables: Variables) -> Address:
    """Give where the standard variables lead."""
    is_grpc = variables.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL") == GRPC
    full = variables.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
    base = variables.get("OTEL_EXPORTER_OTLP_ENDPOINT", default=LOCAL_GRPC if is_grpc else LOCAL)
    if not is_grpc:
        return Address(full or base, is_full=bool(full), takes_otel_headers=True)
    insecure = variables.get("OTEL_EXPORTER_OTLP_TRACES_INSECURE", "OTEL_EXPORTER_OTLP_INSECURE").lower() == "true"
    scheme, separator, rest = (full or base).rpartition("://")
    if not separator:  # gRPC's own form of an address, which only the variable says more of
        scheme = "http" if insecure else "https"
    return Address(f"{ {'http': 'grpc', 'https': 'grpcs'}.get(scheme, scheme) }://{rest}", takes_otel_headers=True)


def queried_at(endpoint: Endpoint, port: int) -> str:
    """Give the address of a query API with a port of its own, beside OTLP's; at any other port both are asked."""
    parts = urlsplit(endpoint.url)
    scheme = "https" if parts.scheme in {"https", "grpcs"} else "http"
    host = f"[{endpoint.host}]" if ":" in endpoint.host else endpoint.host
    there = port if endpoint.port in PORTS else endpoint.port
    return f"{scheme}://{host}:{there}{parts.path.removesuffix(TRACES_PATH)}"


BACKEND: Final = Backend("otlp", standard)
