"""The tables of docs/backends.md, as far as what they are of runs in every test: `test_servers.py` has the rest."""

from __future__ import annotations

from pathlib import Path

from nbtrace import semconv
from tests.export import rich, shown
from tests.export.loopback import expected, spans_of
from tests.export.servers import otlp, place, running


def test_a_receiver_has_of_the_rich_session_what_the_table_says() -> None:
    assert running.through_oteltap() == shown.column("oteltap")


def test_a_collector_passes_on_of_the_rich_session_what_the_table_says(tmp_path: Path) -> None:
    assert running.through_rotel(tmp_path) == shown.column("rotel")


def test_one_span_that_differs_is_told() -> None:
    rows = otlp.spans(spans_of(expected(rich.spans())))
    rows[3]["attributes"][semconv.PROMPT_VERSION] = "2"
    rows[9]["attributes"]["attribute.007"] = 8
    rows[1]["span"].end_time_unix_nano += 1
    rows[8]["attributes"][semconv.RESPONSE_TIME_TO_FIRST_CHUNK] = 0.25
    del rows[3]["attributes"][semconv.USAGE_REASONING]
    found = place.shown(rows, otlp.PLACES)
    told = {noun: words for noun, words in found.items() if words not in {"yes", "as events", "to the nanosecond"}}
    assert told == {
        "times": "**others: spans [1]**",
        "reasoning tokens": "not shown",
        "tokens together": "not shown",
        "cost of the trace": "not shown",
        "first chunk": "**others: spans [8]**",
        "prompts and versions": "**others: spans [3]**",
        "scores": "not shown",
        "200 attributes": "**others: spans [9]**",
    }
