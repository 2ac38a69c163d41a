"""Log-probabilities: the same of every wire format, without a secret that is split over tokens."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import semconv
from tests.capture.loopback import JSON, Loopback, Reply, chunk, completion
from tests.capture.reading import only

if TYPE_CHECKING:
    import openai

    from nbtrace import Session

ASK: Any = {"model": "m", "messages": [{"role": "user", "content": "Say hello."}], "logprobs": True}
SECRET = ("s", "k-pr", "oj-", "0123456789", "abcdef", "0123456789")


def token(text: str, logprob: float = -0.5, *others: str) -> JSON:
    """Make a token as the API tells it."""
    alternatives = [{"token": other, "logprob": -2.0, "bytes": list(other.encode())} for other in others]
    return {"token": text, "logprob": logprob, "bytes": list(text.encode()), "top_logprobs": alternatives}


HALF = {"token": "", "logprob": -1.0, "bytes": [240, 159], "top_logprobs": []}
TOLD = [token("Hel", -0.25, "Hi"), token("lo"), HALF]
KEPT = [
    {"token": "Hel", "logprob": -0.25, "top_logprobs": [{"token": "Hi", "logprob": -2.0}]},
    {"token": "lo", "logprob": -0.5},
    {"token": "", "logprob": -1.0, "bytes": [240, 159]},
]


def told(session: Session) -> Any:
    return json.loads(only(session)[semconv.LOGPROBS])


def whole(*answers: JSON | None) -> JSON:
    """Make a chat completion with these log-probabilities, one an answer."""
    message = {"role": "assistant", "content": "Hello"}
    choices = [
        {"index": index, "message": message, "finish_reason": "stop", "logprobs": one}
        for index, one in enumerate(answers)
    ]
    return completion(choices=choices)


def streamed(*answers: JSON) -> list[JSON]:
    """Cut the same into chunks of one token, the answers in turn."""
    chunks: list[JSON] = []
    for index, answer in enumerate(answers):
        for one in answer["content"]:
            piece = chunk({"content": one["token"]})
            piece["choices"][0] |= {"index": index, "logprobs": {"content": [one], "refusal": None}}
            chunks.append(piece)
    return [*chunks, chunk({}, finish_reason="stop")]


def test_of_a_chat(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    answers = {"content": TOLD, "refusal": None}, {"content": None, "refusal": [token("No")]}, None
    server.reply = Reply(whole(*answers))
    client.chat.completions.create(**ASK, n=3)
    assert told(session) == [{"content": KEPT}, {"refusal": [{"token": "No", "logprob": -0.5}]}, {}]


def test_of_a_streamed_chat(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(chunks=streamed({"content": TOLD}, {"content": [token("Hey")]}))
    list(client.chat.completions.create(**ASK, stream=True, n=2))
    assert told(session) == [{"content": KEPT}, {"content": [{"token": "Hey", "logprob": -0.5}]}]


def test_nothing_is_made_up(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply(whole({"content": [], "refusal": None}, None))
    client.chat.completions.create(**ASK)
    assert semconv.LOGPROBS not in only(session)


def test_of_a_legacy_completion(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    lists = {"tokens": ["Hel", "lo"], "token_logprobs": [None, -0.5], "top_logprobs": [None, {"lp": -2.0}]}
    body = {"id": "cmpl-1", "object": "text_completion", "created": 1, "model": "m"}
    choice = {"index": 0, "text": "Hello", "finish_reason": "stop", "logprobs": {**lists, "text_offset": [0, 3]}}
    server.reply = Reply({**body, "choices": [choice]})
    client.completions.create(model="m", prompt="Hi", logprobs=1)
    lo = {"token": "lo", "logprob": -0.5, "top_logprobs": [{"token": "lp", "logprob": -2.0}]}
    assert told(session) == [{"content": [{"token": "Hel", "logprob": None}, lo]}]


RESPONSE: JSON = {"id": "r", "object": "response", "created_at": 1, "model": "m", "tools": [], "tool_choice": "auto"}


def text(*tokens: JSON) -> JSON:
    """Make an item with a text of these tokens."""
    part = {"type": "output_text", "text": "Hello", "annotations": [], "logprobs": list(tokens)}
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [part]}


@pytest.mark.parametrize("way", ["whole", "streamed", "left", "left when the text was whole"])
def test_of_a_response(way: str, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    answer = {**RESPONSE, "status": "completed", "output": [text(*TOLD)], "parallel_tool_calls": True}
    at: JSON = {"item_id": "msg_1", "output_index": 0, "content_index": 0}
    events: list[JSON] = [{"type": "response.created", "response": {**answer, "status": "in_progress", "output": []}}]
    events.append({"type": "response.output_item.added", "output_index": 0, "item": {**text(), "content": []}})
    events += [
        {"type": "response.output_text.delta", **at, "delta": one["token"], "logprobs": [one], "sequence_number": 1}
        for one in TOLD
    ]
    ends: dict[str, list[JSON]] = {
        "streamed": [{"type": "response.completed", "response": answer}],
        "left when the text was whole": [
            {"type": "response.output_text.done", **at, "text": "Hello", "logprobs": TOLD, "sequence_number": 2}
        ],
    }
    if way == "whole":
        server.reply = Reply(answer)
        client.responses.create(model="m", input="Hi", include=["message.output_text.logprobs"])
    else:
        server.reply = Reply(chunks=[*events, *ends.get(way, [])])
        list(client.responses.create(model="m", input="Hi", stream=True))
    assert told(session) == [{"content": KEPT}]


def test_of_a_real_model(session: Session, model: str) -> None:
    import openai

    ask: Any = {**ASK, "model": model, "top_logprobs": 2, "max_tokens": 3, "temperature": 0}
    with openai.OpenAI() as client:
        answer = client.chat.completions.create(**ask).choices[0]
        ((first,), _) = told(session), session.store.clear()
        list(client.chat.completions.create(**ask, stream=True))
    assert answer.logprobs is not None
    assert [one["token"] for one in first["content"]] == [one.token for one in answer.logprobs.content or ()]
    assert [one["token"] for one in told(session)[0]["content"]] == [one["token"] for one in first["content"]]


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_secret_split_over_tokens_is_masked(
    is_streamed: bool,
    server: Loopback,
    client: openai.OpenAI,
    session: Session,
) -> None:
    answer = {"content": [token("Use "), *(token(piece, -0.5, piece) for piece in SECRET), token(" now", -0.5, ".")]}
    server.reply = Reply(chunks=streamed(answer)) if is_streamed else Reply(whole(answer))
    more: Any = {"stream": True} if is_streamed else {}
    list(client.chat.completions.create(**ASK, **more))
    hidden = [{"token": "", "logprob": -0.5}] * (len(SECRET) - 1)
    now = {"token": " now", "logprob": -0.5, "top_logprobs": [{"token": ".", "logprob": -2.0}]}
    assert told(session) == [
        {
            "content": [
                {"token": "Use ", "logprob": -0.5},
                {"token": "[redacted: openai-key]", "logprob": -0.5},
                *hidden,
                now,
            ]
        }
    ]


def test_what_a_function_rewrites_is_kept_as_it_gives_it(
    server: Loopback, client: openai.OpenAI, session: Session
) -> None:
    """Nobody knows which token became what."""
    session.redact(lambda text: text.replace("Hello", "***"), name="greeting")
    server.reply = Reply(whole({"content": TOLD}))
    client.chat.completions.create(**ASK)
    assert told(session)[0]["content"][:2] == [{"token": "***", "logprob": -0.25}, {"token": "", "logprob": -0.5}]


def test_a_rule_that_fails_masks_all(server: Loopback, client: openai.OpenAI, session: Session, swallow: Any) -> None:
    class Broken:
        def __init__(self) -> None:
            self.supported_languages = ["en"]

        def analyze(self, *, text: str, language: str) -> Any:
            raise ValueError(text, language)

    session.redact(Broken(), name="mine")
    server.reply = Reply(whole({"content": TOLD}))
    client.chat.completions.create(**ASK)
    first, second = told(session)[0]["content"][:2]
    assert (first["token"], second["token"]) == ("[redacted: mine failed]", "")
    assert set(swallow()) == {"redact: ValueError"}


@pytest.mark.parametrize("mode", ["metadata", "hashed"])
def test_without_content_there_is_none(mode: Any, server: Loopback, client: openai.OpenAI, session: Session) -> None:
    session.policy.content = mode
    server.reply = Reply(whole({"content": TOLD}))
    client.chat.completions.create(**ASK)
    assert semconv.LOGPROBS not in only(session)


def test_many_are_cut_in_the_middle(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    session.policy.max_content_bytes = 1024
    server.reply = Reply(whole({"content": [token(str(place)) for place in range(200)]}))
    client.chat.completions.create(**ASK)
    recorded = only(session)
    kept = told(session)[0]["content"]
    (mark,) = [place for place, one in enumerate(kept) if "token" not in one]
    left_out = 201 - len(kept)
    assert kept[mark] == {"type": "text", "content": f"… [cut: {left_out} more] …"}
    assert [one["token"] for one in kept[:mark]] == [str(place) for place in range(mark)]
    assert kept[-1]["token"] == "199"
    size = len(json.dumps([{"content": [{"token": str(place), "logprob": -0.5} for place in range(200)]}])) - 800
    assert recorded[semconv.CUT] == [f"nbtrace.logprobs: cut from {size:,} bytes, over the limit of 1,024"]
