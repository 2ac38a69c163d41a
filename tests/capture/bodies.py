"""What every endpoint is asked and answers, with all that it may hold."""

from __future__ import annotations

from pydantic import BaseModel

from tests.capture.loopback import JSON


class City(BaseModel):
    city: str


SCHEMA: JSON = {**City.model_json_schema(), "additionalProperties": False}
WEATHER: JSON = {"name": "weather", "description": "Tell it.", "parameters": SCHEMA, "strict": True}
PNG = "iVBORw0KGgo="
WAV = ("a.wav", b"RIFF", "audio/wav")


def chat_chunks(whole: JSON) -> list[JSON]:
    """Cut a chat completion into chunks."""
    head = {key: value for key, value in whole.items() if key not in ("choices", "usage")}
    head["object"] = "chat.completion.chunk"
    deltas: list[JSON] = []
    for choice in whole["choices"]:
        said, at = choice["message"], {"index": choice["index"], "finish_reason": None}
        deltas.append({**at, "delta": {"role": "assistant", "content": said["content"] and ""}})
        pieces = [said["content"][:5], said["content"][5:]] if said["content"] else []
        for piece, token in zip(pieces, (choice.get("logprobs") or {}).get("content", ()), strict=True):
            deltas.append({**at, "delta": {"content": piece}, "logprobs": {"content": [token], "refusal": None}})
        for index, call in enumerate(said.get("tool_calls", ())):
            begun = {**call, "index": index, "function": {"name": call["function"]["name"], "arguments": ""}}
            written = {"index": index, "function": {"arguments": call["function"]["arguments"]}}
            deltas += [{**at, "delta": {"tool_calls": [one]}} for one in (begun, written)]
        deltas.append({**at, "delta": {}, "finish_reason": choice["finish_reason"]})
    return [*({**head, "choices": [one]} for one in deltas), {**head, "choices": [], "usage": whole["usage"]}]


def calls(*cities: str) -> list[JSON]:
    return [
        {"id": f"call_{city}", "type": "function", "function": {"name": "weather", "arguments": f'{{"city":"{city}"}}'}}
        for city in cities
    ]


CHAT: JSON = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "gpt-4o-mini-2024-07-18",
    "service_tier": "flex", "system_fingerprint": "fp_1",
    "choices": [
        {
            "index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": '{"city":"Ulm"}'},
            "logprobs": {
                "content": [
                    {"token": '{"cit', "logprob": -0.25, "bytes": None, "top_logprobs": []},
                    {"token": 'y":"Ulm"}', "logprob": -0.5, "bytes": None, "top_logprobs": []},
                ],
                "refusal": None,
            },
        },
        {
            "index": 1, "finish_reason": "tool_calls", "logprobs": None,
            "message": {"role": "assistant", "content": None, "tool_calls": calls("Ulm", "Bern")},
        },
    ],
    "usage": {
        "prompt_tokens": 90, "completion_tokens": 30, "total_tokens": 120,
        "prompt_tokens_details": {"cached_tokens": 64, "audio_tokens": 5},
        "completion_tokens_details": {"reasoning_tokens": 8, "audio_tokens": 0},
    },
}  # fmt: skip
PARTS: list[JSON] = [
    {"type": "text", "text": "Where?"},
    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
    {"type": "input_audio", "input_audio": {"data": "UklGRg==", "format": "wav"}},
    {"type": "file", "file": {"file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"}},
]
ASK_CHAT: JSON = {
    "model": "gpt-4o-mini", "messages": [{"role": "user", "content": PARTS}], "n": 2, "logprobs": True,
    "service_tier": "flex", "seed": 7, "parallel_tool_calls": True,
    "tools": [{"type": "function", "function": WEATHER}],
    "response_format": {"type": "json_schema", "json_schema": {"name": "City", "schema": SCHEMA, "strict": True}},
}  # fmt: skip

SAID: JSON = {"type": "output_text", "text": '{"city":"Ulm"}', "annotations": []}
RESPONSE: JSON = {
    "id": "resp_1", "object": "response", "created_at": 1, "model": "gpt-4o-mini-2024-07-18", "status": "completed",
    "service_tier": "flex", "error": None, "parallel_tool_calls": True, "tool_choice": "auto", "tools": [],
    "output": [
        {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "It is Ulm."}]},
        {
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [SAID],
        },
        *(
            {
                "type": "function_call", "id": f"fc_{city}", "call_id": f"call_{city}", "name": "weather",
                "arguments": f'{{"city":"{city}"}}', "status": "completed",
            }
            for city in ("Ulm", "Bern")
        ),
    ],
    "usage": {
        "input_tokens": 90, "output_tokens": 30, "total_tokens": 120,
        "input_tokens_details": {"cached_tokens": 64}, "output_tokens_details": {"reasoning_tokens": 8},
    },
}  # fmt: skip
RESPONSE_PARTS: list[JSON] = [
    {"type": "input_text", "text": "Where?"},
    {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "auto"},
    {"type": "input_file", "file_data": "data:application/pdf;base64,JVBERg==", "filename": "a.pdf"},
]
ASK_RESPONSE: JSON = {
    "model": "gpt-4o-mini", "instructions": "Be brief.", "input": [{"role": "user", "content": RESPONSE_PARTS}],
    "service_tier": "flex", "reasoning": {"effort": "low"}, "tools": [{"type": "function", **WEATHER}],
    "text": {"format": {"type": "json_schema", "name": "City", "schema": SCHEMA, "strict": True}},
}  # fmt: skip

LEGACY: JSON = {
    "id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m", "system_fingerprint": "fp_1",
    "choices": [
        {"index": index, "text": text, "finish_reason": "stop", "logprobs": None}
        for index, text in enumerate((" two", " three"))
    ],
    "usage": {"prompt_tokens": 3, "completion_tokens": 4, "total_tokens": 7},
}  # fmt: skip
LEGACY_CHUNKS: list[JSON] = [
    {**LEGACY, "usage": None, "choices": [{**choice, "text": piece, "finish_reason": reason}]}
    for choice in LEGACY["choices"]
    for piece, reason in ((choice["text"][:2], None), (choice["text"][2:], "stop"))
]
TOKENS: JSON = {"input_tokens": 4, "output_tokens": 9, "total_tokens": 13}
EMBEDDED: JSON = {
    "object": "list", "model": "embed", "usage": {"prompt_tokens": 5, "total_tokens": 5},
    "data": [{"object": "embedding", "index": index, "embedding": [0.5, 0.25]} for index in range(2)],
}  # fmt: skip
SCORES: JSON = {"hate": 0.9, "violence": 0.1}
JUDGED: JSON = {
    "id": "modr-1", "model": "omni",
    "results": [{"flagged": True, "categories": {"hate": True, "violence": False}, "category_scores": SCORES}],
}  # fmt: skip
BACKGROUND: JSON = {**RESPONSE, "status": "queued", "output": [], "usage": None}
