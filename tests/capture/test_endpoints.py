"""Embeddings, legacy completions, moderations, images and sound."""

from __future__ import annotations

import io
from base64 import b64encode
from hashlib import sha256
from struct import pack
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import semconv
from tests.capture.loopback import Loopback, Reply
from tests.capture.reading import held, only, spans

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace import Session

PNG = b"\x89PNG\r\n"
HASH = sha256(PNG).hexdigest()
BLOB = {"type": "blob", "modality": "image", "mime_type": "image/png", "size": 6, "sha256": HASH}


@pytest.mark.parametrize("form", ["base64", "float"])
def test_embeddings(form: Any, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    vector: Any = b64encode(pack("<3f", 1, 2, 3)).decode() if form == "base64" else [1.0, 2.0, 3.0]
    server.reply = Reply(
        {
            "object": "list", "model": "text-embedding-3-small",
            "data": [{"object": "embedding", "index": index, "embedding": vector} for index in range(2)],
            "usage": {"prompt_tokens": 5, "total_tokens": 5},
        }
    )  # fmt: skip
    answer = client.embeddings.create(
        model="text-embedding-3-small", input=["a", "b"], dimensions=3, encoding_format=form
    )
    assert len(answer.data) == 2
    assert only(session) == {
        "gen_ai.operation.name": "embeddings",
        "gen_ai.provider.name": "openai",
        "server.address": "127.0.0.1",
        "gen_ai.request.model": "text-embedding-3-small",
        "gen_ai.request.encoding_formats": [form],
        "gen_ai.embeddings.dimension.count": 3,
        "nbtrace.embeddings.count": 2,
        "gen_ai.response.model": "text-embedding-3-small",
        "gen_ai.usage.input_tokens": 5,
        "nbtrace.usage.state": "reported",
        "nbtrace.cost.state": "unpriced",
        "nbtrace.cost.reason": "no price for text-embedding-3-small at 127.0.0.1",
        "input.value": '["a","b"]',
        "nbtrace.embeddings.vectors": [
            {
                "type": "blob",
                "modality": "embedding",
                "mime_type": "application/x-float32",
                **held(b64encode(pack("<3f", 1, 2, 3)).decode()),
                **({"form": "base64"} if form == "base64" else {}),
            }
        ]
        * 2,
    }


def test_a_real_completion_and_its_stream(session: Session, model: str) -> None:
    options: Any = {"model": model, "prompt": "One, two,", "max_tokens": 3, "temperature": 0}
    with openai.OpenAI() as client:
        answer = client.completions.create(**options)
        whole = only(session)
        session.store.clear()
        pieces = list(client.completions.create(**options, stream=True))
    streamed = only(session)
    assert whole[semconv.OPERATION_NAME] == "text_completion"
    assert whole[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [{"type": "text", "content": "One, two,"}]}]
    assert whole[semconv.OUTPUT_MESSAGES] == [
        {
            "role": "assistant",
            "parts": [{"type": "text", "content": answer.choices[0].text}],
            "finish_reason": answer.choices[0].finish_reason,
        }
    ]
    assert streamed[semconv.OUTPUT_MESSAGES] == whole[semconv.OUTPUT_MESSAGES]
    assert streamed[semconv.STREAM_CHUNKS] == len(pieces)


def test_a_prompt_of_tokens(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply({"id": "cmpl-1", "object": "text_completion", "choices": []})
    client.completions.create(model="m", prompt=[1, 2])
    assert only(session)[semconv.INPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "[1,2]"}]


def test_a_moderation(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    result = {"flagged": True, "categories": {"hate": True, "violence": False}, "category_scores": {"hate": 0.9}}
    server.reply = Reply({"id": "modr-1", "model": "omni", "results": [result]})
    client.moderations.create(input="Boo.")
    (span,) = spans(session)
    assert span["name"] == "moderation"
    assert only(session) == {
        "gen_ai.operation.name": "moderation",
        "gen_ai.provider.name": "openai",
        "server.address": "127.0.0.1",
        "gen_ai.response.id": "modr-1",
        "gen_ai.response.model": "omni",
        "input.value": "Boo.",
        "output.value": '[{"flagged":true,"categories":["hate"],"scores":{"hate":0.9}}]',
    }


def test_images(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    images = [{"b64_json": b64encode(PNG).decode(), "revised_prompt": "A cat."}, {"url": "https://example.org/cat.png"}]
    usage = {"input_tokens": 4, "output_tokens": 9, "total_tokens": 13}
    server.reply = Reply({"created": 1, "data": images, "usage": usage})
    client.images.generate(model="gpt-image-1", prompt="Cat", n=2)
    recorded = only(session)
    names = (semconv.OPERATION_NAME, semconv.OUTPUT_TYPE, semconv.REQUEST_CHOICE_COUNT, semconv.USAGE_OUTPUT_TOKENS)
    assert [recorded[name] for name in names] == ["image_generation", "image", 2, 9]
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [
        {"type": "text", "content": "A cat."},
        {**BLOB, "content": b64encode(PNG).decode()},
        {"type": "uri", "modality": "image", "uri": "https://example.org/cat.png"},
    ]


def test_files_are_told_by_type_size_and_hash(
    server: Loopback, client: openai.OpenAI, session: Session, tmp_path: Path
) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    server.reply = Reply({"created": 1, "data": []})
    buffer = io.BytesIO(PNG)
    buffer.name = "dog.png"
    with path.open("rb") as opened:
        client.images.edit(model="m", prompt="Hat", image=[path, ("x", PNG, "image/png"), buffer], mask=opened)
    parts = only(session)[semconv.INPUT_MESSAGES][0]["parts"]
    assert parts[0] == {"type": "text", "content": "Hat"}
    assert [{key: value for key, value in part.items() if key != "field"} for part in parts[1:]] == [
        {**BLOB, "filename": "cat.png"},
        {**BLOB, "filename": "x"},
        {**BLOB, "filename": "dog.png"},
        {"type": "blob", "modality": "image", "mime_type": "image/png", "size": 6, "filename": str(path)},
    ]
    assert server.received[0].body.count(PNG) == 4


def test_speech(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(PNG, headers={"content-type": "audio/mpeg"})
    assert client.audio.speech.create(model="tts-1", voice="alloy", input="Hello").content == PNG
    recorded = only(session)
    assert (recorded[semconv.OPERATION_NAME], recorded[semconv.OUTPUT_TYPE]) == ("speech", "speech")
    assert recorded[semconv.INPUT_MESSAGES] == [{"role": "user", "parts": [{"type": "text", "content": "Hello"}]}]
    (part,) = recorded[semconv.OUTPUT_MESSAGES][0]["parts"]
    content = {"size": 6, "sha256": HASH, "content": "iVBORw0K"}
    assert part == {"type": "blob", "modality": "audio", "mime_type": part["mime_type"], **content}


@pytest.mark.parametrize(
    "reply",
    [
        Reply({"text": "Hello!"}),
        Reply(b"Hello!", headers={"content-type": "text/plain"}),
        Reply(chunks=[{"type": "transcript.text.delta", "delta": piece} for piece in ("Hel", "lo!")]),
    ],
)
def test_transcriptions(reply: Reply, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = reply
    more: Any = {"stream": True} if reply.chunks else {}
    answer: Any = client.audio.transcriptions.create(model="w", file=("a.wav", b"RIFF"), prompt="Names: Ada", **more)
    if reply.chunks:
        list(answer)
    recorded = only(session)
    assert recorded[semconv.OPERATION_NAME] == "transcription"
    assert recorded[semconv.OUTPUT_MESSAGES][0]["parts"] == [{"type": "text", "content": "Hello!"}]
    text, file = recorded[semconv.INPUT_MESSAGES][0]["parts"]
    assert (text["content"], file["modality"], file["size"]) == ("Names: Ada", "audio", 4)
