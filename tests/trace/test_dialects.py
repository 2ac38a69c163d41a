"""Spans of other instrumentations, as they really emit them, brought to canonical names.

Each file of `tests/fixtures/dialects` names a package and its version, and holds spans that it made of calls to a
loopback server: their attributes, and under `added` what they mean.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import Enum
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from opentelemetry.util.types import AttributeValue

from nbtrace._trace import dialects
from nbtrace._trace.dialects import canonical, flat, messages
from tests.capture.reading import held

FIXTURES = sorted(Path(__file__).parents[1].glob("fixtures/dialects/*.json"))
SPANS = [
    pytest.param(span, id=f"{path.stem}: {span['name']}")
    for path in FIXTURES
    for span in json.loads(path.read_text(encoding="utf-8"))["spans"]
]


def event(name: str, **attributes: Any) -> SimpleNamespace:
    return SimpleNamespace(name=name, attributes=attributes)


def added(attributes: dict[str, Any], *events: Any, scope: str = "any") -> dict[str, Any]:
    """Give what a span's attributes mean beyond what they say, with JSON read."""
    found = canonical(attributes, events, scope)
    assert {key: found[key] for key in attributes} == attributes
    return {key: flat.parsed(value) for key, value in found.items() if key not in attributes}


@pytest.mark.parametrize("span", SPANS)
def test_a_span_as_it_came_and_what_it_means(span: dict[str, Any]) -> None:
    events = [SimpleNamespace(**one) for one in span["events"]]
    assert canonical(span["attributes"], events, span["scope"]) == span["attributes"] | span["added"]


def test_spans_of_the_current_conventions_pass_unchanged() -> None:
    path = next(path for path in FIXTURES if path.stem == "genai-openai")
    assert [span["added"] for span in json.loads(path.read_text(encoding="utf-8"))["spans"]] == [{}, {}]


def test_spans_of_anything_else_pass_unchanged() -> None:
    given = {"http.request.method": "GET", "events": "[1]", "metadata": "{}", "input.value": "x"}
    assert canonical(given, [event("exception"), SimpleNamespace(name="bare", attributes=None)], "httpx") == given


def test_canonical_names_that_are_there_win() -> None:
    given: dict[str, AttributeValue] = {
        "gen_ai.provider.name": "groq",
        "gen_ai.system": "openai",
        "gen_ai.usage.input_tokens": 1,
        "gen_ai.usage.prompt_tokens": 2,
    }
    assert canonical(given, [], "any") == given


def test_a_dialect_that_fails_costs_only_what_it_would_have_added(
    monkeypatch: pytest.MonkeyPatch, swallow: Callable[[], dict[str, int]]
) -> None:
    def broken(*span: Any) -> dict[str, AttributeValue]:
        raise LookupError(span)

    monkeypatch.setattr(dialects, "DIALECTS", (broken, *dialects.DIALECTS))
    assert added({"gen_ai.system": "openai"}) == {"gen_ai.provider.name": "openai"}
    assert swallow() == {"dialects: LookupError": 1}


def test_messages_as_events_of_the_span() -> None:
    assert added(
        {"gen_ai.system": "az.ai.inference", "gen_ai.openai.request.response_format": "json_object"},
        event("gen_ai.system.message", content="Be brief."),
        event("gen_ai.user.message", content="Hi"),
        event("gen_ai.tool.message", id="call_1", content="sunny"),
        event("gen_ai.choice", index=0, finish_reason="stop", message='{"content": "Hello"}'),
        event("gen_ai.choice", index=1, finish_reason="length", message="Hel"),
    ) == {
        "gen_ai.provider.name": "azure.ai.inference",
        "gen_ai.output.type": "json",
        "gen_ai.input.messages": [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
            {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": "sunny"}]},
        ],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"},
            {"role": "assistant", "parts": [{"type": "text", "content": "Hel"}], "finish_reason": "length"},
        ],
        "gen_ai.response.finish_reasons": ["stop", "length"],
    }


def test_a_prompt_and_a_completion_of_one_text_each() -> None:
    assert added(
        {"gen_ai.prompt": '[{"role": "system", "content": "Be brief."}, {"content": "Hi"}]'},
        event("gen_ai.content.completion", **{"gen_ai.completion": "Hello"}),
    ) == {
        "gen_ai.input.messages": [
            {"role": "system", "parts": [{"type": "text", "content": "Be brief."}]},
            {"role": "user", "parts": [{"type": "text", "content": "Hi"}]},
        ],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}],
    }


def test_openinference_of_an_answered_call_with_everything() -> None:
    sent = "llm.input_messages.0.message"
    assert added(
        {
            "openinference.span.kind": "LLM",
            "llm.provider": "azure",
            "llm.system": "openai",
            "llm.model_name": "deployed",
            "llm.request.model_name": "gpt-4o",
            "llm.response.model_name": "gpt-4o-2024",
            "llm.invocation_parameters": '{"stream": true, "stop": "END", "seed": "none", "top_p": 1}',
            "llm.cost.total": 0.25,
            "prompt.id": "weather",
            "output.value": '{"answer": 1}',
            "metadata": '{"where": {"city": "Oslo"}}',
            f"{sent}.role": "user",
            f"{sent}.contents.0.message_content.type": "reasoning",
            f"{sent}.contents.0.message_content.text": "hm",
            f"{sent}.contents.1.message_content.type": "image",
            f"{sent}.contents.1.message_content.image.image.url": "data:image/png;base64,aGk=",
            f"{sent}.contents.2.message_content.type": "document",
            f"{sent}.contents.2.message_content.id": "d1",
        }
    ) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "azure.ai.openai",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.response.model": "gpt-4o-2024",
        "gen_ai.request.stream": True,
        "gen_ai.request.stop_sequences": ["END"],
        "gen_ai.request.top_p": 1.0,
        "gen_ai.usage.cost": 0.25,
        "nbtrace.cost.source": "llm.cost.total",
        "nbtrace.metadata.where": {"city": "Oslo"},
        "gen_ai.prompt.name": "weather",
        "gen_ai.input.messages": [
            {
                "role": "user",
                "parts": [
                    {"type": "reasoning", "content": "hm"},
                    {"type": "blob", "modality": "image", "mime_type": "image/png", **held("aGk=")},
                    {"type": "document", "id": "d1"},
                ],
            }
        ],
    }


@pytest.mark.parametrize(
    ("kind", "meaning"),
    [
        ("LLM", {"gen_ai.operation.name": "chat"}),
        ("guardrail", {"nbtrace.span.type": "guardrail"}),
        ("EVALUATOR", {"nbtrace.span.type": "evaluation"}),
        ("UNKNOWN", {}),
    ],
)
def test_openinference_kinds_of_spans(kind: str, meaning: dict[str, Any]) -> None:
    assert added({"openinference.span.kind": kind}) == meaning


def test_openinference_of_a_reranker() -> None:
    assert added(
        {
            "openinference.span.kind": "RERANKER",
            "reranker.query": "Oslo",
            "reranker.output_documents.0.document.id": "d1",
            "reranker.output_documents.0.document.score": 0.5,
        }
    ) == {
        "nbtrace.span.type": "retrieval",
        "gen_ai.retrieval.query.text": "Oslo",
        "gen_ai.retrieval.documents": [{"id": "d1", "score": 0.5}],
    }


@pytest.mark.parametrize(
    ("body", "meaning"),
    [
        ({"id": "c-1", "object": "chat.completion"}, {"gen_ai.response.id": "c-1"}),
        ({"generations": [[]], "llm_output": {"id": "c-2"}}, {"gen_ai.response.id": "c-2"}),
        ({"generations": [[]], "llm_output": None}, {}),
        (
            {"candidates": [], "response_id": "g-1", "model_version": "gemini-2"},
            {"gen_ai.response.id": "g-1", "gen_ai.response.model": "gemini-2"},
        ),
        ({"id": "somebody's"}, {}),
    ],
)
def test_openinference_of_an_answer_in_the_providers_own_words(body: dict[str, Any], meaning: dict[str, Any]) -> None:
    given = {"openinference.span.kind": "LLM", "output.value": json.dumps(body)}
    assert added(given) == {"gen_ai.operation.name": "chat"} | meaning


def test_openinference_of_google() -> None:
    class Reason(str, Enum):  # noqa: UP042 - as Google writes it, so that `str` gives more than the value
        STOP = "STOP"

    answer = "llm.output_messages.0.message"
    given = {"llm.finish_reason": Reason.STOP, f"{answer}.role": "model", f"{answer}.content": "Hello"}
    assert added({"openinference.span.kind": "LLM", "llm.provider": "google", **given}) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": "gcp.gemini",
        "gen_ai.response.finish_reasons": ["stop"],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": "Hello"}], "finish_reason": "stop"}
        ],
    }


def test_openinference_of_a_method_of_llamaindex_that_is_no_call() -> None:
    given = {"openinference.span.kind": "LLM", "llm.model_name": "m", "output.value": "{}"}
    scope = "openinference.instrumentation.llama_index"
    assert added(given, scope=scope) == {"nbtrace.span.type": "chain"}
    seen = added(given | {"llm.token_count.prompt": 9}, scope=scope)
    assert seen["gen_ai.operation.name"] == "chat"


def test_traceloop_of_a_retriever() -> None:
    found = canonical(
        {
            "gen_ai.operation.name": "vector_db_retrieve",
            "traceloop.span.kind": "task",
            "traceloop.entity.name": "Retriever",
            "traceloop.entity.input": '{"query": "Oslo", "tags": []}',
            "traceloop.entity.output": '{"documents": [{"page_content": "sun", "metadata": {"n": 1}, "id": null}]}',
        },
        [],
        "any",
    )
    assert {key: value for key, value in found.items() if not key.startswith("traceloop.")} == {
        "gen_ai.operation.name": "retrieval",
        "gen_ai.data_source.id": "Retriever",
        "gen_ai.retrieval.query.text": "Oslo",
        "gen_ai.retrieval.documents": '[{"content":"sun","metadata":{"n":1}}]',
    }


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ({"type": "tool", "data": {"content": "sunny", "tool_call_id": "call_1"}}, "sunny"),  # LangChain's
        ({"type": "tool", "data": {}}, {"type": "tool", "data": {}}),
        ({"blocks": [{"text": "2"}], "tool_name": "f", "raw_output": {"n": 2}}, {"n": 2}),  # LlamaIndex's
        ({"raw_output": 2}, {"raw_output": 2}),
    ],
)
def test_openinference_of_a_frameworks_tool(said: Any, meant: Any) -> None:
    given = {"openinference.span.kind": "TOOL", "output.value": json.dumps(said)}
    assert added(given) == {"gen_ai.operation.name": "execute_tool", "gen_ai.tool.call.result": meant}


@pytest.mark.parametrize("name", ["query_bundle", "str_or_query_bundle"])
def test_openinference_of_a_retriever_of_llamaindex(name: str) -> None:
    given = {"openinference.span.kind": "RETRIEVER", "input.value": json.dumps({name: {"query_str": "Oslo"}})}
    assert added(given) == {"gen_ai.operation.name": "retrieval", "gen_ai.retrieval.query.text": "Oslo"}


def test_another_name_of_a_provider_under_the_conventions_name() -> None:
    assert canonical({"gen_ai.provider.name": "gemini"}, [], "any") == {"gen_ai.provider.name": "gcp.gemini"}


def test_traceloops_streams_properties_and_prompts() -> None:
    assert added(
        {
            "llm.is_streaming": True,
            "gen_ai.openai.api_base": "https://api.openai.com/v1/",
            "traceloop.association.properties.chat": "c-1",
            "traceloop.prompt.key": "weather",
            "traceloop.prompt.template_variables.city": "Oslo",
            "gen_ai.completion.0.content": "Hel",
        }
    ) == {
        "gen_ai.request.stream": True,
        "server.address": "api.openai.com",
        "nbtrace.metadata.chat": "c-1",
        "gen_ai.prompt.name": "weather",
        "gen_ai.prompt.variable.city": "Oslo",
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hel"}]}],
    }


def test_logfires_own_instrumentation_of_a_client() -> None:
    assert added(
        {
            "request_data": '{"model": "gpt-4o", "temperature": 1, "messages": [{"role": "user", "content": "Hi"}]}',
            "response_data": '{"message": {"role": "assistant", "content": "Hello"}}',
        },
        scope="logfire.openai",
    ) == {
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o",
        "gen_ai.request.temperature": 1.0,
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}],
        "gen_ai.output.messages": [{"role": "assistant", "parts": [{"type": "text", "content": "Hello"}]}],
    }


def test_an_agents_conversation_without_an_answer_is_all_input() -> None:
    said = [{"role": "user", "parts": [{"type": "text", "content": "Hi"}]}]
    given = {"pydantic_ai.all_messages": json.dumps(said)}
    assert added(given, scope="pydantic-ai") == {"gen_ai.input.messages": said}


def test_lists_that_were_flattened_badly() -> None:
    given = {"a.1": "plain", "a.1.b": 1, "a.0.b": 2, "a.0": "late", "a.10.c.x.0": 3, "ab.0": 4}
    assert flat.nested(given, "a") == [{"b": 2}, {"b": 1}, {"c": {"x": [3]}}]
    assert flat.nested({"a.b": 1}, "a") == []
    assert flat.listed("no list") == ["no list"]
    assert flat.parsed("{no JSON") == "{no JSON"


@pytest.mark.parametrize("kind", ["openinference.span.kind", "mlflow.spanType"])
def test_a_text_nested_too_deep_for_a_parser_stays_as_it_is(kind: str) -> None:
    deep = "[" * 100_000
    given: dict[str, AttributeValue] = {
        kind: "LLM",
        "input.value": deep,
        "output.value": deep,
        "mlflow.spanOutputs": deep,
    }
    assert {key: value for key, value in canonical(given, [], "any").items() if key in given} == given


def test_messages_of_other_shapes() -> None:
    url = {"type": "image_url", "image_url": "https://example.com/a.png"}
    call = {"name": "f", "arguments": "no JSON"}
    assert messages.message({"content": [url, {"type": "odd"}, {"type": "input_text", "text": "Hi"}]}, "user") == {
        "role": "user",
        "parts": [
            {"type": "uri", "modality": "image", "uri": "https://example.com/a.png"},
            {"type": "odd"},
            {"type": "text", "content": "Hi"},
        ],
    }
    assert messages.message({"content": "", "function_call": call}, "assistant") == {
        "role": "assistant",
        "parts": [{"type": "tool_call", "id": None, "name": "f", "arguments": "no JSON"}],
    }
    assert messages.tool_definition({"name": "f"}) == {"type": "function", "name": "f"}


def said(part: str, reason: str | None = None) -> str:
    return json.dumps([{"role": "assistant", "parts": [{"type": part, "content": "No."}], "finish_reason": reason}])


@pytest.mark.parametrize(
    ("given", "who"),
    [
        ({"gen_ai.output.messages": said("refusal", "stop")}, "model"),
        ({"gen_ai.output.messages": said("text", "content_filter")}, "content_filter"),
        ({"gen_ai.output.messages": said("text", "stop")}, None),
        ({"gen_ai.response.finish_reasons": ["stop", "content_filter"]}, "content_filter"),
        ({"gen_ai.response.finish_reasons": '["FinishReason.PROHIBITED_CONTENT"]'}, "content_filter"),
        ({"gen_ai.response.finish_reasons": ["guardrail_intervened"]}, "content_filter"),
        ({"gen_ai.response.finish_reasons": ["IMAGE_SAFETY"]}, "content_filter"),
        ({"gen_ai.response.finish_reasons": ["ERROR_TOXIC"]}, "content_filter"),
        ({"gen_ai.response.finish_reasons": ["OTHER", "NO_IMAGE"]}, None),
        ({"gen_ai.response.finish_reasons": ["refusal"]}, "model"),
        ({"error.type": "litellm.exceptions.ContentPolicyViolationError"}, "prompt"),
        ({"error.type": "openai.ContentFilterFinishReasonError"}, "content_filter"),
        ({"error.type": "content_filter"}, "prompt"),
        ({"error.type": "openai.RateLimitError"}, None),
        ({"nbtrace.refusal": "mine", "error.type": "content_filter"}, None),
        ({"gen_ai.operation.name": "invoke_agent", "gen_ai.response.finish_reasons": ["content_filter"]}, None),
    ],
)
def test_a_refusal_is_flagged_as_on_our_own_spans(given: dict[str, Any], who: str | None) -> None:
    found = added({"gen_ai.operation.name": "chat", **given})
    assert found == ({} if who is None else {"nbtrace.refusal": who})


def test_a_refusal_that_only_an_exception_tells() -> None:
    raised = event("exception", **{"exception.type": "litellm.ContentPolicyViolationError"})
    assert added({"gen_ai.operation.name": "chat"}, raised) == {"nbtrace.refusal": "prompt"}
