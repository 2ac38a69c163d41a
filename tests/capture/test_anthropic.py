"""Anthropic's client: its own wire format over the mechanism that all generated clients share."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import semconv
from nbtrace._capture.providers import of_server
from nbtrace._trace.pricing import cost
from tests.capture.claude import ANSWER, ASK, JSON, OPTIONS, USER, async_client, client, message, server
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import only, spans

anthropic = pytest.importorskip("anthropic")
from anthropic.types import Message  # noqa: E402 - where it is installed

if TYPE_CHECKING:
    from nbtrace import Session

__all__ = ["async_client", "client", "server"]


def test_a_real_call_and_a_real_stream(session: Session, local_model: dict[str, str]) -> None:
    model = local_model["NBTRACE_DEMO_MODEL"]
    ask: Any = {"model": model, "max_tokens": 8, "system": "Be short.", "messages": [USER]}
    with anthropic.Anthropic(base_url=local_model["OPENAI_BASE_URL"].removesuffix("/v1"), **OPTIONS) as client:
        answer = client.messages.create(**ask, extra_body={"temperature": 0})
        whole = only(session)
        session.store.clear()
        with client.messages.stream(**ask, extra_body={"temperature": 0}) as stream:
            final = stream.get_final_message()
    streamed = only(session)
    assert (type(answer), final.content[0].text) == (Message, answer.content[0].text)
    used = answer.usage
    assert whole == {
        semconv.OPERATION_NAME: "chat",
        semconv.PROVIDER_NAME: "llama_cpp",
        semconv.SERVER_ADDRESS: "127.0.0.1",
        semconv.REQUEST_MODEL: model,
        semconv.REQUEST_MAX_TOKENS: 8,
        semconv.REQUEST_TEMPERATURE: 0.0,
        semconv.RESPONSE_ID: answer.id,
        semconv.RESPONSE_MODEL: answer.model,
        semconv.RESPONSE_FINISH_REASONS: ["length"],
        semconv.USAGE_INPUT_TOKENS: used.input_tokens + used.cache_read_input_tokens,
        semconv.USAGE_OUTPUT_TOKENS: 8,
        semconv.USAGE_CACHE_READ: used.cache_read_input_tokens,
        semconv.USAGE_STATE: "reported",
        semconv.COST_STATE: "unpriced",
        semconv.COST_REASON: f"no price for {model} at 127.0.0.1",
        semconv.SYSTEM_INSTRUCTIONS: [{"type": "text", "content": "Be short."}],
        semconv.INPUT_MESSAGES: [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}],
        semconv.OUTPUT_MESSAGES: [
            {
                "role": "assistant",
                "parts": [{"type": "text", "content": answer.content[0].text}],
                "finish_reason": "length",
            }
        ],
    }
    assert (streamed.pop(semconv.REQUEST_STREAM), streamed.pop(semconv.STREAM_OUTCOME)) == (True, "exhausted")
    assert streamed.pop(semconv.STREAM_CHUNKS) > 8
    for key in (semconv.RESPONSE_ID, semconv.USAGE_CACHE_READ):
        del streamed[key], whole[key]
    assert streamed == whole


async def test_a_real_async_stream(session: Session, local_model: dict[str, str]) -> None:
    base_url = local_model["OPENAI_BASE_URL"].removesuffix("/v1")
    async with anthropic.AsyncAnthropic(base_url=base_url, **OPTIONS) as client:
        stream = await client.messages.create(**{**ASK, "model": "smollm2-135m", "max_tokens": 4}, stream=True)
        said = "".join([event.delta.text async for event in stream if event.type == "content_block_delta"])
    recorded = only(session)
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": said}]
    assert (recorded[semconv.USAGE_OUTPUT_TOKENS], recorded[semconv.STREAM_OUTCOME]) == (4, "exhausted")


def test_each_attempt_is_seen(server: Loopback, client: Any, session: Session) -> None:
    limited = Reply({"type": "error", "error": {"type": "rate_limit_error", "message": "slow"}}, status=429)
    limited.headers = {"retry-after-ms": "1", "request-id": "req_1"}
    answers = iter([limited, Reply(message(), headers={"request-id": "req_2"})])
    server.reply = lambda _: next(answers)
    client.with_options(max_retries=2).messages.create(**ASK)
    found = [
        (
            span["name"],
            span["attributes"].get(semconv.HTTP_STATUS_CODE),
            span["attributes"][semconv.HTTP_RESPONSE_HEADER + "request-id"],
        )
        for span in spans(session)
    ]
    assert found == [
        ("attempt 1", 429, "req_1"), ("attempt 2", 200, "req_2"), ("chat claude", None, "req_2"),
    ]  # fmt: skip


async def test_a_refused_call(server: Loopback, async_client: Any, session: Session) -> None:
    server.reply = Reply({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, status=400)
    with pytest.raises(anthropic.BadRequestError):
        await async_client.messages.create(**ASK)
    (span,) = spans(session)
    recorded = span["attributes"]
    assert (span["status"], recorded[semconv.ERROR_TYPE], recorded[semconv.HTTP_STATUS_CODE]) == (
        "error", "anthropic.BadRequestError", 400,
    )  # fmt: skip
    assert recorded[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [{"type": "text", "content": "Say hello."}]}]


@pytest.mark.parametrize("status", [200, 400])
def test_what_only_the_client_can_write_is_taken_from_the_wire(
    status: int, server: Loopback, client: Any, session: Session
) -> None:
    """Iterators are read once, and files are read by the client."""
    server.reply = Reply(message(), status=status)
    source = {"type": "base64", "media_type": "image/png", "data": io.BytesIO(b"img")}
    content: Any = [{"type": "image", "source": source}]
    try:
        client.messages.create(**{**ASK, "messages": (one for one in [{"role": "user", "content": content}])})
    except anthropic.BadRequestError:
        assert status == 400
    part = {
        "type": "blob",
        "modality": "image",
        "mime_type": "image/png",
        "size": 3,
        "sha256": "b29814cf5792e684cd75d6a7fce7a67a11887e312f87ca2ac2496d81f365ff72",
        "content": "aW1n",
    }
    assert only(session)[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [part]}]


def test_a_raw_response_is_recorded_and_parses(client: Any, session: Session) -> None:
    raw = client.messages.with_raw_response.create(**ASK)
    assert raw.parse().content[0].text == "Hello!"
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]


def test_other_endpoints_are_plain_spans(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply({"input_tokens": 5})
    assert client.messages.count_tokens(model="m", messages=[USER]).input_tokens == 5
    assert client.beta.messages.count_tokens(model="m", messages=[USER]).input_tokens == 5
    server.reply = Reply({"data": [], "has_more": False, "first_id": None, "last_id": None})
    assert client.messages.batches.list().data == []
    batch = {"id": "msgbatch_1", "type": "message_batch", "processing_status": "ended", "results_url": "/v1/r"}
    server.reply = Reply(batch, headers={"request-id": "req_1"})
    client.messages.batches.create(requests=[{"custom_id": "a", "params": ASK}])
    client.messages.batches.retrieve("msgbatch_1")
    found = spans(session)
    assert [span["name"] for span in found] == [
        "POST /v1/messages/count_tokens", "POST /v1/messages/count_tokens", "GET /v1/messages/batches",
        "POST /v1/messages/batches", "GET /v1/messages/batches/{id}",
    ]  # fmt: skip
    attributes = {key: value for key, value in found[-1]["attributes"].items() if not key.startswith("nbtrace.client")}
    assert attributes == {
        "http.request.method": "GET",
        "url.path": "/v1/messages/batches/msgbatch_1",
        "server.address": "127.0.0.1",
        "server.port": server.port,
        "http.response.status_code": 200,
        "http.response.header.request-id": "req_1",
    }


@pytest.mark.parametrize("place", ["system", "system blocks", "message", "message parts"])
def test_a_rendered_prompt_is_found(place: str, client: Any, session: Session) -> None:
    text = session.prompt("greet", "Greet {who}.").format(who="Ada")
    block = [{"type": "text", "text": text}]
    ask: Any = {
        "system": {"system": text},
        "system blocks": {"system": block},
        "message": {"messages": [{"role": "user", "content": text}]},
        "message parts": {"messages": [{"role": "user", "content": block}]},
    }[place]
    client.messages.create(**{**ASK, **ask})
    recorded = only(session)
    assert (recorded[semconv.PROMPT_NAME], recorded[semconv.PROMPT_VARIABLE + "who"]) == ("greet", "Ada")


def test_secrets_are_masked_everywhere(server: Loopback, client: Any, session: Session) -> None:
    secret = "sk-ant-" + "api03-" + "a1B2" * 20
    server.reply = Reply(message({"type": "tool_use", "id": "t", "name": "n", "input": {"key": secret}}))
    client.messages.create(**{**ASK, "system": secret, "messages": [{"role": "user", "content": secret}]})
    assert secret not in str(only(session))
    assert secret not in str(session.spans().table.to_pylist())


def test_the_price_counts_each_kind_of_token_once(server: Loopback, client: Any, session: Session) -> None:
    server.reply = Reply(ANSWER)
    client.messages.create(**ASK)
    priced = cost({**only(session), semconv.SERVER_ADDRESS: "api.anthropic.com"} | {semconv.COST_STATE: ""})
    expected = (10 * 3 + 200 * 3.75 + 300 * 0.30 + 40 * 15) / 1e6
    assert priced[semconv.USAGE_COST] == pytest.approx(expected)  # pyright: ignore[reportUnknownMemberType]


@pytest.mark.parametrize(
    ("host", "provider"),
    [
        ("api.anthropic.com", "anthropic"),
        ("bedrock-runtime.us-east-1.amazonaws.com", "aws.bedrock"),
        ("us-east5-aiplatform.googleapis.com", "gcp.vertex_ai"),
        ("localhost", None),
    ],
)
def test_the_provider_is_told_by_the_host(host: str, provider: str | None) -> None:
    assert of_server(host) == provider


@pytest.mark.parametrize(
    "refused",
    [
        {"messages": "hello", "system": 3, "tools": "x", "stop_sequences": 1},
        {"messages": ["hello", None, 3, {"role": 1, "content": {"a": 1}}], "max_tokens": [1], "output_config": 1},
        {"messages": [{"role": "user", "content": [1, {"type": "image"}, {"type": "tool_result", "content": 2}]}]},
    ],
)
def test_a_malformed_request_is_recorded_as_it_was(
    refused: JSON, server: Loopback, client: Any, session: Session
) -> None:
    server.reply = Reply({"type": "error", "error": {"type": "invalid_request_error", "message": "no"}}, status=400)
    with pytest.raises(anthropic.BadRequestError):
        client.post("/v1/messages", cast_to=object, body={"model": "m", **refused})
    recorded = only(session)
    assert semconv.INPUT_MESSAGES in recorded
    assert semconv.INCOMPLETE not in recorded
