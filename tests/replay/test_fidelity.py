"""A replayed call gives the user's code what the recorded one gave, and its span says the same.

The table is that of `tests/capture/fidelity`: each endpoint, however it is called, by the client and the async client.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import semconv
from nbtrace._replays import Replay
from tests.capture.conftest import HTTP
from tests.capture.fidelity import ROWS
from tests.capture.reading import VARYING, spans
from tests.capture.test_fidelity import WARNS, answering
from tests.replay.asking import aask, ask, nowhere

if TYPE_CHECKING:
    from nbtrace import Session
    from tests.capture.loopback import JSON

WAYS = [
    pytest.param(name, way, marks=[WARNS] if row.is_deprecated else [])
    for name, row in ROWS.items()
    if row.method != "retrieve"  # whose usage is not kept: it is another call's
    for way in row.ways.split()
]
COST = (semconv.USAGE_COST, semconv.COST_STATE, semconv.COST_REASON, semconv.COST_BUCKETS, semconv.REPLAYED_FROM)
OPTIONS: Any = {"base_url": "https://llm.test/v1", "api_key": "x"}


def client(answer: Any) -> openai.OpenAI:
    return openai.OpenAI(**OPTIONS, http_client=HTTP.Client(transport=HTTP.MockTransport(answer)))


def aclient(answer: Any) -> openai.AsyncOpenAI:
    async def aanswer(request: Any) -> Any:
        await request.aread()
        return answer(request)

    return openai.AsyncOpenAI(**OPTIONS, http_client=HTTP.AsyncClient(transport=HTTP.MockTransport(aanswer)))


def said(span: dict[str, Any]) -> JSON:
    """Give what a span says, but for times and what the call cost; where it was cut stays."""
    varying = {*VARYING, *COST} - {semconv.STREAM_CUTS}
    kept = {key: value for key, value in span["attributes"].items() if key not in varying}
    return kept | {key: span[key] for key in ("name", "status", "message")}


def check(session: Session) -> None:
    """Compare the replayed span with the recorded one, which it names and links to."""
    recorded, replayed = spans(session)
    assert said(replayed) == said(recorded)
    if semconv.COST_STATE in recorded["attributes"]:
        assert replayed["attributes"][semconv.COST_STATE] == "replayed"
    assert semconv.USAGE_COST not in replayed["attributes"]
    assert replayed["attributes"][semconv.REPLAYED_FROM] == f"{recorded['id']:016x}"
    (link,) = session.spans()[-1].links
    assert (link["trace_id"], link["span_id"]) == (f"{recorded['trace']:032x}", f"{recorded['id']:016x}")


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_sync(name: str, way: str, session: Session) -> None:
    row = ROWS[name]
    with client(answering(row)) as recording:
        expected = ask(recording, row, way)
    with client(nowhere) as replaying, Replay(session, session, "replay", "none") as replay:
        found = ask(replaying, row, way)
    compare(found, expected, way)
    assert (replay.answered, replay.made, replay.missed) == (1, 0, 0)
    check(session)


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_async(name: str, way: str, session: Session) -> None:
    row = ROWS[name]
    async with aclient(answering(row)) as recording:
        expected = await aask(recording, row, way)
    async with aclient(nowhere) as replaying:
        with Replay(session, session, "replay", "none"):
            found = await aask(replaying, row, way)
    compare(found, expected, way)
    check(session)


def compare(found: Any, expected: Any, way: str) -> None:
    if way == "raw":
        (found, headers), (expected, recorded) = found, expected
        names = {"x-request-id", "x-ratelimit-remaining-requests", "content-type"}
        assert [one for one in headers if one[0] in names] == [one for one in recorded if one[0] in names]
    assert found == expected
