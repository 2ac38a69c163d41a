"""Refusals and filters: flagged, with what the provider says of them, and no errors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import anthropic
import openai
import pytest

from nbtrace import semconv
from nbtrace._query.totals import summarize
from tests.capture.loopback import Loopback, Reply, chunk, completion
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from nbtrace import Session

JSON = dict[str, Any]

ASK: Any = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}]}
SAFE = {"hate": {"filtered": False, "severity": "safe"}, "jailbreak": {"filtered": False, "detected": False}}
HELD = {"hate": {"filtered": True, "severity": "high"}, "custom_blocklists": {"filtered": False, "details": []}}


def choice(**more: Any) -> JSON:
    return {"index": 0, "message": {"role": "assistant", "content": None}, "finish_reason": "stop", **more}


def flagged(session: Session) -> tuple[str, str | None, Any]:
    """Give the span's status, who refused, and what was said of it."""
    (span,) = spans(session)
    details = span["attributes"].get(semconv.CONTENT_FILTER)
    return span["status"], span["attributes"].get(semconv.REFUSAL), details and json.loads(details)


def test_the_model_refuses(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    message = {"role": "assistant", "content": None, "refusal": "I cannot help with that."}
    server.reply = Reply(completion(choices=[choice(message=message)]))
    client.chat.completions.create(**ASK)
    assert flagged(session) == ("unset", "model", None)
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [
        {"type": "refusal", "content": "I cannot help with that."}
    ]
    summary = summarize(session.store.snapshot())
    assert (summary.refused, summary.errors) == (1, 0)


def test_the_model_refuses_in_a_stream(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=[chunk({"refusal": "I can"}), chunk({"refusal": "not."}, finish_reason="stop")])
    list(client.chat.completions.create(**ASK, stream=True))
    assert flagged(session) == ("unset", "model", None)
    assert only(session)[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "refusal", "content": "I cannot."}]


@pytest.mark.parametrize(
    ("body", "who", "said"),
    [
        (completion(choices=[choice(finish_reason="content_filter")]), "content_filter", None),
        (
            completion(choices=[choice(content_filter_results=SAFE), choice(content_filter_results=HELD)]),
            "content_filter",
            {"choices": [SAFE, HELD]},
        ),
        (
            completion(prompt_filter_results=[{"prompt_index": 0, "content_filter_results": HELD}]),
            "prompt",
            {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": HELD}]},
        ),
        (
            completion(
                choices=[choice(content_filter_results=SAFE)],
                prompt_filter_results=[{"prompt_index": 0, "content_filter_results": SAFE}],
            ),
            None,
            {"prompt_filter_results": [{"prompt_index": 0, "content_filter_results": SAFE}], "choices": [SAFE]},
        ),
    ],
    ids=["OpenAI", "Azure's answer", "Azure's prompt", "all passed"],
)
def test_filters_of_chat(
    body: JSON, who: str | None, said: Any, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply(body)
    client.chat.completions.create(**ASK)
    assert flagged(session) == ("unset", who, said)


def test_filters_of_a_stream(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    prompt = [{"prompt_index": 0, "content_filter_results": SAFE}]
    last = chunk({}, finish_reason="content_filter")
    last["choices"][0]["content_filter_results"] = HELD
    server.reply = Reply(chunks=[{"choices": [], "prompt_filter_results": prompt}, chunk({"content": "So you"}), last])
    list(client.chat.completions.create(**ASK, stream=True))
    assert flagged(session) == ("unset", "content_filter", {"prompt_filter_results": prompt, "choices": [HELD]})


def test_a_parsed_answer_that_a_filter_stopped(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    """The client raises, so it is an error too."""
    from pydantic import BaseModel

    class Answer(BaseModel):
        text: str

    server.reply = Reply(completion(choices=[choice(finish_reason="content_filter")]))
    with pytest.raises(openai.ContentFilterFinishReasonError):
        client.chat.completions.parse(**ASK, response_format=Answer)
    assert flagged(session) == ("error", "content_filter", None)


@pytest.mark.parametrize(
    ("more", "who"),
    [
        ({"output": [{"type": "message", "content": [{"type": "refusal", "refusal": "No."}]}]}, "model"),
        ({"status": "incomplete", "incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ({"content_filters": [{"blocked": True, "source_type": "prompt"}]}, "prompt"),
        ({"content_filters": [{"blocked": True, "source_type": "completion"}]}, "content_filter"),
        ({"content_filters": [{"blocked": False, "source_type": "prompt"}]}, None),
    ],
)
def test_refusals_of_responses(
    more: JSON, who: str | None, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    server.reply = Reply({"id": "r", "object": "response", "status": "completed", "output": [], **more})
    client.responses.create(model="m", input="Say hello.")
    filters = more.get("content_filters")
    assert flagged(session) == ("unset", who, filters and {"content_filters": filters})


def test_a_failed_response_that_a_policy_forbade(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    error = {"code": "bio_policy", "message": "No."}
    server.reply = Reply({"id": "r", "object": "response", "status": "failed", "output": [], "error": error})
    client.responses.create(model="m", input="Say hello.")
    assert flagged(session) == ("error", "content_filter", None)


def test_claude_refuses(server: Loopback, session: Session) -> None:
    details = {"type": "refusal", "category": "bio", "explanation": None}
    server.reply = Reply({
        "id": "m", "type": "message", "role": "assistant", "model": "claude", "content": [], "stop_reason": "refusal",
        "stop_details": details, "usage": {"input_tokens": 9, "output_tokens": 1},
    })  # fmt: skip
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="x", max_retries=0) as client:
        client.messages.create(**ASK, max_tokens=9)
    assert flagged(session) == ("unset", "model", {"stop_details": details})
    assert only(session)[semconv.RESPONSE_FINISH_REASONS] == ["content_filter"]
