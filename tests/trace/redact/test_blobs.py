"""Images, recordings and files in messages: kept up to a size, beyond it known by type, size and hash."""

from __future__ import annotations

import json
from base64 import b64encode
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import anthropic
import pytest

from nbtrace import Session, semconv
from nbtrace._trace.blobs import uri
from nbtrace._trace.redact.blobs import is_blob, without_content
from nbtrace._trace.redact.policy import Policy
from tests.capture.loopback import Loopback, Reply, completion
from tests.capture.reading import only

if TYPE_CHECKING:
    import openai

PNG = b"\x89PNG" + bytes(range(256)) * 40
ENCODED = b64encode(PNG).decode()
URL = f"data:image/png;base64,{ENCODED}"
LIMIT = 5000
KEPT = {"type": "blob", "modality": "image", "mime_type": "image/png"}
CUT = {
    "size": len(PNG),
    "sha256": sha256(PNG).hexdigest(),
    "cut": f"content of {len(PNG):,} bytes is left out",
}
NOTE = f"blobs: 1 without content, over the limit of {LIMIT:,} bytes"


def test_bytes_are_known_however_a_message_writes_them() -> None:
    lines = "\r\n".join(ENCODED[start : start + 76] for start in range(0, len(ENCODED), 76))
    for content in (lines, ENCODED.rstrip("=")):
        part = uri(f"data:image/png;base64,{content}", "image")
        assert (part["content"], part["size"], part["sha256"]) == (content, CUT["size"], CUT["sha256"])
        assert without_content(part) == KEPT | CUT
        assert is_blob(part)
    text = uri("data:text/plain;charset=utf-8,abcd%20e", "document")
    assert (text["size"], text["sha256"]) == (6, sha256(b"abcd e").hexdigest())


@pytest.fixture(params=["small", "large"])
def expected(request: pytest.FixtureRequest, session: Session) -> dict[str, Any]:
    """Give what a picture is to become: below the limit its content, above it what is known of it."""
    if request.param == "small":
        return {"content": ENCODED, "size": CUT["size"], "sha256": CUT["sha256"]}
    session.policy.max_blob_bytes = LIMIT
    return CUT


def part_of(found: dict[str, Any], name: str, place: int = 0) -> dict[str, Any]:
    return found[name][0]["parts"][place]


def test_images_sound_and_files_of_a_chat(
    client: openai.OpenAI, session: Session, expected: dict[str, Any], server: Loopback
) -> None:
    parts: Any = [
        {"type": "text", "text": "Look"},
        {"type": "image_url", "image_url": {"url": URL}},
        {"type": "input_audio", "input_audio": {"format": "mp3", "data": ENCODED}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": URL.replace("image/png", "application/pdf")}},
    ]
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": parts}])
    assert ENCODED.encode() in server.received[0].body
    found = only(session)
    assert part_of(found, semconv.INPUT_MESSAGES, 1) == {**KEPT, **expected}
    assert part_of(found, semconv.INPUT_MESSAGES, 2) == {
        **KEPT, "modality": "audio", "mime_type": "audio/mp3", **expected
    }  # fmt: skip
    file = part_of(found, semconv.INPUT_MESSAGES, 3)
    assert file == {**KEPT, "modality": "document", "mime_type": "application/pdf", "filename": "a.pdf", **expected}
    notes = [NOTE.replace("1", "3", 1)] if "cut" in expected else None
    assert found.get(semconv.CUT) == notes


def test_an_image_of_a_response_and_one_that_it_made(
    client: openai.OpenAI, session: Session, expected: dict[str, Any], server: Loopback
) -> None:
    item = {
        "type": "image_generation_call",
        "id": "ig",
        "result": ENCODED,
        "output_format": "png",
        "status": "completed",
    }
    server.reply = Reply({"id": "r", "object": "response", "status": "completed", "model": "m", "output": [item]})
    content: Any = [{"type": "input_image", "image_url": URL, "detail": "low"}]
    client.responses.create(model="m", input=[{"role": "user", "content": content}])
    found = only(session)
    assert part_of(found, semconv.INPUT_MESSAGES) == {**KEPT, **expected}
    assert part_of(found, semconv.OUTPUT_MESSAGES) == {**KEPT, **expected}


def test_an_image_for_anthropic(session: Session, expected: dict[str, Any], server: Loopback) -> None:
    server.reply = Reply(
        {"id": "m", "type": "message", "role": "assistant", "model": "c", "content": [], "stop_reason": "end_turn",
         "usage": {"input_tokens": 1, "output_tokens": 1}}
    )  # fmt: skip
    source: Any = {"type": "base64", "media_type": "image/png", "data": ENCODED}
    with anthropic.Anthropic(base_url=server.url.removesuffix("/v1"), api_key="local") as client:
        client.messages.create(
            model="c", max_tokens=5, messages=[{"role": "user", "content": [{"type": "image", "source": source}]}]
        )
    assert part_of(only(session), semconv.INPUT_MESSAGES) == {**KEPT, **expected}


def test_what_was_spoken(client: openai.OpenAI, session: Session, expected: dict[str, Any], server: Loopback) -> None:
    body = completion(None)
    body["choices"][0]["message"]["audio"] = {"id": "a", "data": ENCODED, "transcript": "No.", "expires_at": 5}
    server.reply = Reply(body)
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Speak."}])
    part = part_of(only(session), semconv.OUTPUT_MESSAGES, -1)
    given = {"type": "blob", "modality": "audio", "id": "a", "transcript": "No.", "expires_at": 5}
    assert part == {**given, **expected}


def test_the_same_picture_has_the_same_hash_wherever_it_turns_up() -> None:
    policy = Policy()
    policy.max_blob_bytes = LIMIT
    parts = [{**KEPT, "content": ENCODED}, {**KEPT, "content": ENCODED.rstrip("=")}]
    kept = policy.attributes(
        {
            "gen_ai.input.messages": json.dumps([{"role": "user", "parts": parts}]),
            "llm.input_messages.0.image.url": URL,
            "any.json": json.dumps({"url": URL}),
        }
    )
    assert [str(value).count(str(CUT["sha256"])) for value in kept.values()] == [2, 1, 1, 0]
    assert kept["llm.input_messages.0.image.url"] == (
        f"data:image/png;base64,… [cut: {CUT['cut']}, sha256 {CUT['sha256']}]"
    )
    assert kept[semconv.CUT] == [NOTE.replace("1", "4", 1)]


def test_rules_do_not_look_for_keys_inside_of_pictures() -> None:
    policy = Policy()
    content = "AKIA0123456789ABCDEF" * 100
    written = json.dumps([{"role": "user", "parts": [{**KEPT, "content": content}]}])
    assert policy.attributes({semconv.INPUT_MESSAGES: written}) == {semconv.INPUT_MESSAGES: written}


def test_what_only_says_that_it_is_a_blob_is_masked_as_text() -> None:
    policy = Policy()
    secret = "the password='hunter2' " * 100
    written = json.dumps([{"type": "blob", "content": secret}, {"url": f"data:text/plain;base64,{secret}"}])
    assert "hunter2" not in str(policy.attributes({"x": written}))


def test_no_content_of_a_large_picture_is_cut_in_the_middle(session: Session, client: openai.OpenAI) -> None:
    session.policy.max_content_bytes = 5000
    content: Any = [{"type": "image_url", "image_url": {"url": URL}}, {"type": "text", "text": "x" * 9000}]
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": content}])
    image, text = only(session)[semconv.INPUT_MESSAGES][0]["parts"]
    assert image["sha256"] == CUT["sha256"]
    assert "content" not in image
    assert "[cut: " in text["content"]
