"""Chooses the format by the destination, and is the only door of this stage.

A path ending in `.parquet`, `.jsonl` or `.html` is written, an `http(s)` URL or a backend's name is sent to; anything
else is refused before a span is touched. OTLP has no span without an end, so spans that still run stay behind there
and the report counts them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nbtrace._export import backends, otlp_json, parquet
from nbtrace._export.atomic import replacing
from nbtrace._export.backends.backend import Address, Variables
from nbtrace._export.delivery import Receiver, deliver, ended, pack
from nbtrace._export.endpoint import Endpoint
from nbtrace._export.ledger import Again, Ledger
from nbtrace._export.prepare import Prepared
from nbtrace._export.report import ExportReport, spans_in_words
from nbtrace._export.selection import rerooted, without_content
from nbtrace.errors import ExportError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from nbtrace._store.snapshot import Snapshot


class Page(Protocol):
    """A page to be written; another stage draws it."""

    @property
    def spans(self) -> int:
        """How many spans are in it."""
        ...

    @property
    def left_out(self) -> tuple[str, ...]:
        """What is not in it; complete once it is written."""
        ...

    def parts(self) -> Iterator[bytes]:
        """Give it a part at a time."""
        ...


def export(
    table: Snapshot,
    to: str | os.PathLike[str],
    *,
    page: Callable[[Snapshot], Page] | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    endpoint: str | None = None,
    again: Again = "rest",
    ledger: Ledger | None = None,
    is_selection: bool = False,
    is_metadata: Callable[[str], bool] | None = None,
) -> ExportReport:
    """Write spans to a file or send them to an OTLP endpoint.

    Args:
        table: All spans, or any selection of them.
        to: A path ending in `.parquet`, `.jsonl` or `.html`, or an OTLP/HTTP endpoint: a base URL as `http://127.0.0.1:4318`,
            or a full one ending in `/v1/traces`; or the name of a backend.
        page: Draws spans as a page; without it none can be written.
        headers: HTTP headers for an endpoint; each wins over the same one from elsewhere.
        endpoint: Another address for a backend of that name.
        again: What is done with spans that have arrived there before.
        ledger: What knows which those are; without it none have.
        is_selection: Whether the spans were chosen, so that those whose parents were not become roots.
        is_metadata: Says of an attribute's name that it is no content; content is then left out.
        timeout: Seconds for one request, its retries included; 10 unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.

    Returns:
        What arrived and what was left out.

    Raises:
        ExportError: The destination is unknown, cannot be written to, or did not take the spans.
    """
    try:
        text = os.fsdecode(to)
    except TypeError:
        raise ExportError.destination(to) from None
    if is_metadata is not None:
        table = without_content(table, is_metadata)
    backend = backends.find(text)
    if backend is not None or "://" in text:
        address = Address(text, takes_otel_headers=True) if backend is None else backend.address(Variables(text))
        asked = Endpoint.read(
            endpoint or address.url,
            headers={**address.headers, **(headers or {})},
            timeout=timeout,
            is_full=address.is_full and not endpoint,
            takes_otel_headers=address.takes_otel_headers,
        )
        receiver, ledger = Receiver(asked, backend, address.resource), ledger or Ledger()
        parcel = pack(table, receiver, ledger=ledger, again=again, is_selection=is_selection)
        return deliver(parcel, receiver, ledger=ledger)
    if is_selection:
        table, _ = rerooted(table, remote=False)
    if "\0" in text:
        raise ExportError.destination(to)
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - `Path.expanduser` raises for a user that is not there
    match path.suffix.lower():
        case ".parquet":
            size, strange = parquet.write(table, path)
            left_out = (f"{strange:,} score{'' if strange == 1 else 's'} of other spans",) if strange else ()
            return ExportReport(text, "Parquet", len(table), size, 0, left_out)
        case ".jsonl":
            return _write_json(table, text, path)
        case ".html" if page is not None:
            return _write_page(page(table), text, path)
        case _:
            raise ExportError.destination(text)


def _write_page(page: Page, text: str, path: Path) -> ExportReport:
    size = 0
    with replacing(path) as file:
        for part in page.parts():
            size += file.write(part)
    return ExportReport(text, "HTML", page.spans, size, 0, page.left_out)


def _write_json(table: Snapshot, text: str, path: Path) -> ExportReport:
    chosen, left_out = ended(table)
    size, long = otlp_json.write(Prepared(chosen), path)
    reader = "the collector's file receiver needs a larger `max_log_size` to read that"
    notes = (f"{spans_in_words(long)} over 1 MiB each: {reader}",)
    return ExportReport(text, "OTLP JSON", len(chosen), size, 0, left_out, notes if long else ())
