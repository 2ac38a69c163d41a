"""The span of what a call returned, found with the real client and the real local model."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pytest
from openai import OpenAI

import nbtrace
from nbtrace import Session
from nbtrace._query.answer import find
from nbtrace.errors import NotFoundError
from tests.capture.loopback import HELLO, Loopback, Received, Reply, completion
from tests.query.tables import chat, table


def test_what_a_client_returns_leads_to_its_span(session: Session, model: str) -> None:
    ask: Any = {"model": model, "messages": [{"role": "user", "content": "Say hi."}], "max_tokens": 4, "seed": 1}
    with OpenAI(max_retries=0) as client:
        first = client.chat.completions.create(**ask)
        chunks = list(client.chat.completions.create(**ask, stream=True))
        response = client.responses.create(model=model, input="Say yes.", max_output_tokens=4)
        events = list(client.responses.create(model=model, input="Say no.", max_output_tokens=4, stream=True))
    one, streamed, responded, evented = session.spans()
    assert session.of(first) == one
    assert session.of(chunks[0]) == session.of(chunks[-1]) == streamed
    assert session.of(response) == responded
    assert session.of(events[-1]) == evented
    message = first.choices[0].message
    assert session.of(message).output_messages == session.of(message.content).output_messages == one.output_messages
    kept = weakref.ref(first)
    del first, message
    gc.collect()
    assert kept() is None


def test_streams_and_raw_responses_lead_to_their_spans(session: Session) -> None:
    numbers = iter(range(9))

    def reply(received: Received) -> Reply:
        headers = {"x-request-id": f"req_{next(numbers)}"}
        if b'"stream":true' in received.body:
            return Reply(chunks=HELLO, headers=headers)
        return Reply(completion("Hello"), headers=headers)

    ask: Any = {"model": "gpt-4o", "messages": [{"role": "user", "content": "req_1"}]}
    with Loopback(reply) as server, OpenAI(base_url=server.url, api_key="none", max_retries=0) as client:
        create = client.chat.completions.create
        streams = [create(**ask, stream=True) for _ in range(2)]
        for stream in streams:
            next(stream)
        raw = client.chat.completions.with_raw_response.create(**ask)
        with client.chat.completions.with_streaming_response.create(**ask) as streaming:
            streaming.read()
            found = [session.of(one).span_id for one in (*streams, raw, streaming)]
        for stream in streams:
            list(stream)
        server.reply = Reply(completion("Hi", id="chatcmpl-2"))
        bare = client.chat.completions.with_raw_response.create(**ask)
        server.reply = Reply(chunks=HELLO)
        nameless = create(**ask, stream=True)
        helper = client.chat.completions.stream(model="gpt-4o", messages=ask["messages"]).__enter__()
        assert [session.of(one).span_id for one in (nameless, helper)] == [f"{made:016x}" for made in (6, 7)]
        session.stop()
        strange = create(**ask, stream=True)
    assert found == [f"{made:016x}" for made in (1, 2, 3, 4)]
    assert session.of(bare).response_id == "chatcmpl-2"
    with pytest.raises(NotFoundError, match="no span here has the answer Stream"):
        session.of(strange)


def test_of_several_alike_the_last_is_meant_and_only_whole_texts_count() -> None:
    hello, odd = '[{"role":"assistant","parts":[{"type":"text","content":"Hi \\"you\\""}]}]', "[cut Hi"
    spans = table(
        chat(1, response_id="a", output_messages=hello),
        chat(2, response_id="b", output_messages=hello),
        chat(3, response_id="b", output_messages=odd, input_messages=hello),
        chat(4, output_messages='["Hi", {"parts": ["Hi"]}, {"parts": "Hi"}]'),
        chat(5, output_messages='{"Hi": 1}'),
    )
    assert [find(spans, answer) for answer in ('Hi "you"', {"id": "a"}, {"id": "b"})] == [1, 0, 2]
    for answer in ("Hi", "", "[cut Hi", {"id": "c"}, object(), None):
        with pytest.raises(NotFoundError, match=r"^no span here has the answer .*; expected what a recorded call"):
            find(spans, answer)


def test_an_answer_of_no_session_is_said() -> None:
    with pytest.raises(NotFoundError, match="no span here has the answer dict 'chatcmpl-1'"):
        nbtrace.of({"id": "chatcmpl-1"})
