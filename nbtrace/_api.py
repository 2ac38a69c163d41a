"""The public functions of `nbtrace`: the methods of one default session."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Unpack, overload

from opentelemetry.util.types import AttributeValue

from nbtrace._answers import Answers
from nbtrace._capture.around import Around
from nbtrace._capture.steps import P, R, Step, StepKind, step
from nbtrace._session import Session

if TYPE_CHECKING:
    from nbtrace._export.live import Live
    from nbtrace._export.options import Options
    from nbtrace._export.report import ExportReport
    from nbtrace._query.cost import Cost
    from nbtrace._query.filters import Filters
    from nbtrace._query.frame import Spans
    from nbtrace._query.result import Result
    from nbtrace._query.row import Span
    from nbtrace._trace.provider import Tracing
    from nbtrace._widgets.trace import TraceWidget
    from nbtrace._widgets.traces import TracesWidget

_default = Session()


def session() -> Session:
    """Give the default session, recording.

    The notebook extension and every function of this module use this one. In a script, calling it is what starts the
    capture; `session().stop()` ends it.

    Examples:
        >>> import nbtrace
        >>> nbtrace.session().running
        True
        >>> nbtrace.session().stop()
    """
    return _default.start()


def default() -> Session:
    """Give the default session as it is."""
    return _default


def spans(**filters: Unpack[Filters]) -> Spans:
    """Give the spans recorded so far as a table, all of them or those that filters choose.

    The names of a cell, trace, prompt and so on are compared as a whole. A text with `*`, `?` or `[...]` in it is a
    pattern as in a shell, `re.compile(...)` is searched for, and a list of these means any of them.

    Args:
        **filters: any of

            - `since`, `until`: by start; a datetime, ISO text, or how long ago (`timedelta`, `"15m"`, `"2h"`, `"7d"`).
              What has no zone is local time.
            - `cell`: id of a cell, number in its brackets, or `"current"` for the run of the cell that asks.
            - `run`: the how-manieth run of its cell, or `"latest"`: of each cell the last run, and what is of no cell.
            - `trace`: 32 hex digits, the first few of them, or a span of it.
            - `kind`: `llm`, `embedding`, `tool`, `retrieval`, `agent`, `chain`, `guardrail`, `evaluation`, `attempt`,
              `cell` or `span` (all others).
            - `status`: `ok`, `error` or `running`; what has failed and not ended is both of these.
            - `name`, `model` (asked or answered), `operation`, `provider`, `user`, `session`, `conversation`, `tag`.
            - `prompt`: the prompt's name, or one version of it as `nbtrace.prompt` gives it.
            - `text`: found in the span's name, messages, attributes or events, whatever its case.
            - `last`: only so many, the last by start.

    Returns:
        An immutable table, one row a span, with the Arrow PyCapsule interface (`__arrow_c_stream__`), `to_pandas()`,
        `to_polars()`, `to_duckdb()`, `filter(...)`, `trace()` and single spans as `[i]`. Spans still running have no
        duration.

    Raises:
        UsageError: a filter is unknown or has a value that it cannot use.
        NotFoundError: there is no such trace, or no cell is running.

    Examples:
        >>> import nbtrace
        >>> len(nbtrace.spans())
        0
        >>> nbtrace.spans(since="2h", model="gpt-4*", status="error")
        <Spans: 0 spans, 0 LLM calls>
    """
    return _default.spans(**filters)


def metrics(
    spans: object = None,
    *,
    by: str | Sequence[str] = (),
    every: str | timedelta | None = None,
    calls_only: bool = True,
    engine: object = None,
) -> Result:
    """Compute tokens, cost, latency, errors and retries, of all spans or of groups of them.

    What is not known is not counted as zero: a sum of nothing is none. Quantiles are exact, with linear interpolation
    between neighbours, and the same in every engine.

    Args:
        spans: what `nbtrace.spans(...)` gives, or a data frame with its columns in pyarrow, pandas, polars, DuckDB or
            PySpark, which then does the work itself; without it, all spans of the session.
        by: one column or several to group by; besides those of the table `model` (answered, else asked), `kind`,
            `status`, `prompt`, `user`, `session`, `conversation`, `cell`, `run`, `trace`. `guardrail` stands alone and
            has figures of its own: how often each guard passed, blocked, warned, fixed and failed, and the time taken.
        every: also group by time, in buckets of this length counted in UTC: a `timedelta` or `"15m"`, `"1h"`, `"1d"`.
        calls_only: measure LLM calls only; otherwise tools, steps and cells too.
        engine: what computes the figures of a dataset that `nbtrace.open` gave: `"duckdb"` or a connection of DuckDB's,
            which reads it piece by piece, or a session of PySpark's, on many machines; otherwise pyarrow, in memory.

    Returns:
        A row a group: its keys (`time` is the begin of a bucket), `spans`, `calls`, `errors` (spans that failed, those
        that failed with another too), `error_rate`, `retried`, `retry_rate`, `rate_limited_s` (waits that followed a
        429) and its share of the time that the calls took (`rate_limited_share`), `input_tokens`, `output_tokens`, of
        these `cache_read_tokens`, `cache_write_tokens` and `reasoning_tokens`, `cost_usd`, how many calls are `priced`,
        `estimated` or `unpriced`, of `estimated_usage` and of `unknown_usage`, and the 50th, 95th and 99th percentile
        of the time to the end (`latency_p50_s`, ...) and to the first chunk of a stream (`first_chunk_p50_s`, ...).

    Raises:
        UsageError: a column is unknown or cannot be grouped by, or `spans` is no data frame.

    Examples:
        >>> import nbtrace
        >>> paid, shown = nbtrace.metrics(), nbtrace.metrics(nbtrace.spans(run="latest"))
        >>> paid["calls"], shown["cost_usd"]
        ([0], [None])
        >>> nbtrace.metrics(by="model", every="1h")["latency_p95_s"]
        []
    """
    return _default.metrics(spans, by=by, every=every, calls_only=calls_only, engine=engine)


def sql(query: str, **given: object) -> Result:
    """Ask in SQL, answered by DuckDB (`pip install "nbtrace[sql]"`).

    The tables are `spans` (its ids are hex digits) and `messages`: `trace_id`, `span_id`, `direction` (`input`,
    `output`, `system`), `position`, `role`, `text`, `tool_calls` (names), `finish_reason` and `parts` (JSON);
    and `scores`, the judgements of the spans: `trace_id`, `span_id`, `name`, `value`, `label`, `explanation`,
    `evaluator`, `evaluator_version`, `source`, `time_unix_nano`, `error_type`, `key`.
    `attribute(attributes, 'name')` gives an attribute as text. A query reaches no file, network or Python variable.

    Args:
        query: one statement in DuckDB's SQL.
        **given: data frames become tables of their names, which `messages` and `scores` cannot be; all else are
            values for `$name`; `spans` may be what `nbtrace.spans(...)` chooses.

    Returns:
        The rows as an Arrow table with `to_pandas()`, `to_polars()` and `to_duckdb()`.

    Raises:
        UsageError: DuckDB is not installed or refuses the query, or a data frame has the name of one of its tables.

    Examples:
        >>> import nbtrace
        >>> nbtrace.sql("SELECT count(*) AS n FROM spans WHERE request_model = $model", model="gpt-4o")["n"]
        [0]
    """
    return _default.sql(query, **given)


def of(answer: object) -> Span:
    """Find the span of what a call returned.

    Args:
        answer: a response of any recorded client, raw or not, a stream that has been read from, a chunk or event of
            one, a message, or the whole text of an answer; of several calls with the same one, the last. Streams and
            raw responses that are unread are known by the request id that their server gives them.

    Returns:
        The span, for reading (`nbtrace.of(answer).cost_usd`) and for `nbtrace.trace(...)`.

    Raises:
        NotFoundError: no recorded call returned it.

    Examples:
        >>> import nbtrace
        >>> nbtrace.of("Paris")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        nbtrace.errors.NotFoundError: nothing is being recorded (%load_ext nbtrace, or in a script ...
    """
    return _default.of(answer)


def trace(trace: str | Span | Answers | None = None) -> TraceWidget:
    """Draw a trace as a tree with waterfall and messages.

    Args:
        trace: 32 hex digits, or the first few of them; or a span, which is then selected; or what `nbtrace.open` gave,
            of which it is the last one; without it, the last trace with an LLM call.

    Returns:
        A widget that follows the trace while it grows. Where no widget can live it is static HTML or text.

    Raises:
        NotFoundError: there is no such trace, or no LLM call was recorded yet.
        UsageError: the id is no text.

    Examples:
        >>> import nbtrace
        >>> nbtrace.trace("feed")
        Traceback (most recent call last):
        ...
        nbtrace.errors.NotFoundError: no trace begins with 'feed'; the session has none yet
    """
    return trace.trace() if isinstance(trace, Answers) else _default.trace(trace)


def traces(spans: Answers | None = None) -> TracesWidget:
    """List the session's traces, to open each as a tree.

    Args:
        spans: what `nbtrace.open` gave, whose traces are listed instead.

    Returns:
        A widget: a row a trace, the latest run of each cell with its earlier runs folded below it, sortable by time,
        tokens, cost and errors, searchable by names, messages and attributes. `selected_trace` and `selected_span`
        say, and set, what is open. Where no widget can live it is static HTML or text.

    Examples:
        >>> import nbtrace
        >>> nbtrace.traces().selected_trace is None
        True
    """
    return (_default if spans is None else spans).traces()


def cost(span: object) -> Cost:
    """Tell what a call cost, and how that was computed.

    Args:
        span: a span, a row of `nbtrace.spans()` in any form, a span's id in hex (its first few digits will do), or what
            a call returned.

    Returns:
        The total with its parts: quantity, price and amount of each. What has no price is none, and never 0, with the
        reason.

    Raises:
        NotFoundError: no span, or more than one, fits.

    Examples:
        >>> import nbtrace
        >>> nbtrace.cost("feed")
        Traceback (most recent call last):
        ...
        nbtrace.errors.NotFoundError: no span begins with 'feed'; there are 0
    """
    return _default.cost(span)


@overload
def export(to: str | PathLike[str], *, live: Literal[False] = False, **options: Unpack[Options]) -> ExportReport: ...
@overload
def export(to: str | PathLike[str], *, live: Literal[True], **options: Unpack[Options]) -> Live: ...
def export(to: str | PathLike[str], *, live: bool = False, **options: Unpack[Options]) -> ExportReport | Live:
    """Write the session's spans to a file, or send them to a backend.

    Args:
        to: a path ending in `.parquet` (the span table), `.jsonl` (OTLP JSON lines, as the OpenTelemetry file exporter
            specification says), `.html` (a page with the list of traces, their trees and details, that works without a
            kernel or network) or `.csv` (what fits into cells; the report says what does not); a path ending in `/`, or
            the URL of another file system (`s3://`, `gs://`, any that pyarrow or fsspec reads): a dataset of Parquet
            files by day and session, to which spans are added; the base URL of an OTLP/HTTP endpoint (protobuf;
            `/v1/traces` is added), or of an OTLP/gRPC one, `grpc://` or with TLS `grpcs://` (`pip install
            "nbtrace[grpc]"`); or the name of a backend: `arize`, `datadog`, `grafana` (Tempo, one's own or the
            cloud's), `honeycomb`, `jaeger`, `langfuse`, `langsmith`, `logfire`, `mlflow`, `otlp` (whatever
            `OTEL_EXPORTER_OTLP_ENDPOINT` says), `phoenix`, `weave`. Its address and key come from the variables that
            its users set; what it reads under names of its own is said under those too.
        live: go on: send spans as they end, in batches on a thread of its own, until `.stop()`. Its text says how many
            were sent and wait; while the receiver fails they stay in the session, and it is tried again.
        **options: any of

            - `headers`: HTTP headers (gRPC: metadata) besides those of the backend, or for an endpoint those in
              `OTEL_EXPORTER_OTLP_HEADERS`.
            - `timeout`: seconds for an endpoint to answer; else `OTEL_EXPORTER_OTLP_TIMEOUT`, else 10.
            - `endpoint`: another address for a backend of that name, such as a proxy's or a collector's.
            - `protocol`: `"http/protobuf"`, `"http/json"` or `"grpc"`; else that of the URL, else what
              `OTEL_EXPORTER_OTLP_PROTOCOL` says, for an endpoint or `otlp`, else the first.
            - `spans`: only these, as `nbtrace.spans(...)` gives them; those whose parents are not among them become
              roots.
            - `content`: whether what was said goes along (it does): prompts, answers, arguments, sources; without it
              goes only how the calls went, names and numbers.
            - `dry_run`: only look: the report says destination, spans, bytes, attributes, what is masked and cut, and
              has a `sample`; nothing is sent or written.
            - `verify`: read back afterwards what is there, from whom that can be read, and say which spans are missing,
              or have another name, parent, begin or end.
            - `again`: what to do with spans that this session has sent there before, or that a dataset has: send only
              the `"rest"` (the default), send `"all"` once more under the same ids, or `"refuse"`. In a dataset `"all"`
              makes one file of all files of a session and day.
            - `layout`: `"clickhouse"` for a Parquet file in the shape of the OpenTelemetry Collector's `otel_traces`.
            - `filesystem`: one of pyarrow's or fsspec's, in which the path is.

    Returns:
        What was written: spans, bytes, destination, and what was left out.

    Raises:
        ExportError: the destination is unknown, unwritable or does not answer. The spans stay in the session.

    Examples:
        >>> import nbtrace, tempfile
        >>> nbtrace.export(tempfile.mkdtemp() + "/session.parquet").spans
        0
    """
    return _default.export(to, live=True, **options) if live else _default.export(to, **options)


@overload
def span(name: Callable[P, R], /) -> Callable[P, R]: ...
@overload
def span(name: str, *, kind: StepKind = "chain", **attributes: AttributeValue) -> Step: ...
@overload
def span(*, kind: StepKind = "chain", **attributes: AttributeValue) -> Callable[[Callable[P, R]], Callable[P, R]]: ...
def span(name: Any = None, *, kind: StepKind = "chain", **attributes: AttributeValue) -> Any:
    """Make a step of your program a span, the parent of the calls made in it.

    A context manager, and a decorator for functions of all four kinds: plain, async, generator, async generator. A
    decorated function's arguments and result are kept, of a retrieval as query and documents; in a `with` block you say
    what to keep, by `input`, `output`, `query` and `documents`. While no session records, it does nothing.

    Args:
        name: the step's name, such as that of the tool or agent; a decorator without one, as `@nbtrace.span` or
            `@nbtrace.span(kind="tool")`, takes the function's.
        kind: `chain`, `tool`, `retrieval`, `agent`, `guardrail`, `evaluation` or `embedding`; tools, retrievals and
            agents are operations of the GenAI semantic conventions.
        **attributes: attributes of the span, which exporters of yours see too.

    Raises:
        UsageError: the kind is unknown, or a `with` block has no name.

    Examples:
        >>> import nbtrace
        >>> @nbtrace.span(kind="tool")
        ... def search(text):
        ...     with nbtrace.span("index", kind="retrieval") as step:
        ...         found = [{"id": "7", "score": 0.9, "content": "Ada"}]
        ...         step.query(text).documents(found)
        ...     return found[0]["content"]
        >>> search("first programmer")
        'Ada'
    """
    if callable(name):
        return step(_recorder, None, kind, attributes)(name)
    return step(_recorder, name, kind, attributes)


def _recorder() -> Tracing | None:
    """Give where steps are recorded: in the session that records, which in a test is not the default one."""
    recording = Session.recording
    return recording.recorder() if recording is not None else None


def context(
    *,
    user: str | None = None,
    session: str | None = None,
    conversation: str | None = None,
    tags: Sequence[str] = (),
    metadata: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
    baggage: bool = False,
) -> Around:
    """Say for whom and in which session the calls below are made.

    Args:
        user: whom they are made for (`user.id`).
        session: the user's session (`session.id`).
        conversation: the conversation's real id (`gen_ai.conversation.id`); none if there is none.
        tags: words to find the spans by.
        metadata: more facts, by name.
        headers: those of a request from another process; its trace goes on here (W3C `traceparent` and `baggage`), and
            what its baggage says of user, session and conversation holds here, unless it is given.
        baggage: put user, session and conversation into OpenTelemetry's baggage too. It goes wherever headers are
            injected from here: by `opentelemetry.propagate.inject`, and by instrumentors of HTTP clients if you have
            activated one, also to a provider.

    Raises:
        UsageError: the tags are one text instead of a list.

    Examples:
        >>> import nbtrace
        >>> with nbtrace.context(user="ada", tags=["draft"]):
        ...     pass  # calls made here are Ada's
    """
    return Around(
        user=user,
        session=session,
        conversation=conversation,
        tags=tags,
        metadata=metadata,
        headers=headers,
        baggage=baggage,
    )
