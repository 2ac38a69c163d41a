"""What a call used, as each wire format reports it: of everything the right count, and nothing twice."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

from nbtrace import semconv
from nbtrace._capture import usage
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only

if TYPE_CHECKING:
    from collections.abc import Callable

    from nbtrace import Session

JSON = dict[str, Any]

ASK: Any = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
PREFIXES = ("gen_ai.usage.", "nbtrace.usage.", "nbtrace.cost.reported", "anthropic.response.")


def used(session: Session) -> JSON:
    return {key: value for key, value in only(session).items() if key.startswith(PREFIXES)}


def test_every_kind_of_token(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    told = {
        "prompt_tokens": 100,
        "completion_tokens": 50,
        "total_tokens": 150,
        "prompt_tokens_details": {
            "cached_tokens": 40, "cache_write_tokens": 0, "text_tokens": 70, "audio_tokens": 20, "image_tokens": 10,
            "cached_tokens_details": {"text_tokens": 25, "audio_tokens": 15},
        },
        "completion_tokens_details": {"reasoning_tokens": 0, "audio_tokens": 30, "text_tokens": 20, "image_tokens": 0},
    }  # fmt: skip
    server.reply = Reply(completion(usage=told))
    client.chat.completions.create(**ASK)
    assert used(session) == {
        "gen_ai.usage.input_tokens": 100,
        "gen_ai.usage.output_tokens": 50,
        "gen_ai.usage.cache_read.input_tokens": 40,
        "gen_ai.usage.cache_write.input_tokens": 0,
        "gen_ai.usage.text.input_tokens": 70,
        "gen_ai.usage.audio.input_tokens": 20,
        "gen_ai.usage.image.input_tokens": 10,
        "gen_ai.usage.audio.cache_read.input_tokens": 15,
        "gen_ai.usage.reasoning.output_tokens": 0,
        "gen_ai.usage.audio.output_tokens": 30,
        "gen_ai.usage.text.output_tokens": 20,
        "nbtrace.usage.state": "reported",
    }


@pytest.mark.parametrize(
    ("told", "output"),
    [
        ({"completion_tokens": 5, "total_tokens": 35}, 25),  # xAI's way: beside the output
        ({"completion_tokens": 25, "total_tokens": 35}, 25),
        ({"completion_tokens": 5}, 5),
    ],
)
def test_reasoning_is_part_of_the_output(told: JSON, output: int) -> None:
    found = usage.of_chat({"prompt_tokens": 10, **told, "completion_tokens_details": {"reasoning_tokens": 20}})
    assert (found[semconv.USAGE_OUTPUT_TOKENS], found[semconv.USAGE_REASONING]) == (output, 20)


@pytest.mark.parametrize("told", [{"prompt_cache_hit_tokens": 7}, {"cached_tokens": 7}])
def test_cached_tokens_in_places_of_their_own(told: JSON) -> None:
    assert usage.of_chat({"prompt_tokens": 10, **told})[semconv.USAGE_CACHE_READ] == 7
    standard = {"prompt_tokens": 10, **told, "prompt_tokens_details": {"cached_tokens": 8}}
    assert usage.of_chat(standard)[semconv.USAGE_CACHE_READ] == 8


@pytest.mark.parametrize("cost", [0.0031, {"total_cost": 0.0031, "request_cost": 0.003}])
def test_what_a_router_charged(cost: Any, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(completion(usage={"prompt_tokens": 9, "completion_tokens": 3, "cost": cost}))
    client.chat.completions.create(**ASK)
    assert only(session)[semconv.COST_REPORTED] == 0.0031


def test_a_message_of_claude_s(server: Loopback, session: Session) -> None:
    """The usage of Anthropic's documentation of prompt caching, with all that may stand in it."""
    told = {
        "input_tokens": 2048,
        "cache_read_input_tokens": 1800,
        "cache_creation_input_tokens": 248,
        "output_tokens": 503,
        "cache_creation": {"ephemeral_5m_input_tokens": 148, "ephemeral_1h_input_tokens": 100},
        "output_tokens_details": {"thinking_tokens": 200},
        "server_tool_use": {"web_search_requests": 2, "web_fetch_requests": 1},
        "service_tier": "priority",
        "speed": "fast",
        "inference_geo": "us",
    }
    answer = {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": "end_turn"}
    server.reply = Reply({**answer, "usage": told})
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="x", max_retries=0) as client:
        client.messages.create(**ASK, max_tokens=9)
    assert used(session) == {
        "gen_ai.usage.input_tokens": 2048 + 1800 + 248,
        "gen_ai.usage.output_tokens": 503,
        "gen_ai.usage.cache_read.input_tokens": 1800,
        "gen_ai.usage.cache_write.input_tokens": 248,
        "nbtrace.usage.cache_write_1h.input_tokens": 100,
        "gen_ai.usage.reasoning.output_tokens": 200,
        "nbtrace.usage.web_searches": 2,
        "nbtrace.usage.state": "reported",
        "anthropic.response.service_tier": "priority",
        "anthropic.response.speed": "fast",
        "anthropic.response.inference_geo": "us",
    }


def test_tools_that_ran_at_the_provider(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    kinds = ("web_search_call", "web_search_call", "file_search_call", "code_interpreter_call", "mcp_call", "reasoning")
    items = [{"type": kind, "id": str(number), "summary": []} for number, kind in enumerate(kinds)]
    told = {"input_tokens": 30, "output_tokens": 12, "output_tokens_details": {"reasoning_tokens": 8}}
    server.reply = Reply({"id": "r", "object": "response", "status": "completed", "output": items, "usage": told})
    client.responses.create(model="m", input="Search.")
    assert used(session) == {
        "gen_ai.usage.input_tokens": 30,
        "gen_ai.usage.output_tokens": 12,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "nbtrace.usage.web_searches": 2,
        "nbtrace.usage.file_searches": 1,
        "nbtrace.usage.tools": ["code_interpreter"],
        "nbtrace.usage.state": "reported",
    }


def test_a_response_that_is_fetched_uses_nothing(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    told = {"input_tokens": 30, "output_tokens": 12, "cost": 1.0}
    item = {"type": "web_search_call", "id": "1"}
    server.reply = Reply({"id": "r", "object": "response", "status": "completed", "output": [item], "usage": told})
    client.responses.retrieve("r")
    assert used(session) == {}
    assert json.loads(only(session)[semconv.FETCHED_USAGE]) == told


def make_image(client: openai.OpenAI) -> None:
    client.images.generate(model="gpt-image-1", prompt="A dot")


def transcribe(client: openai.OpenAI) -> None:
    client.audio.transcriptions.create(model="whisper-1", file=("a.wav", io.BytesIO(b"RIFF")))


def embed(client: openai.OpenAI) -> None:
    client.embeddings.create(model="m", input="a", encoding_format="float")


@pytest.mark.parametrize(
    ("ask", "body", "expected"),
    [
        (
            make_image,
            {
                "created": 1, "data": [],
                "usage": {
                    "input_tokens": 50, "output_tokens": 4000, "total_tokens": 4050,
                    "input_tokens_details": {"text_tokens": 10, "image_tokens": 40},
                    "output_tokens_details": {"text_tokens": 100, "image_tokens": 3900},
                },
            },
            {
                "gen_ai.usage.input_tokens": 50, "gen_ai.usage.output_tokens": 4000,
                "gen_ai.usage.text.input_tokens": 10, "gen_ai.usage.image.input_tokens": 40,
                "gen_ai.usage.text.output_tokens": 100, "gen_ai.usage.image.output_tokens": 3900,
            },
        ),
        (
            transcribe,
            {
                "text": "Hi",
                "usage": {
                    "type": "tokens", "input_tokens": 14, "output_tokens": 45, "total_tokens": 59,
                    "input_token_details": {"text_tokens": 4, "audio_tokens": 10},
                },
            },
            {
                "gen_ai.usage.input_tokens": 14, "gen_ai.usage.output_tokens": 45,
                "gen_ai.usage.text.input_tokens": 4, "gen_ai.usage.audio.input_tokens": 10,
            },
        ),
        (
            transcribe,
            {"text": "Hi", "usage": {"type": "duration", "seconds": 7}},
            {"nbtrace.usage.audio_seconds": 7.0},
        ),
        (transcribe, {"text": "Hi", "duration": 7.5, "language": "en"}, {"nbtrace.usage.audio_seconds": 7.5}),
        (embed, {"data": [], "usage": {"prompt_tokens": 8, "total_tokens": 8}}, {"gen_ai.usage.input_tokens": 8}),
    ],
    ids=["image", "transcription by tokens", "transcription by time", "Whisper in words", "embedding"],
)  # fmt: skip
def test_other_endpoints(
    ask: Callable[[openai.OpenAI], None],
    body: JSON,
    expected: JSON,
    server: Loopback,
    client: openai.OpenAI,
    session: Session,
) -> None:
    server.reply = Reply(body)
    ask(client)
    assert used(session) == {**expected, "nbtrace.usage.state": "reported"}


def test_speech_is_charged_by_the_character(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(b"ID3", headers={"content-type": "audio/mpeg"})
    client.audio.speech.create(model="tts-1", voice="alloy", input="Grüße!")
    assert used(session) == {"nbtrace.usage.input_characters": 6}
