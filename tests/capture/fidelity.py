"""The table of `test_fidelity`: each endpoint, what is asked and answered, its ways, and what its span says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from pydantic import BaseModel

from tests.capture.loopback import JSON
from tests.capture.reading import held
from tests.capture.responses import events


class City(BaseModel):
    city: str


SCHEMA: JSON = {**City.model_json_schema(), "additionalProperties": False}
WEATHER: JSON = {"name": "weather", "description": "Tell it.", "parameters": SCHEMA, "strict": True}
PNG = "iVBORw0KGgo="
WAV = ("a.wav", b"RIFF", "audio/wav")


@dataclass(frozen=True)
class Row:
    """An endpoint, what is asked of it and what it answers."""

    of: str
    """Where in the client it is."""
    ask: JSON
    answer: JSON | bytes
    ways: str = "create raw streaming"
    chunks: list[JSON] = field(default_factory=list[JSON])
    """The same answer as a stream."""
    typed: JSON = field(default_factory=dict[str, Any])
    """What is asked instead where the client reads the answer as a model."""
    streamed: JSON = field(default_factory=dict[str, Any])
    """What is asked besides for a stream."""
    method: str = "create"
    is_deprecated: bool = False
    """The client warns of it."""


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

ROWS: Final = {
    "chat": Row(
        "chat.completions", ASK_CHAT, CHAT, "create parse raw streaming stream helper raw-stream streaming-stream",
        chat_chunks(CHAT), {"response_format": City}, {"stream_options": {"include_usage": True}},
    ),
    "responses": Row(
        "responses", ASK_RESPONSE, RESPONSE, "create parse raw streaming stream helper raw-stream streaming-stream",
        events(RESPONSE), {"text_format": City},
    ),
    "responses in the background": Row(
        "responses", {"model": "m", "input": "Think.", "background": True}, BACKGROUND
    ),
    "responses, retrieved": Row("responses", {"response_id": "resp_1"}, RESPONSE, method="retrieve"),
    "completions": Row(
        "completions", {"model": "m", "prompt": "One,", "n": 2}, LEGACY,
        "create raw streaming stream raw-stream streaming-stream",
        [*LEGACY_CHUNKS, {**LEGACY, "choices": []}], streamed={"stream_options": {"include_usage": True}},
    ),
    "embeddings": Row(
        "embeddings", {"model": "embed", "input": ["a", "b"], "encoding_format": "float"}, EMBEDDED
    ),
    "moderations": Row("moderations", {"model": "omni", "input": "Boo."}, JUDGED),
    "images": Row(
        "images", {"model": "gpt-image-1", "prompt": "A cat.", "n": 2},
        {"created": 1, "data": [{"b64_json": PNG}, {"url": "https://example.org/cat.png"}], "usage": TOKENS},
        method="generate",
    ),
    "speech": Row("audio.speech", {"model": "tts-1", "voice": "alloy", "input": "Hello"}, b"ID3"),
    "transcriptions": Row(
        "audio.transcriptions", {"model": "gpt-4o-transcribe", "file": WAV, "prompt": "Names: Ada"},
        {"text": "Hello!", "usage": {"type": "tokens", **TOKENS}},
        "create raw streaming stream",
        [
            {"type": "transcript.text.delta", "delta": "Hel"}, {"type": "transcript.text.delta", "delta": "lo!"},
            {"type": "transcript.text.done", "text": "Hello!", "usage": {"type": "tokens", **TOKENS}},
        ],
    ),
    "translations": Row(
        "audio.translations", {"model": "whisper-1", "file": WAV}, {"text": "Hello!"}, is_deprecated=True
    ),
}  # fmt: skip
EVERYWHERE: Final[JSON] = {
    "gen_ai.provider.name": "openai",
    "server.address": "llm.test",
    "http.response.header.x-request-id": "req_1",
    "http.response.header.x-ratelimit-remaining-requests": "99",
}
SPANS: Final[dict[str, JSON]] = {
    "chat": {
        **EVERYWHERE,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "chatcmpl-1",
        "gen_ai.response.finish_reasons": ["stop", "tool_calls"],
        "gen_ai.usage.input_tokens": 90,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "nbtrace.usage.state": "reported",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.input.messages": [
            {
                "role": "user",
                "parts": [
                    {"type": "text", "content": "Where?"},
                    {"type": "blob", "modality": "image", "mime_type": "image/png", **held("iVBORw0KGgo=")},
                    {"type": "blob", "modality": "audio", "mime_type": "audio/wav", **held("UklGRg==")},
                    {
                        "type": "blob",
                        "modality": "document",
                        "mime_type": "application/pdf",
                        **held("JVBERg=="),
                        "filename": "a.pdf",
                    },
                ],
            }
        ],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": '{"city":"Ulm"}'}], "finish_reason": "stop"},
            {
                "role": "assistant",
                "parts": [
                    {"type": "tool_call", "id": "call_Ulm", "name": "weather", "arguments": {"city": "Ulm"}},
                    {"type": "tool_call", "id": "call_Bern", "name": "weather", "arguments": {"city": "Bern"}},
                ],
                "finish_reason": "tool_calls",
            },
        ],
        "gen_ai.tool.definitions": [{"type": "function", **WEATHER}],
        "gen_ai.request.seed": 7,
        "openai.request.service_tier": "flex",
        "gen_ai.request.choice.count": 2,
        "gen_ai.output.type": "json",
        "openai.response.service_tier": "flex",
        "openai.response.system_fingerprint": "fp_1",
        "gen_ai.usage.audio.input_tokens": 5,
        "nbtrace.logprobs": (
            '[{"content":[{"token":"{\\"cit","logprob":-0.25},{"token":"y\\":\\"Ulm\\"}","logprob":-0.5}]},{}]'
        ),
        "nbtrace.cost.reason": "no price for gpt-4o-mini-2024-07-18 at llm.test",
    },
    "responses": {
        **EVERYWHERE,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "gpt-4o-mini",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ["tool_call"],
        "gen_ai.usage.input_tokens": 90,
        "gen_ai.usage.output_tokens": 30,
        "gen_ai.usage.cache_read.input_tokens": 64,
        "gen_ai.usage.reasoning.output_tokens": 8,
        "nbtrace.usage.state": "reported",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.system_instructions": [{"type": "text", "content": "Be brief."}],
        "gen_ai.input.messages": [
            {
                "role": "user",
                "parts": [
                    {"type": "text", "content": "Where?"},
                    {"type": "blob", "modality": "image", "mime_type": "image/png", **held("iVBORw0KGgo=")},
                    {
                        "type": "blob",
                        "modality": "document",
                        "mime_type": "application/pdf",
                        **held("JVBERg=="),
                        "filename": "a.pdf",
                    },
                ],
            }
        ],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [
                    {"type": "reasoning", "content": "It is Ulm."},
                    {"type": "text", "content": '{"city":"Ulm"}'},
                    {"type": "tool_call", "id": "call_Ulm", "name": "weather", "arguments": {"city": "Ulm"}},
                    {"type": "tool_call", "id": "call_Bern", "name": "weather", "arguments": {"city": "Bern"}},
                ],
                "finish_reason": "tool_call",
            }
        ],
        "gen_ai.tool.definitions": [{"type": "function", **WEATHER}],
        "openai.api.type": "responses",
        "openai.request.service_tier": "flex",
        "gen_ai.request.reasoning.level": "low",
        "gen_ai.output.type": "json",
        "gen_ai.response.status": "completed",
        "openai.response.service_tier": "flex",
        "nbtrace.cost.reason": "no price for gpt-4o-mini-2024-07-18 at llm.test",
    },
    "responses in the background": {
        **EVERYWHERE,
        "gen_ai.operation.name": "chat",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "resp_1",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Think."}]}],
        "openai.api.type": "responses",
        "openai.request.background": True,
        "gen_ai.response.status": "queued",
        "openai.response.service_tier": "flex",
        "nbtrace.cost.reason": "no token counts",
    },
    "responses, retrieved": {
        **EVERYWHERE,
        "gen_ai.operation.name": "fetch_response",
        "gen_ai.response.model": "gpt-4o-mini-2024-07-18",
        "gen_ai.response.id": "resp_1",
        "gen_ai.response.finish_reasons": ["tool_call"],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [
                    {"type": "reasoning", "content": "It is Ulm."},
                    {"type": "text", "content": '{"city":"Ulm"}'},
                    {"type": "tool_call", "id": "call_Ulm", "name": "weather", "arguments": {"city": "Ulm"}},
                    {"type": "tool_call", "id": "call_Bern", "name": "weather", "arguments": {"city": "Bern"}},
                ],
                "finish_reason": "tool_call",
            }
        ],
        "openai.api.type": "responses",
        "gen_ai.response.status": "completed",
        "openai.response.service_tier": "flex",
    },
    "completions": {
        **EVERYWHERE,
        "gen_ai.operation.name": "text_completion",
        "gen_ai.request.model": "m",
        "gen_ai.response.model": "m",
        "gen_ai.response.id": "cmpl-1",
        "gen_ai.response.finish_reasons": ["stop", "stop"],
        "gen_ai.usage.input_tokens": 3,
        "gen_ai.usage.output_tokens": 4,
        "nbtrace.usage.state": "reported",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "One,"}]}],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": " two"}], "finish_reason": "stop"},
            {"role": "assistant", "parts": [{"type": "text", "content": " three"}], "finish_reason": "stop"},
        ],
        "gen_ai.request.choice.count": 2,
        "openai.response.system_fingerprint": "fp_1",
        "nbtrace.cost.reason": "no price for m at llm.test",
    },
    "embeddings": {
        **EVERYWHERE,
        "gen_ai.operation.name": "embeddings",
        "gen_ai.request.model": "embed",
        "gen_ai.response.model": "embed",
        "gen_ai.usage.input_tokens": 5,
        "nbtrace.usage.state": "reported",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.request.encoding_formats": ["float"],
        "nbtrace.embeddings.count": 2,
        "gen_ai.embeddings.dimension.count": 2,
        "nbtrace.embeddings.vectors": [
            {
                "type": "blob",
                "modality": "embedding",
                "mime_type": "application/x-float32",
                **held("AAAAPwAAgD4="),
            }
        ]
        * 2,
        "input.value": '["a","b"]',
        "nbtrace.cost.reason": "no price for embed at llm.test",
    },
    "moderations": {
        **EVERYWHERE,
        "gen_ai.operation.name": "moderation",
        "gen_ai.request.model": "omni",
        "gen_ai.response.model": "omni",
        "gen_ai.response.id": "modr-1",
        "input.value": "Boo.",
        "output.value": '[{"flagged":true,"categories":["hate"],"scores":{"hate":0.9,"violence":0.1}}]',
    },
    "images": {
        **EVERYWHERE,
        "gen_ai.operation.name": "image_generation",
        "gen_ai.request.model": "gpt-image-1",
        "gen_ai.usage.input_tokens": 4,
        "gen_ai.usage.output_tokens": 9,
        "nbtrace.usage.state": "reported",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "A cat."}]}],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "blob",
                        "modality": "image",
                        "mime_type": "image/png",
                        "size": 8,
                        "sha256": "4c4b6a3be1314ab86138bef4314dde022e600960d8689a2c8f8631802d20dab6",
                        **held("iVBORw0KGgo="),
                    },
                    {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"},
                ],
                "finish_reason": None,
            }
        ],
        "gen_ai.output.type": "image",
        "gen_ai.request.choice.count": 2,
        "nbtrace.cost.reason": "no price for gpt-image-1 at llm.test",
    },
    "speech": {
        **EVERYWHERE,
        "gen_ai.operation.name": "speech",
        "gen_ai.request.model": "tts-1",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.input.messages": [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}],
        "gen_ai.output.messages": [
            {
                "role": "assistant",
                "parts": [
                    {
                        "type": "blob",
                        "modality": "audio",
                        "mime_type": "audio/mpeg",
                        **held("SUQz"),
                    }
                ],
                "finish_reason": None,
            }
        ],
        "gen_ai.output.type": "speech",
        "nbtrace.usage.input_characters": 5,
        "nbtrace.cost.reason": "no price for tts-1 at llm.test",
    },
    "transcriptions": {
        **EVERYWHERE,
        "gen_ai.operation.name": "transcription",
        "gen_ai.request.model": "gpt-4o-transcribe",
        "gen_ai.usage.input_tokens": 4,
        "gen_ai.usage.output_tokens": 9,
        "nbtrace.usage.state": "reported",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.input.messages": [
            {
                "role": "user",
                "parts": [
                    {"type": "text", "content": "Names: Ada"},
                    {
                        "type": "blob",
                        "modality": "audio",
                        "mime_type": "audio/wav",
                        "size": 4,
                        "sha256": "a40ff3d5900fb7698b8c865041347cb49eccedc8f93945f89629ad104aaecce4",
                        "field": "file",
                        "filename": "a.wav",
                    },
                ],
            }
        ],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": None}
        ],
        "gen_ai.output.type": "text",
        "nbtrace.cost.reason": "no price for gpt-4o-transcribe at llm.test",
    },
    "translations": {
        **EVERYWHERE,
        "gen_ai.operation.name": "translation",
        "gen_ai.request.model": "whisper-1",
        "nbtrace.cost.state": "unpriced",
        "gen_ai.input.messages": [
            {
                "role": "user",
                "parts": [
                    {
                        "type": "blob",
                        "modality": "audio",
                        "mime_type": "audio/wav",
                        "size": 4,
                        "sha256": "a40ff3d5900fb7698b8c865041347cb49eccedc8f93945f89629ad104aaecce4",
                        "field": "file",
                        "filename": "a.wav",
                    }
                ],
            }
        ],
        "gen_ai.output.messages": [
            {"role": "assistant", "parts": [{"type": "text", "content": "Hello!"}], "finish_reason": None}
        ],
        "gen_ai.output.type": "text",
        "nbtrace.cost.reason": "no token counts",
    },
}
"""What is on the span of each: all of it, but for what varies from run to run."""
