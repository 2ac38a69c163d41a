"""Says a span in OpenInference: https://github.com/Arize-ai/openinference/blob/main/spec/semantic_conventions.md.

Each function is one part of the vocabulary, for a backend to put together what it reads.
"""

from __future__ import annotations

from typing import Final
from urllib.parse import unquote

from nbtrace import semconv
from nbtrace._export.backends.backend import Attributes, Value
from nbtrace._export.facts import Facts, Message, as_json, parts_of, said_once, text_of

PROJECT: Final = "openinference.project.name"

KINDS: Final = {
    "llm": "LLM",
    "embedding": "EMBEDDING",
    "tool": "TOOL",
    "retrieval": "RETRIEVER",
    "agent": "AGENT",
    "chain": "CHAIN",
    "cell": "CHAIN",
    "guardrail": "GUARDRAIL",
    "evaluation": "EVALUATOR",
}

JSON: Final = "application/json"
TEXT: Final = "text/plain"


def headers(pairs: str) -> dict[str, str]:
    """Read `name=value` pairs, separated by commas and URL-encoded."""
    found = (pair.partition("=") for pair in pairs.split(",") if "=" in pair)
    return {unquote(name).strip().lower(): unquote(value).strip() for name, _, value in found}


def basics(span: Facts) -> Attributes:
    """Say what a span is, for whom, and by which prompt."""
    return {
        "openinference.span.kind": KINDS.get(span.type, "UNKNOWN"),
        semconv.USER_ID: span.user,
        semconv.SESSION_ID: span.session,
        "tag.tags": span.tags,
        "llm.prompt_template.version": span.prompt_version,
        "prompt.id": span.prompt_name,
    }


def prompt(span: Facts) -> Attributes:
    """Say the prompt's template and what stood in it."""
    return {
        "llm.prompt_template.template": span.attributes.get(semconv.PROMPT_TEMPLATE),
        "llm.prompt_template.variables": as_json(span.variables),
    }


def remarks(span: Facts) -> Attributes:
    """Say what it has no field for."""
    return {"metadata": as_json(span.remarks())}


def went_in(span: Facts) -> Attributes:
    """Say what went in."""
    text, kind = _said(span.input)
    return {semconv.INPUT_VALUE: text, "input.mime_type": kind}


def came_out(span: Facts) -> Attributes:
    """Say what came out."""
    text, kind = _said(span.output)
    return {semconv.OUTPUT_VALUE: text, "output.mime_type": kind}


def usage(span: Facts) -> Attributes:
    """Say tokens."""
    return {
        "llm.token_count.prompt": span.input_tokens,
        "llm.token_count.completion": span.output_tokens,
        "llm.token_count.total": span.total_tokens,
        "llm.token_count.prompt_details.cache_read": span.cache_read_tokens,
        "llm.token_count.prompt_details.cache_write": span.cache_write_tokens,
        "llm.token_count.completion_details.reasoning": span.reasoning_tokens,
    }


def cost(span: Facts) -> Attributes:
    """Say the cost."""
    return {"llm.cost.total": span.cost_usd}


def retrieved(span: Facts) -> Attributes:
    """Say what a retrieval found."""
    found: dict[str, Value] = {}
    for number, document in enumerate(span.documents):
        base = f"retrieval.documents.{number}.document"
        metadata = {key: value for key, value in document.items() if key not in {"id", "score", "content"}}
        found |= {
            f"{base}.id": _text(document.get("id")),
            f"{base}.content": _text(document.get("content")),
            f"{base}.score": document.get("score"),
            f"{base}.metadata": as_json(metadata),
        }
    return found


def called(span: Facts) -> Attributes:
    """Say what was called: the model with its parameters, a tool, an agent."""
    is_embedding, is_call = span.type == "embedding", span.type == "llm"
    return {
        "llm.model_name": span.model if is_call else None,
        "embedding.model_name": span.model if is_embedding else None,
        "llm.provider": span.provider,
        "llm.system": span.provider if is_call else None,
        "llm.invocation_parameters": as_json(span.parameters) if is_call else None,
        "llm.finish_reason": (span.finish_reasons or [None])[0],
        "tool.name": span.attributes.get(semconv.TOOL_NAME),
        "tool.id": span.attributes.get(semconv.TOOL_CALL_ID),
        "tool.parameters": _text(span.attributes.get(semconv.TOOL_CALL_ARGUMENTS)),
        "agent.name": span.attributes.get(semconv.AGENT_NAME),
    }


def asked(span: Facts) -> Attributes:
    """Say the messages that a call was made with."""
    return _messages("llm.input_messages", span.messages) if span.type == "llm" else {}


def answered(span: Facts) -> Attributes:
    """Say the messages that came back."""
    return _messages("llm.output_messages", span.answers) if span.type == "llm" else {}


def offered(span: Facts) -> Attributes:
    """Say the tools that were offered."""
    if span.type != "llm":
        return {}
    return {f"llm.tools.{index}.tool.json_schema": as_json(_tool(tool)) for index, tool in enumerate(span.tools)}


def judged(span: Facts) -> Attributes:
    """Say the judgements of a span."""
    found: dict[str, Value] = {}
    for number, score in enumerate(span.scores):
        base = f"annotations.{number}.annotation"
        found |= {
            f"{base}.name": score["name"],
            f"{base}.score": score["value"],
            f"{base}.label": score["label"],
            f"{base}.explanation": score["explanation"],
            f"{base}.metadata": as_json({"evaluator": score["evaluator"]}) if score["evaluator"] else None,
            f"{base}.annotator_kind": score["source"] and score["source"].upper(),
        }
    return found


def _messages(prefix: str, messages: list[Message]) -> dict[str, Value]:
    bases = [f"{prefix}.{number}.message" for number in range(len(messages))]
    return {base: said_once(message, base, _message) for base, message in zip(bases, messages, strict=True)}


def _message(message: Message, base: str) -> dict[str, Value]:
    results = parts_of(message, "tool_call_response")
    found: dict[str, Value] = {
        f"{base}.role": _text(message.get("role")),
        f"{base}.content": text_of(message) or (as_json(results[0].get("response")) if results else None),
    }
    if results:
        found[f"{base}.tool_call_id"] = _text(results[0].get("id"))
    for index, call in enumerate(parts_of(message, "tool_call")):
        one = f"{base}.tool_calls.{index}.tool_call"
        found[f"{one}.id"] = _text(call.get("id"))
        found[f"{one}.function.name"] = _text(call.get("name"))
        found[f"{one}.function.arguments"] = as_json(call.get("arguments"))
    return found


def _tool(tool: Message) -> Message:
    """Say a tool's definition as OpenAI's API does, which the specification's example has."""
    if tool.get("type") != "function" or "function" in tool:
        return tool
    return {"type": "function", "function": {key: value for key, value in tool.items() if key != "type"}}


def _said(value: object) -> tuple[str | None, str | None]:
    """Give a value as text, with its type: a lone text message as its text, all else as JSON."""
    if isinstance(value, list) and value and isinstance(value[-1], dict) and (text := text_of(value[-1])):
        return text, TEXT
    written = as_json(value)
    return written, None if written is None else TEXT if isinstance(value, str) else JSON


def _text(value: object) -> str | None:
    return value if value is None or isinstance(value, str) else as_json(value)


STEPS: Final = (basics, prompt, remarks, went_in, came_out, usage, cost, retrieved)
"""Says what any span is, and what was in it."""
CALLS: Final = (called, asked, answered, offered, judged)
"""Says calls whole, and the judgements of a span."""
