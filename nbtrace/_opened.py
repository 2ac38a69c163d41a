"""A session that was read back: spans of files and data frames, asked like those that are recorded.

What was read of others is brought to canonical names, masked and cut by the policy of the session that opens it, and
priced; what nbtrace wrote was so when it was recorded, and is masked again only where the policy asks for more than
nbtrace does by itself.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final, Unpack, cast

from nbtrace import semconv
from nbtrace._answers import Answers
from nbtrace._export.ledger import Ledger
from nbtrace._query.text import counted
from nbtrace._trace.duplicates import Calls
from nbtrace._trace.finish import finish
from nbtrace._trace.ordered import OrderedCalls
from nbtrace._trace.redact.policy import Policy
from nbtrace._trace.redact.spans import Spans as KeptSpans

if TYPE_CHECKING:
    from nbtrace._query.filters import Filters
    from nbtrace._query.frame import Spans
    from nbtrace._read.dataset import Dataset
    from nbtrace._read.found import Found
    from nbtrace._session import Session
    from nbtrace._store.snapshot import Snapshot


_COST: Final = (
    semconv.USAGE_COST, semconv.COST_STATE, semconv.COST_SOURCE, semconv.COST_BUCKETS, semconv.COST_REASON,
)  # fmt: skip


class Opened(Answers):
    """Spans that were read back, with the words of a session: `spans`, `traces`, `trace`, `metrics`, `sql`, `export`.

    Also taken by `nbtrace.traces`, `nbtrace.trace`, `nbtrace.metrics` and, as `spans=`, by `nbtrace.sql`.

    Examples:
        >>> import nbtrace
        >>> nbtrace.open(nbtrace.spans())
        <nbtrace opened spans: 0 spans>
    """

    def __init__(self, found: Found, session: Session) -> None:
        self._snapshot = found.snapshot
        self._account = found.account
        self.prices = session.prices
        directory = found.session
        self.ledger = Ledger(lambda: directory)
        if directory is not None:
            self.ledger.read(directory)
        self.format = found.format
        """What was read, in words."""
        self.repaired: dict[str, int] = found.account.repaired
        """Repairs and how many spans had them; they say so themselves in `nbtrace.repaired`."""
        self.left_out: dict[str, int] = found.account.left_out
        """What could not be read, and how often."""

    def snapshot(self) -> Snapshot:
        """Give all spans."""
        return self._snapshot

    def judge(self, scores: Any) -> None:
        """Keep judgements of the spans, as a table that `scores_schema` has; the file stays as it is."""
        self._snapshot = self.snapshot().judged_too(scores)

    def subscribe(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Never call back: what was read does not change."""
        return _nothing

    def __len__(self) -> int:
        return len(self._snapshot)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.spans().__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        words = [counted(len(self), "span")]
        words += [f"repaired: {_listed(self.repaired)}"] if self.repaired else []
        words += [f"left out: {_listed(self.left_out)}"] if self.left_out else []
        return f"<nbtrace opened {self.format}: {'; '.join(words)}>"


class Gathered(Opened):
    """Spans of a dataset, of which only what is asked for is read.

    `metrics`, `usage` and `latency` read the columns that they need. `spans` with filters and `trace` read what may be
    wanted, by its day, time, trace, model, user and the like. What asks for all spans reads them, once.
    """

    def __init__(self, dataset: Dataset, session: Session) -> None:
        from nbtrace._read.found import Account, Found
        from nbtrace._store.store import Store

        super().__init__(Found(Store().snapshot(), "dataset", Account()), session)
        self._dataset = dataset
        self._is_read = False
        self._given = self._snapshot

    @property
    def judged(self) -> Any:
        """The scores that were given here, besides those in the files, as a table."""
        return self._given.scores

    def snapshot(self) -> Snapshot:
        """Give all spans, which are read when they are first asked for."""
        if not self._is_read:
            self._snapshot = self._dataset.snapshot(self._account).judged_too(self.judged)
            self._is_read = True
        return self._snapshot

    def judge(self, scores: Any) -> None:
        """Keep judgements of the spans, without reading these for it."""
        self._given = self._given.judged_too(scores)
        if self._is_read:
            super().judge(scores)

    def spans(self, **filters: Unpack[Filters]) -> Spans:
        """Give the spans that filters choose; see `nbtrace.spans`."""
        from nbtrace._query.frame import Spans
        from nbtrace._query.pushdown import pushed

        chosen = None if self._is_read else pushed(filters)
        if chosen is None:
            return super().spans(**filters)
        some = self._dataset.snapshot(self._account, chosen).judged_too(self.judged)
        return Spans(some, self._draw).filter(**filters)

    def trace_table(self, trace_id: str) -> Snapshot:
        """Give the spans of one trace, by its id in hex."""
        return self.spans(trace=trace_id).snapshot

    def columns(self) -> object:
        """Give what reads columns when they are asked for."""
        return self._dataset

    def __len__(self) -> int:
        return len(self._snapshot) if self._is_read else len(self._dataset)


def open(source: object, *, filesystem: object = None) -> Opened:  # noqa: A001 - called `nbtrace.open`
    """Read spans back, of nbtrace and of others, as a session to ask.

    Spans of OpenInference, Traceloop and other instrumentations are brought to the conventions' names, secrets are
    masked and contents cut as the session's policy says, and calls without a cost are priced. What nbtrace wrote was
    masked when it was recorded; it is masked again where the policy asks for more. Nothing in a file is trusted: what
    had to be repaired says so (`repaired`, and `nbtrace.repaired` on the span), and what is left out is counted.

    Args:
        source: one of

            - a file, whatever its name: Parquet of nbtrace, OTLP as JSON lines or a JSON document, OTLP in protobuf:
              one `ExportTraceServiceRequest`, or many with a length (a varint, or four bytes) before each.
            - a directory of such files, which are read as one.
            - a dataset, as `nbtrace.export("directory/")` makes them, on this machine or by its URL (`s3://`, `gs://`,
              any that pyarrow or fsspec reads). It is not read but asked: figures read the columns that they need,
              `spans(since=..., model=...)` and `trace(...)` the files and rows that may be wanted.
            - an earlier session, by its directory or its id (`%nbtrace sessions`).
            - a data frame with the columns of nbtrace's (Arrow, pandas, polars); or spans.
            - what `get_spans_dataframe()` of Phoenix or `search_traces()` of MLflow gives, or a Parquet file of it.
        filesystem: one of pyarrow's or fsspec's, in which the source is a path.

    Returns:
        A session that does not change, with `spans`, `traces`, `trace`, `metrics`, `sql`, `of`, `cost` and `export`.

    Raises:
        ReadError: there is nothing to read, or it is nothing that can be read as spans.
        UsageError: the file system is not reached.
        UnsupportedVersionError: a newer nbtrace wrote it.

    Examples:
        >>> import nbtrace, tempfile
        >>> path = tempfile.mkdtemp() + "/session.parquet"
        >>> report = nbtrace.export(path)
        >>> len(nbtrace.open(path).spans())
        0
    """
    from nbtrace._api import default

    return read_back(source, default(), filesystem)


def read_back(given: object, session: Session, filesystem: object = None, policy: Policy | None = None) -> Opened:
    """Read what was given as the session would keep it, or by another policy; see `nbtrace.open`."""
    from nbtrace._query.frame import Spans
    from nbtrace._read import again, rows
    from nbtrace._read.found import Account, Found
    from nbtrace._read.source import Source
    from nbtrace._store.scores import masked
    from nbtrace._store.sessions import default_directory

    policy = session.policy if policy is None else policy
    calls = OrderedCalls()
    own = partial(_own, session=session, calls=calls, policy=policy)
    mask = cast("Any", KeptSpans(policy).read)  # for spans that read like the SDK's
    if (dataset := _dataset(given, filesystem)) is not None:
        if _is_default(policy):
            return Gathered(dataset, session)
        account = Account()
        found = Found(dataset.snapshot(account), "dataset", account)
    elif isinstance(given, Spans | Answers):
        found = Found(given.snapshot() if isinstance(given, Answers) else given.snapshot, "spans", Account())
    else:
        directory = session.journal.directory if session.journal is not None else default_directory()
        found = Source(own, mask, directory).read(given)
    if not found.is_masked and not _is_default(policy):
        kept = rows.keep(again.spans(found.snapshot, found.account), own, mask)
        scores = masked(found.snapshot.scores, policy.text)
        found = replace(found, snapshot=kept.judged(scores), is_masked=True)
    return Opened(replace(found, snapshot=rows.repeated(found.snapshot, calls.marks())), session)


def _dataset(given: object, filesystem: object) -> Dataset | None:
    """Find the dataset that was given, if it is one."""
    if not isinstance(given, str | os.PathLike):
        return None
    from nbtrace._read.dataset import Dataset
    from nbtrace._store.places import Place

    place = Place.of_dataset(os.fsdecode(given), filesystem)
    return None if place is None else Dataset(place)


def _own(span: Any, *, session: Session, calls: Calls, policy: Policy) -> Mapping[str, object]:
    """Complete the attributes of a span that was read, as those of a recorded one."""
    made = finish(span, None, calls=calls, policy=policy, prices=session.prices)
    if semconv.COST_STATE in span.attributes:  # which says what held when it was recorded
        for name in _COST:
            made.pop(name, None)
        made |= {name: span.attributes[name] for name in _COST if name in span.attributes}
    return made


def _is_default(policy: Policy) -> bool:
    new = Policy()
    limits = ("content", "max_content_bytes", "max_blob_bytes")
    return not (policy.rules.optional or policy.rules.own) and all(
        getattr(policy, name) == getattr(new, name) for name in limits
    )


def _nothing() -> None:
    """End nothing."""


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{word} ({count:,})" for word, count in counts.items())
