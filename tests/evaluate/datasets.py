"""A dataset of two sessions to judge, and the checks that judge it, for every engine alike."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from nbtrace import check, checks, semconv
from nbtrace._evaluate.result import Evaluation
from nbtrace._export.destination import export
from nbtrace._store.scores import Score, encode_scores
from nbtrace._store.snapshot import Snapshot
from tests.query.tables import chat, row, table


@check
def ends(span: Any, reference: str | None, digit: str = "3") -> Any:
    if span.answer is None:
        return None
    return int(span.answer[-1]) == int(digit), f"{span.question}, {reference}"


EVERY = [
    checks.exact(), checks.contains("1"), checks.regex(r"\d\d$"), checks.json_schema(), checks.length(at_most=8),
    checks.latency(0.1), checks.cost(1), checks.refusal(), checks.retrieved("7"), ends, ends.using(digit="4"),
]  # fmt: skip
"""Some of each kind; the last two raise for an answer that ends in no digit."""


def messages(role: str, text: str) -> str:
    return json.dumps([{"role": role, "parts": [{"type": "text", "content": text}]}])


def call(n: int, **columns: Any) -> dict[str, Any]:
    return chat(
        n + 1,
        trace=n + 1,
        ms=n,
        output_messages=messages("assistant", f"answer {n}" if n % 7 else "I'm sorry, no"),
        input_messages=messages("user", f"question {n}"),
        attributes=[{"key": "want", "string": f"answer {n - n % 2}"}],
        **columns,
    )


def scope(session: str) -> str:
    return json.dumps({"attributes": [{"key": "nbtrace.recording.id", "value": {"stringValue": session}}]})


def gathered(root: Path) -> None:
    """Write 200 calls in two sessions, of which some are in both, and some are judged already."""
    found = json.dumps([{"id": "7", "content": "Ada"}])
    first = table(
        *(call(n, scope=scope("a")) for n in range(120)),
        chat(302, status_code=2, scope=scope("a")),
        chat(301, ms=None, status_code=2, status_message=semconv.INTERRUPTED, scope=scope("a")),
        chat(304, attributes=[{"key": "gen_ai.evaluation.name", "string": "judge"}], scope=scope("a")),
        row(303, operation="retrieval", attributes=[{"key": "gen_ai.retrieval.documents", "string": found}]),
    )
    key = ends.keys(1, ["answer 2"])[0]
    known = [
        Score(
            (3).to_bytes(16, "big"), (3).to_bytes(8, "big"), "ends", 0.25, evaluator_version=ends.full_version, key=key
        )
    ]
    export(judged(first, known), f"{root}/")
    export(table(*(call(n, scope=scope("b")) for n in range(100, 200))), f"{root}/")


def judged(spans: Snapshot, known: list[Score]) -> Snapshot:
    import pyarrow as pa

    return spans.judged(pa.Table.from_batches([encode_scores(known)]))


def rows(found: Evaluation) -> list[tuple[Any, ...]]:
    """Give what an evaluation says, but for tracebacks, which name the place that they came by."""
    every = (one | {"explanation": None if one["error"] else one["explanation"]} for one in found.table.to_pylist())
    return sorted((tuple(one.values()) for one in every), key=str)
