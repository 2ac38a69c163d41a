"""Answers to judge, and what evaluations of them come to."""

from __future__ import annotations

import json
from typing import Any

from nbtrace._evaluate.result import Evaluation
from nbtrace._query.frame import Spans
from tests.query.tables import chat, table

QUIET: dict[str, Any] = {"progress": False}


def said(text: str) -> str:
    return json.dumps([{"role": "assistant", "parts": [{"type": "text", "content": text}], "finish_reason": "stop"}])


def asked(text: str) -> str:
    return json.dumps([{"role": "user", "parts": [{"type": "text", "content": text}]}])


ANSWERS = ("Rome", "Oslo, as ever", "Lima")
SPANS = Spans(
    table(
        *(
            chat(n + 1, trace=n + 1, output_messages=said(text), input_messages=asked(f"question {n}"))
            for n, text in enumerate(ANSWERS)
        ),
        chat(4, trace=4, status_code=2, error_type="Timeout"),
    )
)


def rows(found: Evaluation) -> list[tuple[Any, ...]]:
    names = ("check", "span_id", "value", "label", "explanation", "error")
    return [
        (one["check"], int(one["span_id"], 16), *(one[name] for name in names[2:])) for one in found.table.to_pylist()
    ]
