"""An export, joined: whose spans, to where, and the ledger that says what has arrived; see `nbtrace.export`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any, Protocol, cast, get_args

from nbtrace._export.ledger import Again, Ledger
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._capture.silence import Silence
    from nbtrace._export.live import Live
    from nbtrace._export.options import Options
    from nbtrace._export.report import ExportReport
    from nbtrace._query.frame import Spans
    from nbtrace._store.snapshot import Snapshot


class Source(Protocol):
    """Who has spans."""

    ledger: Ledger
    """What has arrived where."""

    def snapshot(self) -> Snapshot:
        """Give what has come so far."""
        ...

    def silence(self) -> Silence | None:
        """Say why no more comes."""
        ...

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back when more has come; returns what ends that."""
        ...


def once(
    source: Source,
    to: str | PathLike[str],
    *,
    headers: Mapping[str, str] | None = None,
    timeout: float | None = None,
    endpoint: str | None = None,
    protocol: str | None = None,
    spans: Spans | None = None,
    content: bool = True,
    dry_run: bool = False,
    verify: bool = False,
    again: Again = "rest",
    filesystem: object = None,
    layout: str = "nbtrace",
    shows_progress: bool = True,
    is_live: bool = False,
) -> ExportReport:
    """Write out what has come so far."""
    from nbtrace._export.destination import export
    from nbtrace._query.frame import Spans
    from nbtrace._trace.redact.content import is_metadata
    from nbtrace._widgets.page import Page

    if spans is not None and not isinstance(spans, Spans):  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
        raise UsageError.kind("spans", spans, "what nbtrace.spans(...) gives")
    if again not in get_args(Again):
        raise UsageError.unknown("again", again, get_args(Again))
    chosen = source.snapshot() if spans is None else spans.snapshot
    report = export(
        chosen,
        to,
        page=Page,
        headers=headers,
        timeout=timeout,
        endpoint=endpoint,
        protocol=protocol,
        dry_run=dry_run,
        verify=verify,
        shows_progress=shows_progress,
        again=again,
        ledger=source.ledger,
        is_selection=spans is not None,
        is_live=is_live,
        is_metadata=None if content else is_metadata,
        filesystem=filesystem,
        layout=layout,
    )
    if len(chosen):
        return report
    silence = source.silence() if spans is None else None
    return replace(report, notes=(*report.notes, f"There was no span to export{f': {silence}' if silence else ''}"))


def from_now_on(source: Source, to: str | PathLike[str], options: Options) -> Live:
    """Begin to send spans as they end."""
    from nbtrace._export.delivery import waiting
    from nbtrace._export.destination import receiver
    from nbtrace._export.live import Live

    for name in ("spans", "dry_run", "verify", "again"):
        if name in options:
            expected = "nothing beside live=True, which sends each span once"
            raise UsageError.argument(name, expected, options.get(name))
    asked = {"headers": None, "timeout": None, "endpoint": None} | {
        name: value for name, value in options.items() if name not in {"content", "filesystem", "layout"}
    }
    there = receiver(str(to), **cast("Any", asked))
    if there is None:
        raise UsageError.argument(
            "live", "False for a file: only an endpoint or a backend takes spans as they end", True
        )
    return Live(
        there.shown,
        send=lambda: once(source, to, shows_progress=False, is_live=True, **options),
        waiting=lambda: waiting(source.snapshot(), there.key, source.ledger),
        arrived=lambda: source.ledger.count(there.key),
        refused=lambda: source.ledger.refused(there.key),
        subscribe=source.subscribe,
    )
