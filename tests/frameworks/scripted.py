"""A server on loopback that asks for a tool once and then answers, as no small model can be made to do.

It speaks chat completions, responses and embeddings of OpenAI, plain and streamed, and Google's `generateContent`.
"""

from __future__ import annotations

import itertools
import json

from tests.capture.loopback import HELLO, JSON, Loopback, Received, Reply, chunk, completion

_NUMBERS = itertools.count(1)
"""Ids of responses are unique, as a provider's are: some instrumentations remember them for ever."""

ARGUMENTS = '{"city": "Oslo"}'

USAGE = {
    "input_tokens": 9,
    "output_tokens": 3,
    "total_tokens": 12,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens_details": {"reasoning_tokens": 0},
}


BLOCKED = "What no filter lets pass."
"""A prompt that is answered as Google's filters do."""


class Scripted(Loopback):
    """Asks for the first tool it is offered, and answers what it gave, or at once if there is none."""

    def __init__(self) -> None:
        super().__init__(self._reply)

    def _reply(self, received: Received) -> Reply:
        body: JSON = json.loads(received.body)
        number = next(_NUMBERS)
        if received.path.endswith("/embeddings"):
            return Reply(_embeddings(body))
        if "enerateContent" in received.path:
            return _google(received.path, body, number)
        if received.path.endswith("/responses"):
            return _response(body, number)
        return _chat(body, number)


def _chat(body: JSON, number: int) -> Reply:
    identity = {"id": f"chatcmpl-{number}"}
    answered = any(message["role"] == "tool" for message in body["messages"])
    if answered or not body.get("tools"):
        return Reply(chunks=[one | identity for one in HELLO]) if body.get("stream") else Reply(completion(**identity))
    function = {"name": body["tools"][0]["function"]["name"], "arguments": ARGUMENTS}
    call = {"id": "call_1", "type": "function", "function": function}
    said: JSON = {"role": "assistant", "content": None}
    if body.get("stream"):
        asked = chunk({**said, "tool_calls": [{"index": 0, **call}]})
        return Reply(chunks=[one | identity for one in (asked, chunk({}, finish_reason="tool_calls"), HELLO[-1])])
    choice = {"index": 0, "finish_reason": "tool_calls", "message": {**said, "tool_calls": [call]}}
    return Reply(completion(choices=[choice], **identity))


def _response(body: JSON, number: int) -> Reply:
    items: list[JSON] = body["input"] if isinstance(body["input"], list) else []
    answered = any(item.get("type") == "function_call_output" for item in items)
    text: JSON = {"type": "output_text", "text": "Hello!", "annotations": []}
    output: JSON = {"type": "message", "id": "msg_1", "role": "assistant", "content": [text]}
    deltas: list[JSON] = [
        {"type": "response.content_part.added", "item_id": "msg_1", "part": text | {"text": ""}},
        {"type": "response.output_text.delta", "item_id": "msg_1", "delta": "Hello!", "logprobs": []},
        {"type": "response.output_text.done", "item_id": "msg_1", "text": "Hello!", "logprobs": []},
        {"type": "response.content_part.done", "item_id": "msg_1", "part": text},
    ]
    if body.get("tools") and not answered:
        named = {"name": body["tools"][0]["name"], "arguments": ARGUMENTS}
        output = {"type": "function_call", "id": "fc_1", "call_id": "call_1", **named}
        deltas = [{"type": "response.function_call_arguments.done", "item_id": "fc_1", **named}]
    response: JSON = {
        "id": f"resp_{number}",
        "object": "response",
        "created_at": 1_700_000_000,
        "model": body["model"],
        "status": "completed",
        "output": [output | {"status": "completed"}],
        "parallel_tool_calls": True,
        "tool_choice": "auto",
        "tools": [],
        "usage": USAGE,
    }
    if not body.get("stream"):
        return Reply(response)
    begun = response | {"output": [], "status": "in_progress", "usage": None}
    place = {"output_index": 0, "content_index": 0}
    events: list[JSON] = [
        {"type": "response.created", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": output | {"content": []}},
        *(delta | place for delta in deltas),
        {"type": "response.output_item.done", "output_index": 0, "item": output},
        {"type": "response.completed", "response": response},
    ]
    numbered = [event | {"sequence_number": index} for index, event in enumerate(events)]
    return Reply(chunks=[f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode() for event in numbered])


def _embeddings(body: JSON) -> JSON:
    vector = {"object": "embedding", "index": 0, "embedding": [0.25, 0.5]}
    usage = {"prompt_tokens": 9, "total_tokens": 9}
    return {"object": "list", "model": body["model"], "data": [vector], "usage": usage}


def _google(path: str, body: JSON, number: int) -> Reply:
    if BLOCKED in str(body):
        usage = {"promptTokenCount": 9, "totalTokenCount": 9}
        refused: JSON = {"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": usage}
        return Reply(chunks=[refused], then="end") if "stream" in path else Reply(refused)
    content = {"role": "model", "parts": [{"text": "Hello!"}]}
    answer: JSON = {
        "candidates": [{"content": content, "finishReason": "STOP", "index": 0}],
        "usageMetadata": {"promptTokenCount": 9, "candidatesTokenCount": 3, "totalTokenCount": 12},
        "modelVersion": "gemini-2.5-flash",
        "responseId": f"google-{number}",
    }
    return Reply(chunks=[answer], then="end") if "stream" in path else Reply(answer)
