"""The forms in which OTLP goes, by the name that the standard's variables have for each."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from nbtrace._export import otlp, otlp_json

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from nbtrace._export.batch import Encoded, Row
    from nbtrace._export.endpoint import Protocol
    from nbtrace._export.prepare import Prepared


class Encoding(NamedTuple):
    """How spans become the body of a request."""

    spans: Callable[[Prepared], Iterator[Encoded]]
    """Encodes all of them."""
    encode: Callable[[Row], bytes]
    """Encodes one."""
    request: Callable[[Sequence[Encoded]], bytes]
    """Makes a body of some."""


_PROTOBUF: Final = Encoding(otlp.spans, otlp.encode, otlp.request)

ENCODINGS: Final[dict[Protocol, Encoding]] = {
    "http/protobuf": _PROTOBUF,
    "http/json": Encoding(otlp_json.spans, otlp_json.encode, otlp_json.request),
    "grpc": _PROTOBUF,
}
