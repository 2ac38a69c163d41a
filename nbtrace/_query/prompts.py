"""Prompts as they were used: the versions of a registry beside the figures of their calls."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from math import fsum
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace import semconv
from nbtrace._prompts.history import History
from nbtrace._prompts.prompt import Origin, Prompt
from nbtrace._query.aggregate import aggregate, read
from nbtrace._query.result import Result
from nbtrace.errors import UsageError
from nbtrace.semconv import LLM_OPERATIONS

if TYPE_CHECKING:
    import pyarrow as pa

    from nbtrace._prompts.text import PromptText
    from nbtrace._query.frame import Spans
    from nbtrace._store.snapshot import Snapshot

_BY: Final = ("prompt_name", "prompt_version")
_FIGURES: Final = ("calls", "errors", "input_tokens", "output_tokens", "cost_usd", "unpriced", "latency_p50_s")

Key = tuple[str, str]
"""A prompt's name and a version, as spans say them."""


def listed(histories: Sequence[History], spans: Spans) -> Result:
    """List every version, used or not, with the figures of its calls.

    Args:
        histories: the prompts that are known.
        spans: whose calls are counted; versions that only they know are listed too.
    """
    import pyarrow as pa

    figures = {(row["prompt_name"], row["prompt_version"]): row for row in _figures(spans)}
    scores = _scores(spans)
    known = {
        (history.name, str(prompt.version)): (history, prompt) for history in histories for prompt in history.versions
    }
    rows: list[dict[str, Any]] = []
    for key in [*known, *(key for key in figures if key not in known)]:
        history, prompt = known.get(key, (None, None))
        used = figures.get(key, {})
        rows.append({
            "prompt": key[0],
            "version": key[1],
            "tags": _tags(history, prompt),
            "template": prompt.text if prompt is not None else None,
            "execution_count": prompt.origin.execution_count if prompt is not None and prompt.origin else None,
            "made": prompt.origin.made if prompt is not None and prompt.origin else None,
            "calls": used.get("calls", 0),
            **{name: used.get(name) for name in _FIGURES[1:]},
            "scores": scores.get(key, []),
        })  # fmt: skip
    return Result(pa.Table.from_pylist(rows, schema=_schema()))


def _schema() -> pa.Schema:
    import pyarrow as pa

    kinds = {"errors": pa.int64(), "unpriced": pa.int64(), "cost_usd": pa.float64(), "latency_p50_s": pa.float64()}
    score = pa.struct([("name", pa.string()), ("mean", pa.float64()), ("count", pa.int64())])
    return pa.schema([
        ("prompt", pa.string()), ("version", pa.string()), ("tags", pa.list_(pa.string())), ("template", pa.string()),
        ("execution_count", pa.int64()), ("made", pa.timestamp("us", tz="UTC")),
        *((name, kinds.get(name, pa.int64())) for name in _FIGURES),
        ("scores", pa.list_(score)),
    ])  # fmt: skip


def _tags(history: History | None, prompt: Prompt | None) -> list[str]:
    if history is None or prompt is None:
        return []
    current = ["current"] if history.current is prompt else []
    return current + sorted(tag for tag, version in history.tags.items() if version == prompt.version)


def _figures(spans: Spans) -> Iterator[dict[str, Any]]:
    rows = aggregate(spans.words_of(read(_BY)), _BY).to_pylist()
    return (row for row in rows if row["prompt_name"] is not None)


def _scores(spans: Spans) -> Mapping[Key, list[dict[str, Any]]]:
    """Average the numbers that calls were given, by version and name of the score."""
    given = spans.snapshot.scores
    if not len(given):
        return {}
    places = spans.words_of(["trace_id", "span_id", *_BY]).to_pylist()
    keys = {(row["trace_id"], row["span_id"]): (row[_BY[0]], row[_BY[1]]) for row in places if row[_BY[0]] is not None}
    values: dict[Key, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for row in given.select(["trace_id", "span_id", "name", "value"]).to_pylist():
        key = keys.get((row["trace_id"], row["span_id"]))
        if key is not None and row["value"] is not None:
            values[key][row["name"]].append(row["value"])
    return {
        key: [
            {"name": name, "mean": fsum(each) / len(each), "count": len(each)} for name, each in sorted(named.items())
        ]
        for key, named in values.items()
    }


def unheld(rendered: Iterable[PromptText], spans: Snapshot) -> list[str]:
    """Name the versions that were rendered for calls of which none says so: their texts were changed on the way.

    Args:
        rendered: the texts.
        spans: among which the calls are. Where each call names its prompt, none has lost its own.
    """
    calls = [row for row in spans.select(["operation", *_BY]).to_pylist() if row["operation"] in LLM_OPERATIONS]
    used = {(row["prompt_name"], row["prompt_version"]) for row in calls}
    if (None, None) not in used:
        return []
    made = dict.fromkeys((one.prompt.name, str(one.prompt.version)) for one in rendered)
    return [f"{name} v{version}" for name, version in made if (name, version) not in used]


def versions_in(spans: Spans) -> list[Prompt]:
    """Find the versions of prompts that calls were made with, in order of their first use.

    Only such as nbtrace itself has made: with a number, and the template on the span.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    used = spans.words_of([*_BY, "start_time_unix_nano"])
    used = used.append_column("row", pa.array(range(len(used)), pa.int64()))
    used = used.filter(cast("Any", pc).is_valid(used["prompt_name"]))
    first = used.group_by(list(_BY)).aggregate([("row", "min"), ("start_time_unix_nano", "min")])
    found: list[Prompt] = []
    for row in first.sort_by("start_time_unix_nano_min").to_pylist():
        span = spans[row["row_min"]]
        made = _prompt(row["prompt_name"], row["prompt_version"], span.attributes, span.start_time)
        if made is not None:
            found.append(made)
    return found


def _prompt(name: str, version: str | None, attributes: Mapping[str, Any], start: datetime) -> Prompt | None:
    text, digits = attributes.get(semconv.PROMPT_TEMPLATE), attributes.get(semconv.PROMPT_HASH)
    if text is None or digits is None or version is None or not version.isdecimal():
        return None
    language = attributes.get(semconv.PROMPT_LANGUAGE, "format")
    origin = Origin(start, attributes.get(semconv.CELL_ID), attributes.get(semconv.CELL_EXECUTION_COUNT))
    readings: list[Any] = [text]
    if text[:1] == "[":
        with suppress(ValueError, RecursionError):
            readings.append(json.loads(text))
    for template in readings:  # a masked or cut template is not the one that was used
        with suppress(UsageError, RecursionError):
            prompt = Prompt(name, template, int(version), language=language, origin=origin)
            if prompt.hash == digits:
                return prompt
    return None
