"""Errors: everything that client and server said of them, for either client, sync and async, whole and streamed."""

from __future__ import annotations

import gc
import json
import weakref
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

from nbtrace import Session, semconv
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, Loopback, Received, Reply
from tests.capture.reading import only, spans
from tests.trace.conftest import exporting, users

if TYPE_CHECKING:
    from collections.abc import Iterator

JSON = dict[str, Any]

USER: Any = {"role": "user", "content": "Say hello."}
ASK: Any = {"model": "m", "messages": [USER]}
TOO_LONG = {
    "error": {
        "message": "This model's maximum context length is 8192 tokens.",
        "type": "invalid_request_error",
        "param": "messages",
        "code": "context_length_exceeded",
    }
}
OVERLOADED = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}, "request_id": "req_9"}


@pytest.fixture
def claude(server: Loopback) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="x", max_retries=0) as made:
        yield made


def error(session: Session) -> JSON:
    """Give what a span says of its error, and nothing else."""
    kept = ("error.", "http.", "nbtrace.error.", "nbtrace.refusal", "nbtrace.content_filter")
    found = {key: value for key, value in only(session).items() if key.startswith(kept)}
    if semconv.ERROR_BODY in found:
        found[semconv.ERROR_BODY] = json.loads(found[semconv.ERROR_BODY])
    return found


def test_what_the_server_said(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(TOO_LONG, status=400, headers={"x-request-id": "req_1"})
    with pytest.raises(openai.BadRequestError) as raised:
        client.chat.completions.create(**ASK)
    (span,) = spans(session)
    assert (span["status"], span["message"]) == ("error", str(raised.value))
    assert error(session) == {
        "error.type": "openai.BadRequestError",
        "http.response.status_code": 400,
        "http.response.header.x-request-id": "req_1",
        "nbtrace.error.code": "context_length_exceeded",
        "nbtrace.error.type": "invalid_request_error",
        "nbtrace.error.param": "messages",
        "nbtrace.error.body": TOO_LONG,
    }


async def test_what_the_server_said_to_an_async_call(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply(TOO_LONG, status=400, headers={"x-request-id": "req_1"})
    with pytest.raises(openai.BadRequestError):
        await async_client.chat.completions.create(**ASK, stream=True)
    assert error(session)[semconv.ERROR_CODE] == "context_length_exceeded"
    assert error(session)[semconv.HTTP_RESPONSE_HEADER + "x-request-id"] == "req_1"


def test_the_error_of_a_plain_request(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(TOO_LONG, status=404)
    with pytest.raises(openai.NotFoundError):
        client.files.retrieve("file-1")
    found = error(session)
    assert found.pop("http.request.method") == "GET"
    assert found == {
        "error.type": "openai.NotFoundError",
        "http.response.status_code": 404,
        "nbtrace.error.code": "context_length_exceeded",
        "nbtrace.error.type": "invalid_request_error",
        "nbtrace.error.param": "messages",
        "nbtrace.error.body": TOO_LONG,
    }


def test_an_error_event_in_a_stream(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=[*HELLO[:2], {"error": {"code": 502, "message": "Upstream is gone"}}])
    with pytest.raises(openai.APIError):
        list(client.chat.completions.create(**ASK, stream=True))
    (span,) = spans(session)
    assert (span["status"], span["message"]) == ("error", "Upstream is gone")
    assert error(session) == {
        "error.type": "openai.APIError",
        "nbtrace.error.code": "502",
        "nbtrace.error.body": {"code": 502, "message": "Upstream is gone"},
    }


@pytest.mark.parametrize("told", [{"code": 429, "message": "Slow down"}, "Slow down"])
def test_an_answer_that_is_an_error(
    told: JSON | str, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply({"error": told, "user_id": "u"})
    client.chat.completions.create(**ASK)
    (span,) = spans(session)
    assert (span["status"], span["message"]) == ("error", "Slow down")
    code = {"nbtrace.error.code": "429"} if isinstance(told, dict) else {}
    assert error(session) == {
        "error.type": "429" if code else "error",
        "nbtrace.error.body": {"code": 429, "message": "Slow down"} if code else {"message": "Slow down"},
        **code,
    }


def test_an_answer_with_a_note_of_an_error_is_none(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"error": {"a": 1}}'}}
    server.reply = Reply({"id": "1", "choices": [choice], "error": {"message": "a warning"}})
    client.chat.completions.create(**ASK)
    server.reply = Reply(b'"error"')
    client.chat.completions.create(**ASK)
    assert [span["status"] for span in spans(session)] == ["unset", "unset"]


def test_anthropic_is_overloaded(server: Loopback, claude: anthropic.Anthropic, session: Session) -> None:
    server.reply = Reply(OVERLOADED, status=529, headers={"request-id": "req_9"})
    with pytest.raises(anthropic.InternalServerError) as raised:
        claude.messages.create(**ASK, max_tokens=9)
    assert error(session) == {
        "error.type": f"anthropic.{type(raised.value).__name__}",
        "http.response.status_code": 529,
        "http.response.header.request-id": "req_9",
        "nbtrace.error.type": "overloaded_error",
        "nbtrace.error.body": OVERLOADED,
    }


def test_anthropic_is_overloaded_in_the_middle(server: Loopback, claude: anthropic.Anthropic, session: Session) -> None:
    server.reply = Reply(chunks=[b"event: error\ndata: %s\n\n" % json.dumps(OVERLOADED).encode()])
    with pytest.raises(anthropic.APIStatusError) as raised:
        list(claude.messages.create(**ASK, max_tokens=9, stream=True))
    assert error(session) == {
        "error.type": f"anthropic.{type(raised.value).__name__}",
        "http.response.status_code": 200,
        "nbtrace.error.type": "overloaded_error",
        "nbtrace.error.body": OVERLOADED,
    }


def test_nothing_listens(session: Session, free_port: int) -> None:
    with (
        openai.OpenAI(base_url=f"http://127.0.0.1:{free_port}/v1", api_key="x", max_retries=0) as client,
        pytest.raises(openai.APIConnectionError) as raised,
    ):
        client.chat.completions.create(**ASK)
    assert error(session) == {
        "error.type": "openai.APIConnectionError",
        "nbtrace.error.cause": f"ConnectError: {raised.value.__cause__}",
    }
    assert "refused" in error(session)["nbtrace.error.cause"]


def test_a_timeout(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    def never(received: Received) -> Reply:
        server.released.wait(30)
        return Reply()

    server.reply = never
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**ASK, timeout=HTTP.Timeout(60, read=0.05))
    assert error(session) == {"error.type": "openai.APITimeoutError", "nbtrace.error.cause": "ReadTimeout: timed out"}


def test_what_the_server_said_is_masked_and_cut(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    page = "<html>sk-proj-0123456789abcdef0123 is no key" + "!" * 20_000
    server.reply = Reply(page.encode(), status=502)
    with pytest.raises(openai.InternalServerError):
        client.chat.completions.create(**ASK)
    body = only(session)[semconv.ERROR_BODY]
    assert body.startswith("<html>[redacted: openai-key] is no key!!!")
    assert body.endswith(f"!… [{len(page) - 10_000} more characters]")


def test_a_prompt_that_a_filter_refuses_is_an_error_and_flagged(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    """The body is that of the documentation of Azure OpenAI's content filter."""
    inner = {
        "code": "ResponsibleAIPolicyViolation",
        "content_filter_result": {"hate": {"filtered": True, "severity": "high"}},
    }
    refused = {"message": "The response was filtered", "type": None, "param": "prompt", "code": "content_filter"}
    server.reply = Reply({"error": {**refused, "status": 400, "innererror": inner}}, status=400)
    with pytest.raises(openai.BadRequestError):
        client.chat.completions.create(**ASK)
    found = error(session)
    assert found.pop(semconv.ERROR_BODY)["error"]["innererror"] == inner
    assert json.loads(found.pop(semconv.CONTENT_FILTER)) == {"innererror": inner}
    assert found == {
        "error.type": "openai.BadRequestError",
        "http.response.status_code": 400,
        "nbtrace.error.code": "content_filter",
        "nbtrace.error.param": "prompt",
        "nbtrace.refusal": "prompt",
    }


def test_an_image_that_is_not_made(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply({"error": {"message": "No.", "code": "moderation_blocked"}}, status=400)
    with pytest.raises(openai.BadRequestError):
        client.images.generate(model="gpt-image-1", prompt="x")
    assert error(session)[semconv.REFUSAL] == "prompt"


def test_an_error_does_not_outlive_its_handling(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(TOO_LONG, status=400)

    def fail() -> weakref.ref[BaseException]:
        try:
            client.chat.completions.create(**ASK)
        except openai.BadRequestError as raised:
            return weakref.ref(raised)
        raise AssertionError

    seen = fail()
    gc.collect()
    assert seen() is None
    assert len(session.spans()) == 1


def test_what_an_error_says_stays_out_of_the_users_exporters(server: Loopback, client: openai.OpenAI) -> None:
    server.reply = Reply({"error": {"message": "cannot read 'my secret prompt'", "code": "invalid_value"}}, status=400)
    provider, memory = exporting()
    with users(provider), Session() as session:
        with pytest.raises(openai.BadRequestError):
            client.chat.completions.create(**ASK)
        assert "my secret prompt" in only(session)[semconv.ERROR_BODY]
    (exported,) = memory.get_finished_spans()
    assert dict(exported.attributes or {}) == {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "openai",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.SERVER_PORT: server.port,
        semconv.REQUEST_MODEL: "m",
        semconv.ERROR_TYPE: "openai.BadRequestError",
        semconv.HTTP_STATUS_CODE: 400,
    }
    assert (exported.status.description, exported.events) == (None, ())
