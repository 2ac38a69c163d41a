"""Sends one OTLP request over gRPC: the bytes that HTTP would carry too, as one call.

Which failures may pass is the OTLP specification's to say: https://opentelemetry.io/docs/specs/otlp/#failures. Each try
has a channel of its own, for gRPC itself waits before it connects again, and would refuse to try meanwhile. The library
says why a connection failed only in words, which are read here, and told as they are where nobody knows them.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from typing import Any, Final

from google.protobuf.any_pb2 import Any as Packed
from google.protobuf.duration_pb2 import Duration
from google.protobuf.empty_pb2 import Empty
from google.protobuf.message import DecodeError
from google.protobuf.unknown_fields import UnknownFieldSet
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from nbtrace._export.answer import CONNECTION_TRIES, PAUSES, Answer, Failure, short
from nbtrace._export.endpoint import LOOPBACK, Compression, Endpoint
from nbtrace.errors import ExportError, UsageError

METHOD: Final = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

STATUSES: Final = {
    "INVALID_ARGUMENT": 400,
    "UNAUTHENTICATED": 401,
    "PERMISSION_DENIED": 403,
    "NOT_FOUND": 404,
    "UNIMPLEMENTED": 404,
    "RESOURCE_EXHAUSTED": 429,
    "UNAVAILABLE": 503,
    "DEADLINE_EXCEEDED": 504,
}
"""Codes to the HTTP statuses that mean the same; all others are 500."""

RETRYABLE: Final = frozenset({"CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"})
"""RESOURCE_EXHAUSTED is too, where the receiver says when."""

TOO_LARGE: Final = re.compile(r"(?i)message.*(larger than|too large)")
"""What servers say, with this code or that, of a request beyond their limit."""

OPTIONS: Final = (
    ("grpc.enable_retries", 0),
    ("grpc.primary_user_agent", "nbtrace"),
    ("grpc.use_local_subchannel_pool", 1),
)


def call(endpoint: Endpoint, body: bytes, compression: Compression, timeout: float) -> Answer | Failure:
    """Try once to send an `ExportTraceServiceRequest`.

    Raises:
        ExportError: A header cannot be sent.
        UsageError: The library is not installed.
    """
    grpc = library()
    headers = _metadata(endpoint)
    kinds = grpc.Compression
    packing = {"gzip": kinds.Gzip, "deflate": kinds.Deflate, "none": kinds.NoCompression}[compression]
    try:
        with _channel(grpc, endpoint) as channel:
            said = channel.unary_unary(METHOD)(body, timeout=timeout, metadata=headers, compression=packing)
    except grpc.RpcError as error:
        return _failure(endpoint, error)
    try:
        partial = ExportTraceServiceResponse.FromString(said).partial_success
    except DecodeError:
        return Answer(len(body), 0, "")  # a success whose text is not OTLP is a success
    return Answer(len(body), max(partial.rejected_spans, 0), short(endpoint, partial.error_message))


def library() -> Any:
    """Give gRPC's library, told to write nothing below the user's cell: what fails is in our errors.

    Raises:
        UsageError: It is not installed.
    """
    variable = "GRPC_VERBOSITY"  # read once, while the library is loaded
    is_ours = "grpc" not in sys.modules and variable not in os.environ
    if is_ours:
        os.environ[variable] = "NONE"
    try:
        import grpc
    except ImportError as error:
        raise UsageError.missing("an export by OTLP/gRPC", "grpcio", extra="nbtrace[grpc]") from error
    finally:
        if is_ours:
            del os.environ[variable]
    return grpc


def _channel(grpc: Any, endpoint: Endpoint) -> Any:
    target = f"[{endpoint.host}]:{endpoint.port}" if ":" in endpoint.host else f"{endpoint.host}:{endpoint.port}"
    options = list(OPTIONS)
    if endpoint.host in LOOPBACK:
        options.append(("grpc.enable_http_proxy", 0))  # a proxy has a loopback of its own
    if endpoint.tls is None:
        return grpc.insecure_channel(target, options)
    return grpc.secure_channel(target, grpc.ssl_channel_credentials(*endpoint.pem), options)


def _metadata(endpoint: Endpoint) -> list[tuple[str, str | bytes]]:
    """Check what the library would write into its log, with the value."""
    for name, value in endpoint.headers.items():
        if not re.fullmatch(r"[a-z0-9_.-]+", name) or not re.fullmatch(r"[\x20-\x7e]*", value):
            raise ExportError.header(name)
    return [(name, value.encode() if name.endswith("-bin") else value) for name, value in endpoint.headers.items()]


def _failure(endpoint: Endpoint, error: Any) -> Failure:
    code, said = error.code().name, error.details() or ""
    if code == "UNAVAILABLE" and (failed := _no_connection(endpoint, said)):
        return failed
    if code == "DEADLINE_EXCEEDED" and said == "Deadline Exceeded":
        return Failure(ExportError.timed_out(endpoint.shown, endpoint.timeout))
    is_too_large = code in {"RESOURCE_EXHAUSTED", "OUT_OF_RANGE"} and bool(TOO_LARGE.search(said))
    status = 413 if is_too_large else STATUSES.get(code, 500)
    told = ExportError.refused(endpoint.shown, status, f"gRPC {code}", short(endpoint, said))
    after = _retry_after(error.trailing_metadata() or ())
    if is_too_large or not (code in RETRYABLE or (code == "RESOURCE_EXHAUSTED" and after is not None)):
        return Failure(told, is_unreadable=code in {"UNIMPLEMENTED", "INVALID_ARGUMENT"})
    return Failure(told, tries=1 + len(PAUSES), after=after or 0.0)


def _no_connection(endpoint: Endpoint, said: str) -> Failure | None:
    """Tell why nothing was sent; none if the receiver itself says that it is not available."""
    shown, host, port = endpoint.shown, endpoint.host, endpoint.port
    _, is_ours, reason = said.partition("failed to connect to all addresses; last error: ")
    if re.search(r"(?i)(lookup|resolution) (failed|error)", said):
        return Failure(ExportError.unknown_host(shown, host), CONNECTION_TRIES)
    if not is_ours:
        return None
    if "Connection refused" in reason:
        return Failure(ExportError.nothing_listens(shown, host, port), CONNECTION_TRIES)
    if "handshake" in reason:
        why = reason.rpartition("OPENSSL_internal:")[2].removesuffix(": OK")
        return Failure(ExportError.tls(shown, short(endpoint, why)))
    if "HTTP/2" in reason:
        return Failure(ExportError.not_spoken(shown, port, "gRPC"))
    why = reason.rpartition(f"{port}: ")[2]
    return Failure(ExportError.broken(shown, host, port, short(endpoint, why)), CONNECTION_TRIES)


def _retry_after(metadata: Any) -> float | None:
    """Read the `RetryInfo` of a `google.rpc.Status`, in seconds; none if there is none."""
    status = next((value for name, value in metadata if name == "grpc-status-details-bin"), b"")
    with suppress(DecodeError):
        for detail in map(Packed.FromString, _inside(status, 3)):
            if detail.type_url.endswith("/google.rpc.RetryInfo"):
                delay = Duration.FromString(next(iter(_inside(detail.value, 1)), b""))
                return max(delay.seconds + delay.nanos / 10**9, 0.0)
    return None


def _inside(message: bytes, number: int) -> list[bytes]:
    """Give the messages in a field of another, whose own type is in no package that is there."""
    fields: Any = UnknownFieldSet(Empty.FromString(message))
    return [field.data for field in fields if field.field_number == number and isinstance(field.data, bytes)]
