"""The wire format of legacy completions: a prompt and what follows it, brought to the shape of a chat."""

from __future__ import annotations

from typing import Any, Final

from nbtrace import semconv
from nbtrace._capture import chat, chat_stream, logprobs, refusal
from nbtrace._capture.failure import in_answer
from nbtrace._capture.messages import dumps, listed, mapping
from nbtrace._capture.wire import Attributes, Body, Wire


def content_attributes(request: Body, response: Body | None) -> Attributes:
    """Give the prompts and the texts that followed, as JSON strings."""
    found: Attributes = {}
    prompt = request.get("prompt")
    if prompt not in (None, "", []):
        tokens = isinstance(prompt, list) and not all(isinstance(one, str) for one in prompt)
        prompts = [dumps(prompt)] if tokens else listed(prompt)
        found[semconv.INPUT_MESSAGES] = dumps([{"role": "user", "parts": [_text(one)]} for one in prompts])
    if choices := [mapping(choice) for choice in listed((response or {}).get("choices"))]:
        found[semconv.OUTPUT_MESSAGES] = dumps(
            [
                {
                    "role": "assistant",
                    "parts": [_text(choice.get("text"))],
                    "finish_reason": choice.get("finish_reason"),
                }
                for choice in choices
            ]
        )
    return found | logprobs.of_completion(response or {}) | refusal.details(response or {})


def fold(chunks: list[dict[str, Any]]) -> dict[str, Any]:
    """Fold the chunks of a stream: each choice's text is a delta."""
    deltas = [
        {
            **chunk,
            "choices": [
                {**choice, "text": None, "delta": {"text": choice.get("text")}}
                for choice in map(mapping, listed(chunk.get("choices")))
            ],
        }
        for chunk in chunks
    ]
    body = chat_stream.fold(deltas)
    body["choices"] = [{"text": choice.pop("message").get("text"), **choice} for choice in body["choices"]]
    return body


def _text(text: object) -> dict[str, Any]:
    return {"type": "text", "content": text}


COMPLETIONS: Final = Wire(
    operation="text_completion",
    request=chat.request_attributes,
    response=chat.response_attributes,
    content=content_attributes,
    fold=fold,
    spoken=("prompt",),
    failure=in_answer,
)
