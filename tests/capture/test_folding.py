"""The pieces of a stream are folded to the whole that they are of, however it was cut."""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._capture import chat, completions, media
from nbtrace._capture.chat_stream import fold
from nbtrace._capture.stream import chunks
from tests.capture.loopback import HELLO, chunk, completion

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_folding_leaves_the_chunks_alone() -> None:
    chunks = [
        chunk({"tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{"}}]}),
        chunk({"tool_calls": [{"index": 0, "function": {"arguments": "}"}}], "parts": [{"a": 1}]}),
        chunk({"parts": [{"b": 2}], "audio": {"data": "aa"}}),
        chunk({"audio": {"data": "bb"}}),
    ]
    chunks[0]["choices"][0]["logprobs"] = {"content": [{"token": "a"}]}
    chunks[1]["choices"][0]["logprobs"] = {"content": [{"token": "b"}]}
    before = copy.deepcopy(chunks)
    first, second = fold(chunks), fold(chunks)
    assert chunks == before
    assert first == second
    (choice,) = first["choices"]
    assert choice["logprobs"] == {"content": [{"token": "a"}, {"token": "b"}]}
    assert choice["message"] == {
        "role": "assistant",
        "tool_calls": [{"index": 0, "id": "a", "function": {"name": "f", "arguments": "{}"}}],
        "parts": [{"a": 1}, {"b": 2}],
        "audio": {"data": "aabb"},
    }


def parse(events: list[str]) -> list[dict[str, Any]]:
    """Give the chunks in the events of a stream."""
    return [one.body for one in chunks([(event, 0) for event in events])]


@pytest.mark.parametrize("bad", ["{", '{"a":1', '"b":2}', "", "[1,2", "3"])
def test_an_event_that_is_no_chunk_is_skipped(bad: str) -> None:
    good = ['{"id":"a"}', '{"id":"b"}']
    for events in ([bad, *good], [good[0], bad, good[1]], [*good, bad], [*good, '{"error":{"message":"no"}}', bad]):
        assert parse([*events, "[DONE]"]) == [{"id": "a"}, {"id": "b"}]
    assert parse(['{"a":1', '"b":2}']) == []


def test_servers_that_repeat_names_or_mix_parts_and_text() -> None:
    tool = {"index": 0, "id": "a", "type": "function", "function": {"name": "f"}}
    folded = fold(
        [
            chunk({"role": "assistant", "tool_calls": [{**tool, "function": {"name": "f", "arguments": "{"}}]}),
            chunk({"role": "assistant", "tool_calls": [{**tool, "function": {"name": "f", "arguments": "}"}}]}),
            chunk({"content": [{"type": "thinking", "thinking": "Hm."}]}),
            chunk({"content": "An"}),
            chunk({"content": "swer"}),
        ]
    )
    assert folded["choices"][0]["message"] == {
        "role": "assistant",
        "tool_calls": [{**tool, "function": {"name": "f", "arguments": "{}"}}],
        "content": [{"type": "thinking", "thinking": "Hm."}, "Answer"],
    }


def test_chunks_of_azure_without_choices_fold() -> None:
    filtered: Any = {"id": "", "choices": [], "model": "", "prompt_filter_results": [{"prompt_index": 0}]}
    assert fold([filtered, {"choices": None, "usage": None}, *HELLO])["choices"] == completion()["choices"]
    assert fold([filtered, *HELLO])["id"] == "chatcmpl-1"


TEXT = st.text(max_size=12)
JSON_TEXT = st.sampled_from(['{"a":1}', "{}", '{"city": "Ulm", "n": 12345678901234567890123}', "{not json", ""])


@st.composite
def messages_(draw: st.DrawFn) -> dict[str, Any]:
    message: dict[str, Any] = {"role": "assistant", "content": draw(st.none() | TEXT)}
    for key in ("refusal", "reasoning_content"):
        if text := draw(st.none() | TEXT):
            message[key] = text
    if count := draw(st.integers(0, 3)):
        message["tool_calls"] = [
            {"id": f"call_{one}", "type": "function", "function": {"name": f"f{one}", "arguments": draw(JSON_TEXT)}}
            for one in range(count)
        ]
    if draw(st.booleans()):
        message["function_call"] = {"name": "old", "arguments": draw(JSON_TEXT)}
    return message


@st.composite
def responses(draw: st.DrawFn) -> dict[str, Any]:
    body = completion()
    body["choices"] = [
        {
            "index": index,
            "message": draw(messages_()),
            "finish_reason": draw(st.sampled_from(["stop", "length", "tool_calls"])),
        }
        for index in range(draw(st.integers(1, 3)))
    ]
    if draw(st.booleans()):
        body["usage"] = {
            "prompt_tokens": draw(st.integers(0, 10**6)),
            "completion_tokens": draw(st.integers(0, 10**6)),
            "prompt_tokens_details": {"cached_tokens": draw(st.integers(0, 99))},
            "completion_tokens_details": {"reasoning_tokens": draw(st.integers(0, 99))},
        }
    else:
        del body["usage"]
    if draw(st.booleans()):
        body |= {"system_fingerprint": "fp", "service_tier": "default"}
    return body


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=4)))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def chunked(draw: st.DrawFn) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Give a response and the same response cut into chunks, choices and fields interleaved at will."""
    body = draw(responses())
    queues: list[list[dict[str, Any]]] = [
        [{"index": choice["index"], "delta": delta, "finish_reason": None} for delta in deltas]
        for choice in body["choices"]
        for deltas in _deltas(draw, choice["message"])
    ]
    chunks: list[dict[str, Any]] = []
    head = {key: value for key, value in body.items() if key not in ("choices", "usage")}
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        chunks.append({**head, "choices": [queue.pop(0)]})
    for choice in body["choices"]:
        end = {"index": choice["index"], "delta": {}, "finish_reason": choice["finish_reason"]}
        chunks.append({**head, "choices": [end]})
    if "usage" in body:
        chunks.append({**head, "choices": [], "usage": body["usage"]})
    return body, chunks


def _deltas(draw: st.DrawFn, message: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    for key in ("content", "refusal", "reasoning_content"):
        if message.get(key) is not None:
            yield [{"role": "assistant", key: piece} for piece in draw(pieces(message[key]))]
    if calls := message.get("tool_calls"):
        begun = [{"tool_calls": [{**call, "index": index, "function": {**call["function"], "arguments": ""}}]}
                 for index, call in enumerate(calls)]  # fmt: skip
        parts = [
            {"tool_calls": [{"index": index, "function": {"arguments": piece}}]}
            for index, call in enumerate(calls)
            for piece in draw(pieces(call["function"]["arguments"]))
        ]
        yield begun + _interleaved(draw, parts)
    if call := message.get("function_call"):
        yield [{"function_call": {"name": call["name"], "arguments": ""}}] + [
            {"function_call": {"arguments": piece}} for piece in draw(pieces(call["arguments"]))
        ]


def _interleaved(draw: st.DrawFn, parts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    by_index: dict[int, list[dict[str, Any]]] = {}
    for part in parts:
        by_index.setdefault(part["tool_calls"][0]["index"], []).append(part)
    mixed: list[dict[str, Any]] = []
    while any(by_index.values()):
        mixed.append(by_index[draw(st.sampled_from([index for index, left in by_index.items() if left]))].pop(0))
    return mixed


def attributes(body: dict[str, Any]) -> dict[str, Any]:
    return chat.response_attributes(body) | chat.content_attributes({}, body)


@given(chunked())
def test_any_chunking_gives_the_attributes_of_the_whole(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    body, chunks = case
    assert attributes(fold(chunks)) == attributes(body)


@given(chunked())
def test_any_chunking_through_the_events_of_a_stream_too(case: tuple[dict[str, Any], list[dict[str, Any]]]) -> None:
    body, chunks = case
    events = [json.dumps(one) for one in chunks]
    assert attributes(fold(parse([*events, "[DONE]"]))) == attributes(body)


@given(st.lists(TEXT, min_size=1, max_size=3), st.data())
def test_any_chunking_of_a_legacy_completion(texts: list[str], data: st.DataObject) -> None:
    body: Any = {
        "id": "cmpl-1",
        "choices": [{"index": index, "text": text, "finish_reason": "stop"} for index, text in enumerate(texts)],
    }
    queues = [[(index, piece) for piece in data.draw(pieces(text))] for index, text in enumerate(texts)]
    chunks: list[dict[str, Any]] = []
    while any(queues):
        index, piece = data.draw(st.sampled_from([queue for queue in queues if queue])).pop(0)
        chunks.append({"id": "cmpl-1", "choices": [{"index": index, "text": piece, "finish_reason": None}]})
    chunks += [
        {"id": "cmpl-1", "choices": [{"index": index, "text": "", "finish_reason": "stop"}]}
        for index in range(len(texts))
    ]
    assert completions.fold(chunks) == body


@given(TEXT, st.data(), st.booleans())
def test_any_chunking_of_a_transcript(text: str, data: st.DataObject, is_cut: bool) -> None:
    usage = {"type": "tokens", "input_tokens": 3, "output_tokens": 2, "total_tokens": 5}
    events: list[dict[str, Any]] = [
        {"type": "transcript.text.delta", "delta": piece} for piece in data.draw(pieces(text))
    ]
    whole: dict[str, Any] = {"text": text} | ({} if is_cut else {"usage": usage})
    done = {"type": "transcript.text.done", **whole}
    given = attributes_of_media(media.fold(events if is_cut else [*events, done]))
    assert given == attributes_of_media(whole if events or not is_cut else {})


def attributes_of_media(body: dict[str, Any]) -> dict[str, Any]:
    return dict(media.TRANSCRIPTIONS.response(body)) | media.content_attributes({}, body)


PROBABILITIES = st.lists(st.fixed_dictionaries({"token": TEXT, "logprob": st.floats(-20, 0)}), max_size=3)


@given(st.lists(PROBABILITIES, min_size=1))
def test_log_probabilities_gather(said: list[list[dict[str, Any]]]) -> None:
    chunks: list[dict[str, Any]] = [
        {"choices": [{"index": 0, "delta": {}, "logprobs": {"content": some, "refusal": None}}]} for some in said
    ]
    (choice,) = fold(chunks)["choices"]
    assert choice["logprobs"] == {"content": [one for some in said for one in some]}
