"""Chooses the format by the destination, and is the only door of this stage.

A path ending in `.parquet`, `.jsonl` or `.html` is written, an `http(s)` URL or a backend's name is sent to; anything
else is refused before a span is touched. OTLP has no span without an end, so spans that still run stay behind there
and the report counts them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from nbtrace import semconv
from nbtrace._export import backends, otlp, otlp_json, parquet
from nbtrace._export.atomic import replacing
from nbtrace._export.backends.backend import Address, Backend, Variables
from nbtrace._export.endpoint import Endpoint
from nbtrace._export.post import post
from nbtrace._export.prepare import Prepared
from nbtrace._export.report import ExportReport
from nbtrace.errors import ExportError

ERROR: Final = 2
"""OTLP's status code of a failed span; one without an end is one that its kernel's end interrupted."""

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
) -> ExportReport:
    """Write spans to a file or send them to an OTLP endpoint.

    Args:
        table: All spans, or any selection of them.
        to: A path ending in `.parquet`, `.jsonl` or `.html`, or an OTLP/HTTP endpoint: a base URL as `http://127.0.0.1:4318`,
            or a full one ending in `/v1/traces`; or the name of a backend.
        page: Draws spans as a page; without it none can be written.
        headers: HTTP headers for an endpoint; each wins over the same one from elsewhere.
        endpoint: Another address for a backend of that name.
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
        return _send(table, asked, backend, address.resource)
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
    ended, left_out = _ended(table)
    size, long = otlp_json.write(Prepared(ended), path)
    notes = (
        f"{_spans(long)} over 1 MiB each: the collector's file receiver needs a larger `max_log_size` to read that",
    )
    return ExportReport(text, "OTLP JSON", len(ended), size, 0, left_out, notes if long else ())


def _send(table: Snapshot, endpoint: Endpoint, backend: Backend | None, resource: Mapping[str, str]) -> ExportReport:
    ended, left_out = _ended(table)
    prepared = Prepared(ended, backend, resource)
    sent = size = requests = rejected = 0
    messages: list[str] = []
    for body, count in otlp.requests(prepared):
        try:
            answer = post(endpoint, body)
        except ExportError as error:
            if not sent:
                raise
            raise ExportError.partly(error, sent, len(ended)) from error
        sent += count
        size += answer.sent_bytes
        requests += 1
        rejected += min(answer.rejected, count)
        if answer.message and answer.message not in messages:
            messages.append(answer.message)
    said = f": {' / '.join(messages)}" if messages else ""
    if rejected:
        left_out += (f"{_spans(rejected)} rejected by the receiver{said}",)
    notes = (f"The receiver said{said}",) if messages and not rejected else ()
    if not len(ended):
        notes = ("There was nothing to send, so the endpoint was not asked",)
    shown = f"{backend.name} at {endpoint.shown}" if backend else endpoint.shown
    return ExportReport(shown, "OTLP", sent - rejected, size, requests, left_out, notes)


def _ended(table: Snapshot) -> tuple[Snapshot, tuple[str, ...]]:
    """Take the spans that OTLP can carry: with an end, and with times since 1970. Say what is left."""
    import pyarrow.compute as pc

    start, duration = table.column("start_time_unix_nano"), table.column("duration_ns")
    zero = pc.subtract(start, start)  # a Python 0 would import pandas
    usable = pc.and_(pc.greater_equal(start, zero), pc.greater_equal(pc.add(start, duration), zero))
    ended = table.filter(usable)
    endless = table.column("status_code").filter(pc.is_null(duration)).to_pylist()
    interrupted = endless.count(ERROR)
    odd = len(table) - len(ended) - len(endless)
    left_out = (
        (len(endless) - interrupted, "still running"),
        (interrupted, semconv.INTERRUPTED),
        (odd, "with times that OTLP cannot hold"),
    )
    return ended, tuple(f"{_spans(number)} {why}" for number, why in left_out if number)


def _spans(number: int) -> str:
    return f"{number:,} span{'' if number == 1 else 's'}"
