"""What is kept of content: everything, its hash, or nothing; how a call went is kept in each mode."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import openai
import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.trace import Status, StatusCode

from nbtrace import Session, semconv
from nbtrace._trace.redact.content import hashed
from nbtrace._trace.redact.policy import Policy
from nbtrace.errors import UsageError
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only, spans
from tests.trace.conftest import users

if TYPE_CHECKING:
    from tests.trace.conftest import Ask

MODES = ["metadata", "hashed"]
WORDS = "quartz"
"""A word that is nowhere but in content."""


def everything(session: Session) -> str:
    return str(session.spans().table.to_pylist())


@pytest.mark.parametrize("mode", MODES)
def test_nothing_that_was_said_is_kept_of_a_call(mode: Any, session: Session, ask: Ask, server: Loopback) -> None:
    session.policy.content = mode
    server.reply = Reply(completion(f"said {WORDS}", usage=None))
    prompt = session.prompt("p", f"{WORDS} {{thing}}")
    tool: Any = {"type": "function", "function": {"name": "f", "description": WORDS}}
    answer = ask(prompt.format(thing=WORDS), tools=[tool], stop=[WORDS])
    assert answer.choices[0].message.content == f"said {WORDS}"
    server.reply = Reply({"error": {"message": WORDS, "code": "c"}}, status=400)
    with pytest.raises(openai.BadRequestError, match=WORDS):
        ask(WORDS)
    assert WORDS not in everything(session)
    call, failed = spans(session)
    attributes = call["attributes"]
    assert {attributes[semconv.CONTENT_MODE], failed["attributes"][semconv.CONTENT_MODE]} == {mode}
    assert (attributes[semconv.REQUEST_MODEL], attributes[semconv.PROMPT_NAME]) == ("m", "p")
    assert attributes[semconv.USAGE_STATE] == "estimated"
    assert attributes[semconv.USAGE_INPUT_TOKENS] > 0
    assert (failed["status"], failed["attributes"][semconv.HTTP_STATUS_CODE]) == ("error", 400)
    assert (semconv.INPUT_MESSAGES in attributes) == (mode == "hashed")


def test_by_default_content_is_kept_and_no_mode_is_named(session: Session, ask: Ask) -> None:
    ask(WORDS)
    assert WORDS in everything(session)
    assert semconv.CONTENT_MODE not in only(session)


def test_equal_contents_have_equal_hashes(session: Session, client: openai.OpenAI) -> None:
    session.policy.content = "hashed"
    system: Any = {"role": "system", "content": "Be brief."}
    for text in ("one", "two"):
        client.chat.completions.create(model="m", messages=[system, {"role": "user", "content": text}])
    one, other = (span["attributes"][semconv.INPUT_MESSAGES] for span in spans(session))
    assert one[0] == other[0]
    assert one[0] == {
        "role": "system",
        "parts": [{"type": "text", "content": f"[sha256 {sha256(b'Be brief.').hexdigest()[:16]}, 9 characters]"}],
    }
    assert one[1] != other[1]


def test_the_shape_of_messages_stays_and_their_content_goes() -> None:
    message = {
        "role": "assistant",
        "finish_reason": "tool_call",
        "parts": [
            {"type": "text", "content": WORDS},
            {"type": "tool_call", "id": "c1", "name": "f", "arguments": {"to": WORDS, "n": 5}},
            {
                "type": "blob",
                "modality": "image",
                "mime_type": "image/png",
                "sha256": "ab",
                "size": 3,
                "content": WORDS,
            },
            WORDS,
        ],
        "more": {WORDS: [WORDS]},
    }
    found = json.loads(hashed(json.dumps([message])))
    assert WORDS not in str(found)
    assert found[0]["role"] == "assistant"
    assert found[0]["parts"][1].keys() == {"type", "id", "name", "arguments"}
    assert found[0]["parts"][1]["name"] == "f"
    assert found[0]["parts"][2] == {
        "type": "blob", "modality": "image", "mime_type": "image/png", "sha256": "ab", "size": 3,
    }  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
def test_secrets_are_masked_before_they_are_hashed(mode: Any) -> None:
    policy = Policy()
    policy.content = "hashed"
    one, other = (policy.attributes({"input.value": f"password='{word}word1'"}) for word in ("pass", "good"))
    assert one == other


@pytest.mark.parametrize("mode", MODES)
def test_cells_steps_and_streams(mode: Any, session: Session, client: openai.OpenAI, server: Loopback) -> None:
    from tests.capture.loopback import HELLO

    session.policy.content = mode
    cell = session.tracing.start("cell [1]", attributes={semconv.SPAN_TYPE: "cell", semconv.CELL_SOURCE_HASH: "ab"})
    session.tracing.end(cell, lambda: {semconv.CELL_SOURCE: f"x = '{WORDS}'", semconv.CELL_OUTCOME: "ok"})
    with session.span("search", kind="retrieval", custom=WORDS) as step:
        step.query(WORDS).documents([{"content": WORDS, "score": 0.5}])
    with session.span("tool", kind="tool") as step:
        step.input({"to": WORDS}).output([WORDS])
    server.reply = Reply(chunks=HELLO)
    stream = client.chat.completions.create(model="m", messages=[{"role": "user", "content": WORDS}], stream=True)
    next(stream)
    running = everything(session)
    stream.close()
    assert WORDS not in running + everything(session)
    kept = {span["name"]: span["attributes"] for span in spans(session)}
    assert kept["cell [1]"][semconv.CELL_OUTCOME] == "ok"
    assert kept["cell [1]"][semconv.CELL_SOURCE_HASH] == "ab"
    assert kept["retrieval search"][semconv.DATA_SOURCE_ID] == "search"
    assert kept["execute_tool tool"][semconv.TOOL_NAME] == "tool"


@pytest.mark.parametrize("mode", MODES)
def test_spans_of_others_whatever_they_call_it(mode: Any, session: Session) -> None:
    session.policy.content = mode
    provider = TracerProvider(shutdown_on_exit=False)
    with users(provider):
        session.tracing.attach()
        span: Any = provider.get_tracer("theirs").start_span(
            "chat m",
            attributes={
                "gen_ai.request.model": "m", "gen_ai.usage.input_tokens": 5, "llm.prompts.0.content": WORDS,
                "langfuse.observation.input": WORDS, "some.list": [WORDS], "gen_ai.completion.0.content": WORDS,
                "db.statement": WORDS, "http.response.status_code": 200, "score": 0.5, "anything": WORDS.encode(),
            },
        )  # fmt: skip
        span.add_event("gen_ai.user.message", {"content": WORDS, "exception.type": "KeyError", "n": 1})
        running = everything(session)
        span.set_status(Status(StatusCode.ERROR, WORDS))
        span.end()
    assert WORDS not in running + everything(session)
    (found,) = spans(session)
    assert (found["attributes"]["score"], found["attributes"][semconv.USAGE_INPUT_TOKENS]) == (0.5, 5)
    (row,) = session.spans().table.to_pylist()
    assert {one["key"] for one in row["events"][0]["attributes"]} >= {"exception.type", "n"}
    assert (row["status_message"] is None) == (mode == "metadata")


def test_a_mode_can_be_changed_and_an_unknown_one_is_refused(session: Session, ask: Ask) -> None:
    session.policy.content = "metadata"
    ask("one")
    assert len(session.spans()) == 1
    session.policy.content = "full"
    ask("two")
    assert [semconv.INPUT_MESSAGES in span["attributes"] for span in spans(session)] == [False, True]
    with pytest.raises(UsageError) as raised:
        session.policy.content = "none"  # pyright: ignore[reportAttributeAccessIssue]
    assert str(raised.value) == "unknown content mode 'none'; expected one of: full, metadata, hashed"
