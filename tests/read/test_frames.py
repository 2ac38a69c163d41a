"""Data frames of Phoenix and MLflow, as the real packages gave them, in the tables and words of nbtrace.

The files in `tests/fixtures/opened` name the package and its version, and hold what it returned for a small traced
program: an agent that calls a tool, which fails, and a model.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import nbtrace
from nbtrace._opened import Opened
from nbtrace._query.tree import tree
from nbtrace._widgets.static import tree_text
from nbtrace.errors import ReadError

FIXTURES = Path(__file__).parents[1] / "fixtures" / "opened"
MLFLOW = json.loads((FIXTURES / "mlflow.json").read_text(encoding="utf-8"))

PHOENIX = json.loads((FIXTURES / "phoenix.json").read_text(encoding="utf-8"))


def facts(opened: Opened) -> list[tuple[Any, ...]]:
    """Give what a span is, of each."""
    spans = sorted(opened.spans(), key=lambda span: span.start_time)
    return [
        (span.name, span.operation or span.span_type, span.request_model, span.input_tokens, span.status_code)
        for span in spans
    ]


MLFLOW_FACTS = [
    ("research", "invoke_agent", None, None, 1),
    ("lookup", "execute_tool", None, None, 2),
    ("Completions", "chat", "gpt-4o-mini", 12, 1),
]


def traces(listed: list[Any]) -> list[Any]:
    """Give objects with all of MLflow's `Trace` that is looked at."""
    return [SimpleNamespace(data=one["data"], to_json=lambda one=one: json.dumps(one)) for one in listed]


@pytest.mark.parametrize(
    "shape",
    [
        lambda: pd.DataFrame(MLFLOW["frame"]),
        lambda: pd.DataFrame(MLFLOW["frame"])[["trace_id", "trace"]],
        lambda: pa.Table.from_pylist([{"trace_id": "a", "trace": row["trace"]} for row in MLFLOW["frame"]]),
        lambda: pl.DataFrame({"trace_id": ["a"], "trace": [MLFLOW["frame"][0]["trace"]]}),
        lambda: traces(MLFLOW["traces"]),
        lambda: pd.DataFrame({"trace": traces(MLFLOW["traces"]), "trace_id": ["a"]}),
    ],
    ids=["frame", "pandas", "arrow", "polars", "list", "objects"],
)
def test_traces_of_mlflow_are_opened_in_each_of_their_shapes(shape: Callable[[], Any]) -> None:
    opened = nbtrace.open(shape())
    assert facts(opened) == MLFLOW_FACTS
    assert (opened.format, opened.repaired, opened.left_out) == ("MLflow traces", {}, {})
    agent, tool, call = sorted(opened.spans(), key=lambda span: span.start_time)
    assert tool.parent_span_id == call.parent_span_id == agent.span_id
    assert (call.provider, call.response_model, call.output_tokens) == ("openai", "gpt-4o-mini-2024-07-18", 7)
    assert (call.cost_usd, call.cost_state) == (pytest.approx(6e-06), "priced")
    assert call.input_messages == [{"role": "user", "parts": [{"type": "text", "content": "Capital of France?"}]}]
    assert opened.of("Paris") == call
    assert tool.events[0]["name"] == "exception"
    assert tool.attributes["gen_ai.tool.call.arguments"] == '{"city":"Paris"}'
    assert call.duration_ns == 751449
    assert tree_text(tree(opened.snapshot())).count("Completions") == 1


def test_a_trace_of_mlflow_without_spans_is_counted() -> None:
    frame = pd.DataFrame(MLFLOW["frame"] + [{"trace_id": "b", "trace": "{torn", "spans": None}])
    frame.loc[1, "spans"] = None
    opened = nbtrace.open(frame)
    assert (len(opened), opened.left_out) == (3, {"trace without spans": 1})


def test_spans_of_mlflow_2_are_read() -> None:
    """Its spans have a context, hex digits and names of their own: `Span.to_dict` of MLflow 2.22."""
    span = {
        "name": "predict", "context": {"span_id": "0x00000000000000a1", "trace_id": "0x" + "0" * 31 + "b"},
        "parent_id": None, "start_time": 1_700_000_000_000_000_000, "end_time": 1_700_000_001_000_000_000,
        "status_code": "OK", "status_message": "",
        "attributes": {"mlflow.spanType": '"CHAIN"', "mlflow.spanInputs": '{"x": 1}'}, "events": [],
    }  # fmt: skip
    opened = nbtrace.open(pd.DataFrame({"request_id": ["b"], "spans": [[span]], "trace": [None]}))
    assert facts(opened) == [("predict", "chain", None, None, 1)]
    assert opened.spans()[0].span_id == "00000000000000a1"
    assert opened.spans()[0].attributes["input.value"] == '{"x":1}'


@pytest.mark.parametrize("frame", [pd.DataFrame({"spans": [7]}), pd.DataFrame({"spans": [[7]]})])
def test_frames_that_hold_something_else_say_so(frame: Any) -> None:
    with pytest.raises(ReadError, match="there is no span in"):
        nbtrace.open(frame)


def phoenix() -> pd.DataFrame:
    frame = pd.DataFrame(PHOENIX["records"])
    for name in PHOENIX["times"]:
        frame[name] = pd.to_datetime(frame[name])
    return frame.set_index("context.span_id", drop=False)


def with_lists(frame: pd.DataFrame) -> pd.DataFrame:
    """Leave out what Arrow has no type for: a column of maps that some rows lack."""
    found = frame.reset_index(drop=True).drop(columns=["events", "attributes.metadata"]).astype(object)
    return found.where(found.notna(), None)


@pytest.mark.parametrize(
    "shape",
    [
        phoenix,
        lambda: phoenix().drop(columns="context.span_id"),
        lambda: pl.DataFrame(with_lists(phoenix()).to_dict("records"), infer_schema_length=None),
        lambda: pa.Table.from_pandas(with_lists(phoenix())),
    ],
    ids=["frame", "index", "polars", "arrow"],
)
def test_spans_of_phoenix_are_opened(shape: Callable[[], Any]) -> None:
    opened = nbtrace.open(shape())
    assert facts(opened) == [
        ("research", "invoke_agent", None, None, 0),
        ("lookup", "execute_tool", None, None, 2),
        ("ChatCompletion", "chat", "gpt-4o-mini", 12, 1),
    ]
    assert (opened.format, opened.repaired, opened.left_out) == ("Phoenix spans", {}, {})
    agent, tool, call = sorted(opened.spans(), key=lambda span: span.start_time)
    assert tool.parent_span_id == call.parent_span_id == agent.span_id
    assert call.input_messages == [{"role": "user", "parts": [{"type": "text", "content": "Capital of France?"}]}]
    assert (call.output_tokens, call.cost_state) == (7, "estimated")
    assert (agent.user_id, agent.session_id) == ("ada", "s-1")
    assert opened.of("Paris") == call
    assert call.duration_ns == 18_000


def test_what_phoenix_knows_besides_is_kept() -> None:
    opened = nbtrace.open(phoenix())
    tool, call = opened.spans(kind="tool")[0], opened.spans(kind="llm")[0]
    assert tool.events[0]["attributes"]["exception.type"] == "KeyError"
    assert tool.status_message == "KeyError: 'Paris'"
    assert call.attributes["nbtrace.metadata.team"] == "a"


def test_spans_that_mlflow_was_sent_have_their_attributes_as_they_were() -> None:
    call = {
        "trace_id": "qVGIpOABW5+MeH1DjoJ6UQ==",
        "span_id": "SWwJPHgV+tU=",
        "name": "chat m",
        "start_time_unix_nano": 10,
        "end_time_unix_nano": 20,
        "status": {"code": "STATUS_CODE_UNSET"},
        "attributes": {
            "gen_ai.operation.name": '"chat"',
            "gen_ai.request.model": '"m"',
            "gen_ai.usage.input_tokens": "55",
            "gen_ai.response.finish_reasons": '["stop"]',
            "gen_ai.output.messages": '[{"role": "assistant", "parts": [{"type": "text", "content": "Yes."}]}]',
            "mlflow.spanType": '"CHAT_MODEL"',
            "own.number": '"55"',
            "own.text": "NaN",
        },
    }
    (span,) = nbtrace.open(pd.DataFrame({"trace_id": ["tr-1"], "spans": [[call]]})).spans(kind="llm")
    assert (span.operation, span.request_model, span.input_tokens, span.answer) == ("chat", "m", 55, "Yes.")
    assert span.finish_reasons == ["stop"]
    assert (span.attributes["own.number"], span.attributes["own.text"]) == ("55", "NaN")
