"""What is around a call is on every span below."""

from __future__ import annotations

from typing import Any

import openai
import pytest
from opentelemetry.propagate import inject

import nbtrace
from nbtrace import Session
from nbtrace.errors import UsageError
from tests.capture.reading import spans


def test_everything_below_takes_it_over(session: Session, client: openai.OpenAI) -> None:
    with nbtrace.context(user="ada", session="s", conversation="c", tags=["x", "y"], metadata={"n": 1, "d": [1]}):
        with nbtrace.context(user="bob"), session.span("inner"):
            client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
        with session.span("outer"):
            pass
    with session.span("outside"):
        pass
    names = ("user.id", "session.id", "gen_ai.conversation.id", "nbtrace.tags", "nbtrace.metadata.n",
             "nbtrace.metadata.d")  # fmt: skip
    found: dict[str, Any] = {span["name"]: [span["attributes"].get(name) for name in names] for span in spans(session)}
    shared = ["s", "c", ["x", "y"], 1, "[1]"]
    assert found == {
        "inner": ["bob", *shared],
        "chat m": ["bob", *shared],
        "outer": ["ada", *shared],
        "outside": [None] * 6,
    }


def test_a_trace_comes_from_and_goes_to_other_processes(session: Session) -> None:
    sent = {"Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "baggage": "tenant=t1"}
    carried: dict[str, str] = {}
    with nbtrace.context(headers=sent), session.span("here"):
        inject(carried)
    (row,) = session.spans().table.select(["trace_id", "span_id", "parent_span_id"]).to_pylist()
    assert row["trace_id"].hex() == "0af7651916cd43dd8448eb211c80319c"
    assert row["parent_span_id"].hex() == "b7ad6b7169203331"
    assert carried == {
        "traceparent": f"00-0af7651916cd43dd8448eb211c80319c-{row['span_id'].hex()}-01",
        "baggage": "tenant=t1",
    }


def test_tags_are_a_list() -> None:
    with pytest.raises(UsageError, match=r"tags are a list of words, such as \['draft'\]"):
        nbtrace.context(tags="draft")
