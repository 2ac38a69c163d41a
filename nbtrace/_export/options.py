"""What can be said of an export besides its destination; `nbtrace.export` describes each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from nbtrace._export.ledger import Again
    from nbtrace._query.frame import Spans


class Options(TypedDict, total=False):
    """Arguments of `nbtrace.export`, all by name."""

    headers: Mapping[str, str] | None
    timeout: float | None
    endpoint: str | None
    protocol: Literal["http/protobuf", "http/json", "grpc"]
    spans: Spans | None
    content: bool
    dry_run: bool
    verify: bool
    again: Again
    filesystem: object
    layout: Literal["nbtrace", "clickhouse"]
