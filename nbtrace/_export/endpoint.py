"""Where OTLP requests go and how: what the caller said, else the standard `OTEL_EXPORTER_OTLP_*` variables.

The trace-specific variable wins over the general one, an argument over both. Secrets (header values, a URL's user and
query) are in here and nowhere else: `shown` is the URL for people, `redact` takes secrets out of what a server says.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import ssl
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self, cast
from urllib.parse import SplitResult, parse_qsl, quote, quote_plus, unquote, urlsplit, urlunsplit

import orjson

from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TRACES_PATH: Final = "/v1/traces"
TIMEOUT: Final = 10.0
"""Seconds; the default of the OTLP exporter specification."""

SECRET_LENGTH: Final = 6
"""Shorter values are words such as `1` or `true`, whose masking would only garble a message."""

ACCOUNT_DIGITS: Final = 12

LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})

GRPC_PORT: Final = 4317

Protocol = Literal["http/protobuf", "http/json", "grpc"]
PROTOCOLS: Final = ("http/protobuf", "http/json", "grpc")
Compression = Literal["gzip", "deflate", "none"]
COMPRESSIONS: Final = ("gzip", "deflate", "none")


@dataclass(frozen=True)
class Endpoint:
    """An OTLP endpoint, ready to be asked."""

    url: str = field(repr=False)
    shown: str
    """The URL without its secrets."""
    host: str
    port: int
    timeout: float
    compression: Compression
    headers: Mapping[str, str] = field(repr=False)
    tls: ssl.SSLContext | None = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    protocol: Protocol = "http/protobuf"
    pem: tuple[bytes | None, ...] = field(default=(), repr=False)
    """For gRPC with TLS: authorities, the client's key, its certificate."""

    @classmethod
    def read(
        cls,
        to: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,
        protocol: str | None = None,
        is_full: bool = False,
        takes_otel_headers: bool = True,
    ) -> Self:
        """Understand a URL and what goes with it.

        Args:
            to: the URL, its path a base unless it ends in `/v1/traces`; gRPC's may begin with `grpc` or `grpcs`.
            headers: as given by the caller.
            timeout: seconds for one request.
            protocol: the form of a request; else what `OTEL_EXPORTER_OTLP_PROTOCOL` says, else protobuf.
            is_full: ask the path as it stands.
            takes_otel_headers: send what `OTEL_EXPORTER_OTLP_HEADERS` holds too, in the form that the variable says.

        Raises:
            ExportError: The URL, a header or an environment variable is not usable.
        """
        try:
            parts = urlsplit(to)
        except ValueError:
            raise ExportError.url(f"{to.partition('://')[0]}://…") from None
        is_secure = parts.scheme in {"https", "grpcs"}
        form = _protocol(protocol, parts.scheme, takes_variable=takes_otel_headers)
        try:
            port = parts.port or (443 if is_secure else GRPC_PORT if form == "grpc" else 80)
        except ValueError:
            raise ExportError.url(_shown(parts)) from None
        if (
            parts.scheme not in {"http", "https", "grpc", "grpcs"}
            or not parts.hostname
            or re.search(r"[^\x21-\x7e]", to)
        ):
            raise ExportError.url(_shown(parts))
        path = _path(parts.path, is_full=is_full)
        chosen = _headers(headers, takes_otel_headers=takes_otel_headers)
        if parts.username is not None and "authorization" not in chosen:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            chosen["authorization"] = f"Basic {base64.b64encode(user.encode()).decode()}"
        return cls(
            url=urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], path, parts.query, "")),
            shown=_shown(parts),
            host=parts.hostname,
            port=port,
            timeout=_timeout(timeout),
            compression=_compression(parts.hostname),
            headers=chosen,
            tls=_tls() if is_secure else None,
            secrets=_secrets(parts, chosen),
            protocol=form,
            pem=_pem() if is_secure and form == "grpc" else (),
        )

    @property
    def account(self) -> str:
        """What tells apart who sends there, by all headers and the query, and gives none of them away."""
        query = urlsplit(self.url).query
        if not self.headers and not query:
            return ""
        told = orjson.dumps([query, sorted(self.headers.items())])
        return hashlib.sha256(told).hexdigest()[:ACCOUNT_DIGITS]

    def redact(self, text: str) -> str:
        """Take every secret out of a text that someone else wrote."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return text


def _path(path: str, *, is_full: bool) -> str:
    if is_full:
        return path or "/"
    stripped = path.rstrip("/")
    return stripped if stripped.endswith(TRACES_PATH) else stripped + TRACES_PATH


def _shown(parts: SplitResult) -> str:
    user, at, host = parts.netloc.rpartition("@")
    netloc, query = f"***@{host}" if at and user else host, "***" if parts.query else ""
    return urlunsplit((parts.scheme, netloc, parts.path, query, ""))


def _secrets(parts: SplitResult, headers: Mapping[str, str]) -> tuple[str, ...]:
    values = [*headers.values(), parts.query, *(value for _, value in parse_qsl(parts.query))]
    values += [unquote(one) for one in (parts.username, parts.password) if one]
    values += [word for value in headers.values() for word in _unpacked(value)]
    values += [value for pair in parts.query.split("&") for value in pair.partition("=")[2:]]
    values += [one for one in (parts.username, parts.password) if one]
    words = {word for value in values for word in (value, *value.split())}
    words |= {form for word in words for form in _quoted(word)}
    return tuple(sorted((word for word in words if len(word) >= SECRET_LENGTH), key=len, reverse=True))


def _quoted(word: str) -> Iterator[str]:
    """Give the forms in which a server may repeat a word that it had in a URL or puts into one."""
    for form in (quote(word), quote(word, safe=""), quote_plus(word)):
        yield form
        yield re.sub("%..", lambda found: found[0].lower(), form)


def _unpacked(header: str) -> list[str]:
    """Read user and password of a basic authorization, which a server may repeat as it has understood them."""
    scheme, _, packed = header.partition(" ")
    if scheme.lower() != "basic":
        return []
    try:
        user, _, password = base64.b64decode(packed, validate=True).decode().partition(":")
    except ValueError:
        return []
    return [user, password]


def _variable(name: str) -> tuple[str, str]:
    """Return the variable that counts and its value, which is empty when none is set."""
    for variable in (f"OTEL_EXPORTER_OTLP_TRACES_{name}", f"OTEL_EXPORTER_OTLP_{name}"):
        value = os.environ.get(variable, "").strip()
        if value:
            return variable, value
    return "", ""


def _headers(given: Mapping[str, str] | None, *, takes_otel_headers: bool) -> dict[str, str]:
    headers: dict[str, str] = {}
    variable, value = _variable("HEADERS") if takes_otel_headers else ("", "")
    for pair in filter(None, map(str.strip, value.split(","))):
        name, equals, content = pair.partition("=")
        if not equals:
            raise ExportError.setting(variable, "name=value pairs, separated by commas and URL-encoded")
        headers[unquote(name).strip().lower()] = unquote(content).strip()
    headers |= {str(name).strip().lower(): str(content) for name, content in (given or {}).items()}
    for name, content in headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9a-z-]+", name) or not re.fullmatch(r"[\t\x20-\x7e\x80-\xff]*", content):
            raise ExportError.header(name)
    return headers


def _timeout(given: float | None) -> float:
    variable, value = ("timeout", given) if given is not None else _variable("TIMEOUT")
    try:
        seconds = float(value or (TIMEOUT if given is None else 0))
    except (TypeError, ValueError):
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise ExportError.setting(variable, "a number of seconds above 0")
    return seconds


def _protocol(given: str | None, scheme: str, *, takes_variable: bool) -> Protocol:
    """Read the form of requests; whoever gave a URL of HTTP does not mean the variable's gRPC."""
    variable, value = "protocol", given or ""
    if given is None and takes_variable:
        variable, value = _variable("PROTOCOL")
        value = "" if value == "grpc" or scheme in {"grpc", "grpcs"} else value
    if value not in ("", *PROTOCOLS):
        raise ExportError.setting(variable, f"one of {', '.join(PROTOCOLS)}")
    if scheme in {"grpc", "grpcs"} and value not in {"", "grpc"}:
        raise ExportError.setting(variable, "grpc, as the address has it")
    return value or ("grpc" if scheme in {"grpc", "grpcs"} else "http/protobuf")


def _compression(host: str) -> Compression:
    """Compress what crosses a network; on loopback it only costs time, and small receivers cannot unpack it."""
    variable, value = _variable("COMPRESSION")
    if value.lower() not in ("", *COMPRESSIONS):
        raise ExportError.setting(variable, f"one of {', '.join(COMPRESSIONS)}")
    return cast("Compression", value.lower() or ("none" if host in LOOPBACK else "gzip"))


def _tls() -> ssl.SSLContext:
    variable, authorities = _variable("CERTIFICATE")
    try:
        context = ssl.create_default_context(cafile=authorities or None)
        variable, certificate = _variable("CLIENT_CERTIFICATE")
        if certificate:
            context.load_cert_chain(certificate, _variable("CLIENT_KEY")[1] or None)
    except OSError:
        raise ExportError.setting(variable, "the path of a readable PEM file") from None
    return context


def _pem() -> tuple[bytes | None, ...]:
    """Read what `_tls` has found good, for a library that takes no context."""
    paths = (_variable(name)[1] for name in ("CERTIFICATE", "CLIENT_KEY", "CLIENT_CERTIFICATE"))
    authorities, key, certificate = (Path(path).read_bytes() if path else None for path in paths)
    return authorities, (key or certificate) if certificate else None, certificate
