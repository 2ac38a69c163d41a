"""Streams of the Responses API: left, broken, fetched again or in whatever order, they are recorded as the whole."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import openai
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from nbtrace import semconv
from nbtrace._capture.responses import content_attributes
from nbtrace._capture.responses_stream import fold
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import only, spans
from tests.capture.responses import ASK, FAILED, ITEMS, JSON, MESSAGE, events, response

if TYPE_CHECKING:
    from nbtrace import Session


async def test_a_real_stream_is_recorded_as_the_whole_response(session: Session, model: str) -> None:
    options: Any = {"model": model, "input": "Say hello.", "max_output_tokens": 6, "temperature": 0}
    async with openai.AsyncOpenAI() as client:
        seen = [event async for event in await client.responses.create(**options, stream=True)]
        streamed = only(session)
        session.store.clear()
        await client.responses.create(**options)
    own = (semconv.STREAM_CHUNKS, semconv.STREAM_OUTCOME, semconv.REQUEST_STREAM)
    assert [streamed.pop(key) for key in own] == [len(seen), "exhausted", True]
    varying = dict.fromkeys((semconv.RESPONSE_ID, semconv.USAGE_CACHE_READ))
    assert {**streamed, **varying} == {**only(session), **varying}


def test_the_stream_helper(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=events(response()))
    with client.responses.stream(**ASK) as stream:
        final = [event.type for event in stream][-1]
        assert (final, stream.get_final_response().output_text) == ("response.completed", "Hello!")
    recorded = only(session)
    assert recorded[semconv.STREAM_OUTCOME] == "exhausted"
    assert recorded[semconv.OUTPUT_MESSAGES] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": "stop"}
    ]


@pytest.mark.parametrize("whole", [response(), response(*ITEMS), response(status="incomplete")])
def test_a_stream_folds_to_the_whole_wherever_it_ends_properly(whole: JSON) -> None:
    assert fold(events(whole)) == whole


def test_a_stream_that_ends_early_is_put_together_from_what_came() -> None:
    whole = response(*ITEMS, MESSAGE)
    cut = [event for event in events(whole)[:-1] if not event["type"].endswith(".done")]
    expected = content_attributes({}, whole)[semconv.OUTPUT_MESSAGES]
    folded = content_attributes({}, fold(cut))[semconv.OUTPUT_MESSAGES]
    assert json.loads(str(folded)) == [{**json.loads(str(expected))[0], "finish_reason": None}]


def test_pieces_of_items_that_were_never_announced_are_kept() -> None:
    pieces = [event for event in events(response(*ITEMS)) if event["type"].endswith(".delta")]
    (message,) = json.loads(str(content_attributes({}, fold(pieces))[semconv.OUTPUT_MESSAGES]))
    assert [part for part in message["parts"] if part["type"] in ("reasoning", "refusal")] == [
        {"type": "reasoning", "content": "Thinking."},
        {"type": "refusal", "content": "I will not."},
    ]


def test_a_stream_that_is_left_has_what_had_arrived(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=events(response())[:5], then="hold")
    stream: Any = client.responses.create(**ASK, stream=True)
    for event in stream:
        if event.type == "response.output_text.delta" and event.delta == "llo!":
            break
    stream.close()
    recorded = only(session)
    assert (recorded[semconv.STREAM_OUTCOME], recorded[semconv.RESPONSE_STATUS]) == ("closed", "in_progress")
    assert recorded[semconv.OUTPUT_MESSAGES] == [
        {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": None}
    ]
    assert semconv.RESPONSE_FINISH_REASONS not in recorded


@pytest.mark.parametrize(
    "last",
    [
        {"type": "response.failed", "response": FAILED},
        {"type": "error", "code": "server_error", "message": "It broke.", "param": None, "sequence_number": 3},
    ],
)
def test_an_error_inside_a_stream_is_one(last: JSON, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=[*events(response())[:2], last])
    stream: Any = client.responses.create(**ASK, stream=True)
    assert [event.type for event in stream][-1] == last["type"]
    (span,) = spans(session)
    assert (span["status"], span["message"], span["attributes"][semconv.ERROR_TYPE]) == (
        "error", "It broke.", "server_error",
    )  # fmt: skip
    assert span["attributes"][semconv.RESPONSE_FINISH_REASONS] == ["error"]
    assert span["attributes"][semconv.STREAM_OUTCOME] == "exhausted"


async def test_an_async_stream_of_a_fetched_response(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(chunks=events(response()))
    async for _ in await async_client.responses.retrieve("resp_1", stream=True):
        pass
    recorded = only(session)
    assert recorded[semconv.OPERATION_NAME] == "fetch_response"
    assert recorded[semconv.REQUEST_STREAM] is True
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


@pytest.mark.parametrize("way", ["to the end", "left", "by the helper"])
def test_a_stream_that_goes_on_after_an_event(
    way: str, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    numbered = [{**event, "sequence_number": number} for number, event in enumerate(events(response()))]
    if way == "by the helper":  # which reads from the beginning, and hands out what comes after
        server.reply = Reply(chunks=numbered)
        with client.responses.stream(response_id="resp_1", starting_after=3) as helper:
            assert [event.sequence_number for event in helper] == [4, 5, 6, 7]
    else:
        server.reply = Reply(chunks=numbered[4:], then="done" if way == "to the end" else "hold")
        with client.responses.retrieve("resp_1", stream=True, starting_after=3) as stream:
            first = next(stream)
            assert len(list(stream) if way == "to the end" else [first]) == (3 if way == "to the end" else 1)
    recorded = only(session)
    assert recorded[semconv.RESPONSE_ID] == "resp_1"
    assert recorded.get(semconv.REQUEST_STREAM_CURSOR) == (None if way == "by the helper" else "3")
    assert (recorded[semconv.STREAM_OUTCOME], recorded[semconv.OUTPUT_MESSAGES][0]["parts"][0]["content"]) == (
        ("closed", "llo!") if way == "left" else ("exhausted", "Hello!")
    )
    assert semconv.USAGE_STATE not in recorded


async def test_the_async_helper_and_parsing(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    class Greeting(BaseModel):
        text: str

    said = {**MESSAGE, "content": [{"type": "output_text", "text": '{"text":"Hi"}', "annotations": []}]}
    server.reply = Reply(chunks=events(response(said)))
    async with async_client.responses.stream(**ASK, text_format=Greeting) as stream:
        final = await stream.get_final_response()
    assert final.output_parsed == Greeting(text="Hi")
    server.reply = Reply(response(said))
    assert (await async_client.responses.parse(**ASK, text_format=Greeting)).output_parsed == Greeting(text="Hi")
    streamed, whole = (span["attributes"] for span in spans(session))
    assert streamed[semconv.OUTPUT_MESSAGES] == whole[semconv.OUTPUT_MESSAGES]
    assert (streamed[semconv.STREAM_OUTCOME], streamed[semconv.OUTPUT_TYPE]) == ("exhausted", "json")


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
JSON_TEXT = st.sampled_from(['{"city":"Ulm","n":12345678901234567890123}', "{}", "{not json", ""])
PARTS = st.one_of(
    st.builds(lambda text: {"type": "output_text", "text": text, "annotations": []}, TEXT),
    st.builds(lambda text: {"type": "refusal", "refusal": text}, TEXT),
)
ANY_ITEMS = st.one_of(
    st.builds(lambda parts: {"type": "message", "role": "assistant", "content": parts}, st.lists(PARTS, max_size=3)),
    st.builds(
        lambda texts: {"type": "reasoning", "summary": [{"type": "summary_text", "text": text} for text in texts]},
        st.lists(TEXT, max_size=2),
    ),
    st.builds(lambda text: {"type": "function_call", "call_id": "c", "name": "f", "arguments": text}, JSON_TEXT),
    st.builds(lambda text: {"type": "custom_tool_call", "call_id": "c", "name": "f", "input": text}, TEXT),
)


@given(st.lists(ANY_ITEMS, min_size=1, max_size=4), st.randoms(use_true_random=False), st.booleans())
def test_any_order_of_pieces_gives_the_whole(items: list[JSON], random: Any, is_cut: bool) -> None:
    """Items come side by side: their events mix in any order, each item's own stay in theirs."""
    whole = response(*({"id": f"item_{number}", **item} for number, item in enumerate(items)))
    first, *middle, last = events(whole)
    queues = [[event for event in middle if event.get("output_index") == index] for index in range(len(items))]
    turns = random.sample([at for at, queue in enumerate(queues) for _ in queue], k=len(middle))
    mixed = [first, *(queues[at].pop(0) for at in turns)]
    expected = content_attributes({}, whole).get(semconv.OUTPUT_MESSAGES)
    if not is_cut:
        assert content_attributes({}, fold([*mixed, last])).get(semconv.OUTPUT_MESSAGES) == expected
    else:
        (said,) = json.loads(str(expected))
        (found,) = json.loads(str(content_attributes({}, fold(mixed))[semconv.OUTPUT_MESSAGES]))
        assert found == {**said, "finish_reason": None}
