"""What the span of each row of `fidelity` says."""

from __future__ import annotations

from typing import Final

from tests.capture.bodies import WEATHER
from tests.capture.loopback import JSON
from tests.capture.reading import held

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
        "nbtrace.cost.reason": "no token counts: those of a background response come when it is fetched",
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
        "nbtrace.fetched.usage": '{"input_tokens":90,"output_tokens":30,"total_tokens":120,'
        '"input_tokens_details":{"cached_tokens":64},"output_tokens_details":{"reasoning_tokens":8}}',
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
