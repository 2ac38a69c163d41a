"""Calls that go wrong, at the server, in the client or by us: the caller sees what he would see without us."""

# A test of a stage looks inside it.
# pyright: reportPrivateUsage=false
from __future__ import annotations

import asyncio
import traceback
from typing import TYPE_CHECKING, Any

import openai
import pytest
from openai.types.chat import ChatCompletion, ChatCompletionUserMessageParam
from opentelemetry import trace

from nbtrace import semconv
from tests.capture.conftest import HTTP
from tests.capture.loopback import Loopback, Received, Reply, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace import Session

USER: ChatCompletionUserMessageParam = {"role": "user", "content": "Say hello."}


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "BadRequestError"),
        (401, "AuthenticationError"),
        (404, "NotFoundError"),
        (429, "RateLimitError"),
        (500, "InternalServerError"),
    ],
)
def test_a_refusal_of_the_server_is_an_error_with_its_status(
    server: Loopback, client: openai.OpenAI, session: Session, status: int, kind: str
) -> None:
    server.reply = Reply({"error": {"message": "No."}}, status=status)
    with pytest.raises(getattr(openai, kind)) as raised:
        client.chat.completions.create(model="m", messages=[USER])
    (span,) = spans(session)
    assert (span["status"], span["message"]) == ("error", str(raised.value))
    assert only(session) == {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "openai",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.REQUEST_MODEL: "m",
        semconv.ERROR_TYPE: f"openai.{kind}",
        semconv.HTTP_STATUS_CODE: status,
        semconv.ERROR_BODY: '{"error": {"message": "No."}}',
        semconv.COST_STATE: "unpriced",
        semconv.COST_REASON: "no token counts",
        semconv.INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}],
    }


async def test_an_async_refusal_too(server: Loopback, async_client: openai.AsyncOpenAI, session: Session) -> None:
    server.reply = Reply({"error": {"message": "Slow down."}}, status=429)
    with pytest.raises(openai.RateLimitError):
        await async_client.chat.completions.create(model="m", messages=[USER])
    assert only(session)[semconv.ERROR_TYPE] == "openai.RateLimitError"


def test_the_exception_is_the_one_that_the_client_raises(server: Loopback, client: openai.OpenAI) -> None:
    from nbtrace import Session

    def fail() -> tuple[Any, ...]:
        with pytest.raises(openai.APIError) as raised:
            client.with_options(timeout=60).chat.completions.create(model="m", messages=[USER])
        error = raised.value
        frames = [frame.name for frame in traceback.extract_tb(error.__traceback__) if "nbtrace" not in frame.filename]
        return type(error), str(error), type(error.__cause__), error.__suppress_context__, frames

    for reply in (Reply({"error": {}}, status=400), Reply(b"{", headers={"content-length": "99"}, then="cut")):
        server.reply = reply
        with Session():
            traced = fail()
        assert traced == fail()


def test_nothing_listens(session: Session, free_port: int) -> None:
    client = openai.OpenAI(base_url=f"http://127.0.0.1:{free_port}/v1", api_key="x", max_retries=0)
    with client, pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(model="m", messages=[USER])
    (span,) = spans(session)
    assert (span["status"], span["message"]) == ("error", "Connection error.")
    assert only(session)[semconv.ERROR_TYPE] == "openai.APIConnectionError"
    assert semconv.HTTP_STATUS_CODE not in only(session)


def test_a_timeout(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    def never(received: Received) -> Reply:
        server.released.wait(30)
        return Reply()

    server.reply = never
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(model="m", messages=[USER], timeout=0.05)
    assert only(session)[semconv.ERROR_TYPE] == "openai.APITimeoutError"


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, SystemExit])
def test_an_interruption_ends_the_span(session: Session, interruption: type[BaseException]) -> None:
    def interrupt(request: Any) -> Any:
        raise interruption

    client = openai.OpenAI(api_key="x", http_client=HTTP.Client(transport=HTTP.MockTransport(interrupt)))
    with client, pytest.raises(interruption):
        client.chat.completions.create(model="m", messages=[USER])
    (span,) = spans(session)
    assert (span["running"], span["status"], span["attributes"][semconv.ERROR_TYPE]) == (
        False, "error", f"builtins.{interruption.__name__}",
    )  # fmt: skip
    assert not trace.get_current_span().get_span_context().is_valid


async def test_a_cancelled_call_ends_its_span(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    arrived = asyncio.Event()
    loop = asyncio.get_running_loop()

    def never(received: Received) -> Reply:
        loop.call_soon_threadsafe(arrived.set)
        server.released.wait(30)
        return Reply()

    server.reply = never
    task = asyncio.create_task(async_client.chat.completions.create(model="m", messages=[USER]))
    await arrived.wait()
    assert [span["running"] for span in spans(session)] == [True]
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    (span,) = spans(session)
    assert (span["running"], span["status"], span["attributes"][semconv.ERROR_TYPE]) == (
        False, "error", "asyncio.exceptions.CancelledError",
    )  # fmt: skip


@pytest.mark.parametrize("body", [b"no json", b'["a list"]', b"", b"\xff"])
def test_an_answer_that_is_no_completion_leaves_the_call_alone(
    body: bytes, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(body)
    raw = client.chat.completions.with_raw_response.create(model="m", messages=[USER])
    assert raw.content == body
    recorded = only(session)
    assert recorded[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}]
    assert semconv.INCOMPLETE in recorded


def test_half_a_character_in_an_answer_is_kept_as_far_as_it_goes(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(completion("broken \ud83d!"))
    answer = client.chat.completions.create(model="m", messages=[USER])
    assert answer.choices[0].message.content == "broken \ud83d!"
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "broken \ufffd!"}]


def test_half_a_character_in_a_request_fails_in_the_client_only(client: openai.OpenAI, session: Session) -> None:
    with pytest.raises(UnicodeEncodeError):
        client.chat.completions.create(model="m", messages=[{"role": "user", "content": "a\udcffb"}])
    recorded = only(session)
    assert recorded[semconv.ERROR_TYPE] == "builtins.UnicodeEncodeError"
    assert recorded[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [{"type": "text", "content": "a\ufffdb"}]}]


def test_a_body_that_json_does_not_know_fails_in_the_client_only(client: openai.OpenAI, session: Session) -> None:
    with pytest.raises(TypeError):
        client.chat.completions.create(model="m", messages=[USER], extra_body={"thing": {1, 2}})
    recorded = only(session)
    assert recorded[semconv.ERROR_TYPE] == "builtins.TypeError"
    assert semconv.INPUT_MESSAGES in recorded


def test_a_body_that_cannot_be_copied_fails_in_the_client_only(
    client: openai.OpenAI, session: Session, swallow: Callable[[], dict[str, int]]
) -> None:
    with pytest.raises(TypeError):
        client.chat.completions.create(model="m", messages=[USER], extra_body={"thing": {(1, 2): 3}})
    recorded = only(session)
    assert recorded[semconv.ERROR_TYPE] == "builtins.TypeError"
    assert recorded[semconv.INCOMPLETE] == "the request could not be copied; see the log"
    assert swallow() == {"capture: TypeError": 1}


@pytest.mark.parametrize(
    "refused",
    [
        {"messages": "hello"},
        {"messages": ["hello", None, 3]},
        {"messages": [{"role": 1, "content": {"a": 1}, "tool_calls": "x"}]},
        {"messages": [{"role": "user", "content": [1, None, "x", {"type": "image_url", "image_url": "y"}]}]},
        {"messages": [USER], "temperature": "hot", "n": "two", "stop": {"a": 1}, "max_tokens": [1]},
        {"messages": [USER], "response_format": "json", "tools": ["x", {"type": "function", "function": "f"}]},
    ],
)
def test_a_malformed_request_is_recorded_as_it_was(
    refused: dict[str, Any], server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply({"error": {"message": "bad"}}, status=400)
    with pytest.raises(openai.BadRequestError):
        client.post("/chat/completions", cast_to=ChatCompletion, body={"model": "m", **refused})
    recorded = only(session)
    assert semconv.INPUT_MESSAGES in recorded
    assert semconv.INCOMPLETE not in recorded


def fail(*_: object, **__: object) -> Any:
    message = "injected"
    raise RuntimeError(message)


STAGES = {
    "prompts": ("nbtrace._capture.prompts.found_in", "capture", 1),
    "start of the span": ("nbtrace._trace.provider.Tracing.start", "capture", 0),
    "start in the store": ("nbtrace._store.store.Store.started", "store", 1),
    "context": ("nbtrace._capture.call.entered", "capture", 1),
    "bytes of the request and response": ("nbtrace._capture.call.Call.responded", "capture", 1),
    "attributes of the request": ("nbtrace._capture.chat.mapping", "capture", 1),
    "attributes of the response": ("nbtrace._capture.usage.of_chat", "capture", 1),
    "content": ("nbtrace._capture.chat._message", "capture", 1),
    "redaction": ("nbtrace._trace.redact.spans.Spans._read", "redact", 1),
    "pricing": ("nbtrace._trace.pricing.cost", "pricing", 1),
    "end in the store": ("nbtrace._store.store.Store.ended", "store", 1),
}


@pytest.mark.parametrize("stage", STAGES)
def test_a_failure_of_ours_never_reaches_the_call(
    stage: str, client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch, swallow: Callable[[], dict[str, int]]
) -> None:
    from nbtrace import Session

    target, guarded, stored = STAGES[stage]
    monkeypatch.setattr(target, fail)
    with Session() as session:
        rendered = session.prompt("greet", "Say {word}.").format(word="hello")
        answer = client.chat.completions.create(model="m", messages=[{"role": "user", "content": rendered}])
        found = spans(session)
    assert answer.choices[0].message.content == "Hello!"
    assert len(found) == stored
    assert swallow() == {f"{guarded}: RuntimeError": 1}


@pytest.mark.parametrize(
    "stage", ["_capture.stream.follow", "_capture.chat_stream._fold_choice", "_store.store.Store.ended"]
)
def test_a_failure_of_ours_never_reaches_the_stream(
    stage: str,
    server: Loopback,
    client: openai.OpenAI,
    monkeypatch: pytest.MonkeyPatch,
    swallow: Callable[[], dict[str, int]],
) -> None:
    from nbtrace import Session
    from tests.capture.loopback import HELLO

    server.reply = Reply(chunks=HELLO)
    monkeypatch.setattr(f"nbtrace.{stage}", fail)
    with Session() as session:
        chunks = list(client.chat.completions.create(model="m", messages=[USER], stream=True))
        found = spans(session)
    assert len(chunks) == 5
    assert len(found) == 1
    assert list(swallow().values()) == [1]


def test_an_error_whose_text_fails_reaches_the_caller(session: Session, swallow: Callable[[], dict[str, int]]) -> None:
    class Mute(Exception):  # noqa: N818
        def __str__(self) -> str:
            return fail()

    def refuse(request: Any) -> Any:
        raise Mute

    transport = HTTP.MockTransport(refuse)
    client = openai.OpenAI(api_key="x", max_retries=0, http_client=HTTP.Client(transport=transport))
    with client, pytest.raises(Exception) as raised:
        client.chat.completions.create(model="m", messages=[USER])
    assert isinstance(raised.value, Mute) or isinstance(raised.value.__cause__, Mute)
    (span,) = spans(session)
    assert (span["running"], span["status"]) == (False, "error")
