"""Chooses the format by the destination, and is the only door of this stage.

A path ending in `.parquet`, `.jsonl`, `.html` or `.csv` is written, an `http(s)` or `grpc(s)` URL or a backend's name
is sent to; anything else is refused before a span is touched. OTLP has no span without an end, so spans that still run
stay behind there and the report counts them.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from nbtrace._export import backends, clickhouse, dataset, flat, otlp_json, over_grpc, parquet
from nbtrace._export.atomic import replacing
from nbtrace._export.backends.backend import Address, Variables
from nbtrace._export.delivery import Receiver, deliver, ended, pack, read_back
from nbtrace._export.endpoint import TRACES_PATH, Endpoint
from nbtrace._export.ledger import Again, Ledger
from nbtrace._export.prepare import Prepared
from nbtrace._export.preview import preview, preview_file, preview_lines
from nbtrace._export.report import ExportReport, spans_in_words
from nbtrace._export.selection import rerooted, without_content
from nbtrace._store.places import Place, is_of_files
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
    dry_run: bool = False,
    verify: bool = False,
    shows_progress: bool = True,
    again: Again = "rest",
    ledger: Ledger | None = None,
    is_selection: bool = False,
    is_live: bool = False,
    is_metadata: Callable[[str], bool] | None = None,
    filesystem: object = None,
    layout: str = "nbtrace",
    protocol: str | None = None,
) -> ExportReport:
    """Write spans to a file or send them to an OTLP endpoint.

    Args:
        table: All spans, or any selection of them.
        to: A path ending in `.parquet`, `.jsonl`, `.html` or `.csv`, or an OTLP/HTTP endpoint: a base URL as
            `http://127.0.0.1:4318`, or a full one ending in `/v1/traces`, or an OTLP/gRPC one as
            `grpc://127.0.0.1:4317`; or the name of a backend; or a dataset: a path ending in `/`, or the URL of another
            file system.
        page: Draws spans as a page; without it none can be written.
        headers: HTTP headers or gRPC metadata for an endpoint; each wins over the same one from elsewhere.
        endpoint: Another address for a backend of that name.
        dry_run: Look at all that would be done, and do nothing of it.
        verify: Read back what has arrived, where the backend allows it.
        shows_progress: Draw a bar while it takes longer than a second.
        again: What is done with spans that have arrived there before.
        ledger: What knows which those are; without it none have.
        is_selection: Whether the spans were chosen, so that those whose parents were not become roots.
        is_live: Whether spans that were refused are left alone.
        is_metadata: Says of an attribute's name that it is no content; content is then left out.
        protocol: Form of the requests, `http/protobuf`, `http/json` or `grpc`.
        layout: Columns of a Parquet file: ours, or `clickhouse` for those of its `otel_traces`.
        filesystem: One of pyarrow's or fsspec's, in which the path is.
        timeout: Seconds for one request, its retries included; 10 unless `OTEL_EXPORTER_OTLP_TIMEOUT` says otherwise.

    Returns:
        What arrived and what was left out.

    Raises:
        ExportError: The destination is unknown, cannot be written to, or did not take the spans.
    """
    try:
        text = os.fsdecode(to)
    except TypeError:
        raise ExportError.destination(to, backends.NAMES) from None
    if is_metadata is not None:
        table = without_content(table, is_metadata)
    to_there = (
        None if filesystem else receiver(text, headers=headers, timeout=timeout, endpoint=endpoint, protocol=protocol)
    )
    if to_there is None:
        chosen = rerooted(table, remote=False)[0] if is_selection else table
        if layout == "nbtrace" and (place := _place(text, filesystem)) is not None:
            return _to_place(chosen, place, again=again, dry_run=dry_run)
        if layout != "nbtrace" and not dry_run:
            return _write_layout(chosen, text, layout)
        return _to_file(chosen, text, page, dry_run=dry_run)
    ledger = ledger or Ledger()
    with nullcontext() if dry_run else ledger.sending(to_there.key):
        parcel = pack(table, to_there, ledger=ledger, again=again, is_selection=is_selection, is_live=is_live)
        if dry_run:
            return preview(parcel, to_there)
        report = deliver(parcel, to_there, ledger=ledger, shows_progress=shows_progress)
    # Not while others wait who send there too, as a live export.
    return read_back(report, parcel, to_there, ledger=ledger, shows_progress=shows_progress) if verify else report


def receiver(
    text: str,
    *,
    headers: Mapping[str, str] | None,
    timeout: float | None,
    endpoint: str | None,
    protocol: str | None = None,
) -> Receiver | None:
    """Give who is sent to, if a destination is no file.

    Raises:
        ExportError: A variable that the backend needs is not set, or the address is no good.
    """
    backend = backends.find(text)
    if backend is None and ("://" not in text or is_of_files(text)):
        return None
    address = Address(text, takes_otel_headers=True) if backend is None else backend.address(Variables(text))
    asked = Endpoint.read(
        endpoint or address.url,
        headers={**address.headers, **(headers or {})},
        timeout=timeout,
        protocol=protocol,
        is_full=address.is_full and not endpoint,
        takes_otel_headers=address.takes_otel_headers,
    )
    is_grpc = asked.protocol == "grpc"
    if is_grpc:
        over_grpc.library()  # now, and not first on the thread of a live export
    base = (None if is_grpc else endpoint) or address.api or address.url
    api = base.partition("?")[0].rstrip("/").removesuffix(TRACES_PATH)
    by = asked
    if is_grpc and endpoint and api.startswith("http"):  # no API is asked there
        own = Endpoint.read(api, headers=address.headers, timeout=timeout, is_full=True, takes_otel_headers=False)
        by = asked if own.host == asked.host else own  # what is said to a host is for nobody else
    return Receiver(asked, backend, address.resource, api, by)


def _place(text: str, filesystem: object) -> Place | None:
    """Give the place of a dataset, or of a file in another file system, if one is meant.

    Raises:
        UsageError: It is not reached.
    """
    if text.endswith(("/", os.sep)) and "\0" not in text:
        return Place.find(text, filesystem)
    return Place.of_dataset(text, filesystem)


def _to_place(table: Snapshot, place: Place, *, again: Again, dry_run: bool) -> ExportReport:
    """Add to a dataset, or write one file that is not on this machine.

    Raises:
        ExportError: It cannot be written.
    """
    match Path(place.path).suffix.lower():
        case ".parquet" if place.kind() != "directory":
            if dry_run:
                return preview_file(table, place.shown, "Parquet", None)
            return dataset.alone(table, place)
        case ".jsonl" | ".html" | ".csv":
            raise ExportError.only_parquet(place.shown)
        case _:
            return dataset.add(table, place, again=again, dry_run=dry_run)


def _to_file(table: Snapshot, text: str, page: Callable[[Snapshot], Page] | None, *, dry_run: bool) -> ExportReport:
    """Write a file, or look at what it would be.

    Raises:
        ExportError: It cannot be written, or its ending says no format.
    """
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - `Path.expanduser` raises for a user that is not there
    match "" if "\0" in text else path.suffix.lower():
        case ".parquet":
            return preview_file(table, text, "Parquet", None) if dry_run else _write_parquet(table, text, path)
        case ".jsonl":
            chosen, left_out = ended(table)
            return preview_lines(chosen, text, left_out) if dry_run else _write_json(chosen, text, path, left_out)
        case ".html" if page is not None:
            drawn = page(table)
            return preview_file(table, text, "HTML", drawn.parts()) if dry_run else _write_page(drawn, text, path)
        case ".csv":
            return (
                preview_file(table, text, "CSV", [flat.cells(table)[0]]) if dry_run else _write_cells(table, text, path)
            )
        case _:
            raise ExportError.destination(text, backends.NAMES)


def _write_layout(table: Snapshot, text: str, layout: str) -> ExportReport:
    path = Path(os.path.expanduser(text))  # noqa: PTH111 - as in `_to_file`
    if layout != "clickhouse" or path.suffix.lower() != ".parquet" or "://" in text:
        raise ExportError.layout(layout, text)
    chosen, left_out = ended(table)
    size = clickhouse.write(chosen, path)
    return ExportReport(text, "Parquet for ClickHouse", len(chosen), size, 0, (*left_out, "types of attributes"))


def _write_parquet(table: Snapshot, text: str, path: Path) -> ExportReport:
    size, strange, running = parquet.write(table, path)
    left_out = (f"{strange:,} score{'' if strange == 1 else 's'} of other spans",) if strange else ()
    notes = (
        (f"{spans_in_words(running)} still ran, and {'says' if running == 1 else 'say'} so there",) if running else ()
    )
    return ExportReport(text, "Parquet", len(table), size, 0, left_out, notes)


def _write_cells(table: Snapshot, text: str, path: Path) -> ExportReport:
    size, guarded = flat.write(table, path)
    notes = (f"An apostrophe is before what a spreadsheet would compute: {guarded:,} of the texts",)
    return ExportReport(text, "CSV", len(table), size, 0, flat.LOST, notes if guarded else ())


def _write_page(page: Page, text: str, path: Path) -> ExportReport:
    size = 0
    with replacing(path) as file:
        for part in page.parts():
            size += file.write(part)
    return ExportReport(text, "HTML", page.spans, size, 0, page.left_out)


def _write_json(table: Snapshot, text: str, path: Path, left_out: tuple[str, ...]) -> ExportReport:
    size, long = otlp_json.write(Prepared(table), path)
    reader = "the collector's file receiver needs a larger `max_log_size` to read that"
    notes = (f"{spans_in_words(long)} over 1 MiB each: {reader}",)
    return ExportReport(text, "OTLP JSON", len(table), size, 0, left_out, notes if long else ())
