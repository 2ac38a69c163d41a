"""A call's start is told while its answer is awaited, if a connection is known to be free; else before it is out."""

from __future__ import annotations

import asyncio
import gc
import pickle
import threading
from collections.abc import Iterator
from time import sleep, time_ns
from typing import Any

import openai
import pytest

from nbtrace import Session, semconv
from nbtrace._capture import call as call_module
from nbtrace._capture import outgoing
from tests.capture.conftest import HTTP, OPTIONS
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import spans
from tests.capture.sending import ANSWER, AT_ONCE, FIRST, JSON, MEANWHILE, AsyncSending, Sending, Told, ask

USER: list[Any] = [{"role": "user", "content": "Hi"}]


@pytest.fixture
def session() -> Iterator[Session]:
    with Session() as running:
        yield running


@pytest.fixture
def told(session: Session, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Give what is heard of the session's spans, as it is heard; of a request that is out, on a busy machine too."""
    heard: Told = []
    monkeypatch.setattr(call_module, "_AT_ONCE_NS", 60_000_000_000)
    monkeypatch.setattr(call_module, "_KEPT_NS", 60_000_000_000)
    session.intake.add(
        started=lambda span: heard.append(f"{span.name} began"),
        ended=lambda span, _: heard.append(f"{span.name} ended"),
    )
    return heard


def test_a_start_is_told_before_the_first_requests_and_while_the_next_one_is_answered(told: Told) -> None:
    client = Sending(told).client()
    for _ in range(3):
        ask(client)
    assert told == FIRST + MEANWHILE


async def test_a_start_is_told_while_an_async_call_is_answered(told: Told) -> None:
    http_client: Any = HTTP.AsyncClient(transport=AsyncSending(told))
    client = openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", http_client=http_client, **OPTIONS)
    for _ in range(3):
        await client.chat.completions.create(model="m", messages=USER)
    assert told == FIRST + MEANWHILE


def test_what_is_told_meanwhile_is_what_is_told_before(session: Session, told: Told) -> None:
    prompt = session.prompt("greet", "Greet {name}.")
    client = Sending(told).client()
    with session.span("step"):
        for _ in range(3):
            ask(client, prompt.format(name="Ada"))
    step, *calls = sorted(spans(session), key=lambda span: span["name"] == "chat m")
    first, _, second = ({key: span[key] for key in ("name", "status", "parent", "attributes")} for span in calls)
    assert first == second
    assert (first["parent"], first["attributes"][semconv.PROMPT_NAME]) == (step["id"], "greet")


def test_the_bytes_that_go_out_and_what_the_client_keeps_are_the_same(told: Told, session: Session) -> None:
    sending = Sending(told)
    client = sending.client()
    for _ in range(2):
        ask(client)
    request: Any = client.chat.completions.with_raw_response.create(model="m", messages=USER).http_response.request
    assert len({*sending.sent}) == 1
    assert (request.content, request.read(), b"".join(request.stream)) == (sending.sent[0],) * 3
    assert isinstance(request.stream, (HTTP.SyncByteStream, HTTP.AsyncByteStream))
    session.stop()
    plain = client.chat.completions.with_raw_response.create(model="m", messages=USER).http_response.request
    assert type(request.stream).__name__ == type(plain.stream).__name__
    assert vars(request.stream)["_stream"] == vars(plain.stream)["_stream"]
    assert pickle.loads(pickle.dumps(request)).content == request.content
    assert type(pickle.loads(pickle.dumps(request.stream))) is type(plain.stream)


def test_a_body_that_is_sent_again_tells_nothing_again(told: Told) -> None:
    client = Sending(told).client()
    for _ in range(2):
        ask(client)
    request: Any = client.chat.completions.with_raw_response.create(model="m", messages=USER).http_response.request
    assert b"".join(request.stream) == request.content
    assert told == FIRST + MEANWHILE


def test_a_transport_that_never_asks_for_the_body_has_nothing_put_off(told: Told) -> None:
    def answer(request: Any) -> Any:
        told.append("answered")
        return HTTP.Response(200, headers=JSON, content=ANSWER)

    http_client: Any = HTTP.Client(transport=HTTP.MockTransport(answer))
    client = openai.OpenAI(base_url="http://127.0.0.1:9/v1", http_client=http_client, **OPTIONS)
    for _ in range(3):
        ask(client)
    assert told == [word for word in AT_ONCE if word != "sent"] * 3


def test_a_transport_that_asks_no_more_has_the_start_told_with_the_answer(session: Session, told: Told) -> None:
    class Once(Sending):
        def handle_request(self, request: Any) -> Any:
            return self.answer() if len(self.sent) == 2 else super().handle_request(request)

    client = Once(told).client()
    for _ in range(4):
        ask(client)
    assert told == FIRST + ["chat m began", "chat m ended"] * 2
    assert [span["attributes"][semconv.REQUEST_MODEL] for span in spans(session)] == ["m"] * 4


def test_a_body_that_another_thread_sends_has_nothing_put_off(told: Told) -> None:
    class Elsewhere(Sending):
        def handle_request(self, request: Any) -> Any:
            thread = threading.Thread(target=lambda: self.sent.extend(request.stream))
            thread.start()
            thread.join()
            told.extend(["sent", "answered"])
            return self.answer()

    client = Elsewhere(told).client()
    for _ in range(3):
        ask(client)
    assert told == AT_ONCE * 3


async def test_a_body_that_another_task_sends_has_nothing_put_off(told: Told) -> None:
    class Elsewhere(AsyncSending):
        async def handle_async_request(self, request: Any) -> Any:
            return await asyncio.create_task(super().handle_async_request(request))

    http_client: Any = HTTP.AsyncClient(transport=Elsewhere(told))
    client = openai.AsyncOpenAI(base_url="http://127.0.0.1:9/v1", http_client=http_client, **OPTIONS)
    for _ in range(3):
        await client.chat.completions.create(model="m", messages=USER)
    assert told == AT_ONCE * 3


def test_a_request_that_took_time_to_be_out_may_do_so_again(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_module, "_AT_ONCE_NS", 500_000_000)

    class Connecting(Sending):
        def handle_request(self, request: Any) -> Any:
            if len(self.sent) < 2:
                sleep(0.6)
            return super().handle_request(request)

    client = Connecting(told).client()
    for _ in range(4):
        ask(client)
    assert told == AT_ONCE * 3 + MEANWHILE


def test_an_interrupt_while_the_start_is_told_leaves_the_span_as_it_would_be(
    session: Session, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any) -> Any:
        monkeypatch.undo()
        raise KeyboardInterrupt

    client = Sending(told).client()
    ask(client)
    ask(client)
    monkeypatch.setattr(call_module, "call_site", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ask(client)
    assert told == [*FIRST, "sent", "chat m began", "chat m ended"]
    assert spans(session)[2]["attributes"][semconv.OPERATION_NAME] == "chat"


def test_a_response_that_is_kept_keeps_nothing_of_ours(session: Session) -> None:
    http_client: Any = HTTP.Client(transport=HTTP.MockTransport(lambda _: HTTP.Response(200, content=ANSWER)))
    client = openai.OpenAI(base_url="http://127.0.0.1:9/v1", http_client=http_client, **OPTIONS)
    kept = [client.chat.completions.with_raw_response.create(model="m", messages=USER) for _ in range(3)]
    session.spans()
    gc.collect()
    assert vars(kept[1].http_response.request.stream)["_nbtrace_call"]() is None


@pytest.mark.parametrize("size", [outgoing.LARGEST + 1, outgoing.LARGEST // 2])
def test_a_large_body_has_its_call_told_before_it_is_sent(told: Told, size: int) -> None:
    client = Sending(told).client()
    ask(client)
    ask(client)
    ask(client, "x" * size)
    assert told == FIRST + (AT_ONCE if size > outgoing.LARGEST else MEANWHILE)


def test_files_are_sent_after_their_call_is_told(told: Told) -> None:
    client = Sending(told, lambda: HTTP.Response(200, headers=JSON, content=b'{"text": "hello"}')).client()
    for _ in range(3):
        client.audio.transcriptions.create(model="m", file=("a.wav", b"RIFF"))
        heard = [word for word in told if word != "sent"]
        assert heard == ["transcription m began", "answered", "transcription m ended"]
        told.clear()


def test_calls_beside_each_other_are_told_before_they_go_out_but_one(told: Told) -> None:
    inner: list[openai.OpenAI] = []

    def answer() -> Any:
        if len(inner) == 1:
            ask(inner.pop())
        return HTTP.Response(200, headers=JSON, content=ANSWER)

    client = Sending(told, answer).client()
    ask(client)
    ask(client)
    inner.append(client)
    ask(client)
    assert told[len(FIRST) :] == [*MEANWHILE[:3], *AT_ONCE, MEANWHILE[3]]


@pytest.mark.parametrize("where", ["here", "in a thread"])
def test_a_call_below_another_is_told_after_it(where: str, session: Session, told: Told) -> None:
    inner = Sending(told).client()

    def hook(_: object) -> None:
        if where == "here":
            ask(inner, "inner")
            return
        thread = threading.Thread(target=ask, args=(inner, "inner"))  # which has the context of the call outside
        thread.start()
        thread.join()

    http_client: Any = HTTP.Client(transport=Sending(told), event_hooks={"request": [hook]})
    outer = openai.OpenAI(base_url="http://127.0.0.1:8/v1", http_client=http_client, **OPTIONS)
    ask(outer)
    ask(outer)
    told.clear()
    session.store.clear()
    ask(outer, "outer")
    assert told == ["chat m began", *MEANWHILE, "sent", "answered", "chat m ended"]
    asked = {span["attributes"][semconv.INPUT_MESSAGES][0]["parts"][0]["content"]: span for span in spans(session)}
    assert asked["inner"]["parent"] == asked["outer"]["id"]
    assert not any(span["running"] for span in asked.values())


@pytest.mark.parametrize(
    "more",
    [{"headers": {**JSON, "Connection": "close"}}, {"headers": JSON, "extensions": {"http_version": b"HTTP/2"}}],
    ids=["closing", "http2"],
)
def test_where_the_next_request_is_not_out_at_once_nothing_is_put_off(told: Told, more: Any) -> None:
    client = Sending(told, lambda: HTTP.Response(200, content=ANSWER, **more)).client()
    for _ in range(3):
        ask(client)
    assert told == AT_ONCE * 3


def test_a_call_that_began_while_recording_is_recorded_though_that_ended_before_it_was_told(
    session: Session, told: Told
) -> None:
    class Turning(Sending):
        def handle_request(self, request: Any) -> Any:
            session.gate.is_open = len(self.sent) < 2
            return super().handle_request(request)

    client = Turning(told).client()
    for _ in range(3):
        ask(client)
    assert told == FIRST + MEANWHILE
    session.gate.is_open = True
    assert [span["status"] for span in spans(session)] == ["unset"] * 3


def test_a_connection_that_was_not_used_lately_may_be_closed(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    client = Sending(told).client()
    ask(client)
    ask(client)
    later = time_ns() + 61_000_000_000
    monkeypatch.setattr(call_module, "time_ns", lambda: later)
    ask(client)
    assert told == AT_ONCE * 3


def test_after_a_failure_the_next_call_is_told_before_it_goes_out(told: Told) -> None:
    answers = [ANSWER, ANSWER, b"", ANSWER, ANSWER]
    codes = [200, 200, 500, 200, 200]
    client = Sending(told, lambda: HTTP.Response(codes.pop(0), headers=JSON, content=answers.pop(0))).client()
    ask(client)
    ask(client)
    with pytest.raises(openai.InternalServerError):
        ask(client)
    ask(client)
    ask(client)
    assert told == FIRST + MEANWHILE + AT_ONCE + MEANWHILE


def test_a_call_that_is_retried_is_told_once(told: Told, session: Session) -> None:
    codes = [200, 200, 503, 200]
    retrying = {"headers": {**JSON, "retry-after-ms": "1"}}
    client = Sending(told, lambda: HTTP.Response(codes.pop(0), **retrying, content=ANSWER)).client(max_retries=1)
    for _ in range(3):
        ask(client)
    assert told.count("chat m began") == 3
    assert told.index("chat m began", len(FIRST)) == len(FIRST) + 1
    assert [span["name"] for span in spans(session)] == ["chat m", "chat m", "attempt 1", "attempt 2", "chat m"]


def test_a_call_that_never_comes_out_is_told_at_its_end(told: Told, session: Session) -> None:
    class Refusing(Sending):
        def handle_request(self, request: Any) -> Any:
            if len(self.sent) == 2:
                raise HTTP.ConnectError("nobody is there")
            return super().handle_request(request)

    client = Refusing(told).client()
    ask(client)
    ask(client)
    with pytest.raises(openai.APIConnectionError):
        ask(client)
    assert told == [*FIRST, "chat m began", "chat m ended"]
    failed = spans(session)[2]
    assert failed["status"] == "error"
    assert failed["attributes"][semconv.INPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hi"}]


def test_others_that_watch_hear_of_each_call_before_it_goes_out(told: Told, session: Session) -> None:
    client = Sending(told).client()
    ask(client)
    ask(client)
    session.expect_others()
    ask(client)
    assert told == AT_ONCE * 3


def test_a_sample_is_drawn_before_a_call_goes_out(told: Told, session: Session) -> None:
    client = Sending(told).client()
    ask(client)
    ask(client)
    session.gate.rate = 0.999_999
    ask(client)
    assert told == AT_ONCE * 3


def test_an_azure_client_that_builds_requests_in_its_own_way_is_heard_as_well(told: Told) -> None:
    http_client: Any = HTTP.Client(transport=Sending(told))
    client = openai.AzureOpenAI(
        azure_endpoint="http://127.0.0.1:9", api_version="1", api_key="local", http_client=http_client, max_retries=0
    )
    for _ in range(3):
        client.chat.completions.create(model="m", messages=USER)
    assert told == FIRST + MEANWHILE


def test_a_real_server_has_the_request_by_the_time_its_call_is_told(session: Session) -> None:
    with Loopback() as server, openai.OpenAI(base_url=server.url, **OPTIONS) as client:
        had: list[int] = []
        session.intake.add(started=lambda span: had.append(len(server.received)))
        answered = threading.Event()

        def reply(received: Any) -> Reply:
            if len(server.received) == 3:
                assert answered.wait(20)  # only the start that is told while the answer is awaited lets it come
            return Reply(completion())

        server.reply = reply
        session.intake.add(started=lambda span: answered.set() if len(had) == 3 else None)
        for _ in range(3):
            ask(client)
    assert had[0] == 0
    assert len(had) == 3
