"""The table of `test_fidelity`: each endpoint, what is asked and answered, and its ways."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final

from tests.capture.bodies import (
    ASK_CHAT,
    ASK_RESPONSE,
    BACKGROUND,
    CHAT,
    EMBEDDED,
    JUDGED,
    LEGACY,
    LEGACY_CHUNKS,
    PNG,
    RESPONSE,
    TOKENS,
    WAV,
    City,
    chat_chunks,
)
from tests.capture.loopback import JSON
from tests.capture.responses import events


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
