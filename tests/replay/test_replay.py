"""Matching, misses and modes: which recording answers a call, and what happens to one that has none."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import openai
import pytest

import nbtrace
from nbtrace import ReplayMiss, semconv
from nbtrace._replays import Replay
from nbtrace.errors import UsageError
from tests.capture.conftest import OPTIONS
from tests.capture.loopback import HELLO, Loopback, Reply, chunk, completion
from tests.capture.reading import spans

if TYPE_CHECKING:
    from pathlib import Path

    from nbtrace import Session
    from tests.capture.loopback import Received

SECRET = "sk-proj-abcdefghijklmnopqrstuvwxyz0123456789ABCD"


def echo(received: Received) -> Reply:
    """Answer with what was said, and how often it was."""
    echo.times += 1  # pyright: ignore[reportFunctionMemberAccess]
    said = json.loads(received.body)["messages"][-1]["content"]
    return Reply(completion(f"{said}, for the {echo.times}. time"))  # pyright: ignore[reportFunctionMemberAccess]


@pytest.fixture
def server() -> Iterator[Loopback]:
    echo.times = 0  # pyright: ignore[reportFunctionMemberAccess]
    with Loopback(echo) as running:
        yield running


@pytest.fixture
def client(server: Loopback) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=server.url, **OPTIONS) as made:
        yield made


def say(client: openai.OpenAI, text: str, **options: Any) -> str:
    asked: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": text}], **options}
    return client.chat.completions.create(**asked).choices[0].message.content


def test_equal_calls_get_their_recordings_in_order(
    session: Session, client: openai.OpenAI, server: Loopback, caplog: pytest.LogCaptureFixture
) -> None:
    recorded = [say(client, "Hi"), say(client, "Ho"), say(client, "Hi")]
    with Replay(session, session, "replay", "none") as replay:
        assert [say(client, one) for one in ("Hi", "Ho", "Hi")] == recorded
        assert not caplog.messages
        assert [say(client, "Hi"), say(client, "Hi")] == [recorded[2]] * 2
    words = "the recording: a call is asked 3 times and was recorded 2 times; the last answer is given again"
    assert caplog.messages == [words]
    assert (replay.answered, len(server.received)) == (5, 3)


def test_what_does_not_shape_the_answer_is_not_asked_of_the_recording(session: Session, client: openai.OpenAI) -> None:
    recorded = say(client, "Hi", user="ada", timeout=10)
    with Replay(session, session, "replay", "none"):
        assert say(client, "Hi", user="eve", extra_headers={"x-trace": "1"}) == recorded


@pytest.mark.parametrize(
    "options",
    [
        {"logprobs": True},
        {"response_format": {"type": "json_object"}},
        {"extra_body": {"top_k": 40}},
        {"extra_body": {"deep": json.loads("[" * 300 + "]" * 300)}},
        {"max_tokens": 9},
    ],
)
def test_what_shapes_the_answer_is_asked_of_the_recording(
    session: Session, client: openai.OpenAI, options: Any
) -> None:
    recorded = say(client, "Hi", **options)
    with Replay(session, session, "replay", "none"):
        assert say(client, "Hi", **options) == recorded
        with pytest.raises(ReplayMiss, match=next(iter(options.get("extra_body", options)))):
            say(client, "Hi")


def test_a_miss_says_how_the_nearest_recording_differs(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    say(client, "Tell me about lions in one sentence", temperature=0.2)
    say(client, "Unrelated", temperature=0.2, model="other")
    with Replay(session, session, "replay", "none") as replay, pytest.raises(ReplayMiss) as missed:
        say(client, "Tell me about tigers in one sentence", temperature=0.7)
    assert "no recording answers this call (chat gpt-4o-mini); the recording has 2" in str(missed.value)
    assert "messages: user: Tell me about [-lions-]{+tigers+} in one sentence" in str(missed.value)
    assert "temperature: recorded 0.2, asked 0.7" in str(missed.value)
    assert (replay.missed, len(server.received)) == (1, 2)
    last = spans(session)[-1]
    assert (last["status"], last["attributes"][semconv.ERROR_TYPE]) == ("error", "nbtrace.ReplayMiss")


async def test_a_coroutine_misses_too(session: Session, server: Loopback) -> None:
    async with openai.AsyncOpenAI(base_url=server.url, **OPTIONS) as client:
        with Replay(session, session, "replay", "none"), pytest.raises(ReplayMiss, match="the recording has no calls"):
            await client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}])
    assert server.received == []


def test_requests_that_are_no_calls_pass(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply({"object": "list", "data": []})
    with Replay(session, session, "replay", "none"):
        assert client.models.list().data == []
    assert len(server.received) == 1


def test_afterwards_calls_are_made_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    say(client, "Hi")
    with Replay(session, session, "replay", "none"):
        say(client, "Hi")
    assert say(client, "Hi") == "Hi, for the 2. time"


def test_a_replayed_call_is_counted_apart(session: Session, client: openai.OpenAI) -> None:
    from nbtrace._query.totals import summarize
    from nbtrace._query.tree import tree
    from nbtrace._widgets.static import table_html
    from nbtrace._widgets.summary import summary_text

    session.prices["gpt-4o-mini"] = {"input_mtok": 1000.0, "output_mtok": 1000.0}
    session.budget("1.00")
    say(client, "Hi")
    with Replay(session, session, "replay", "none"):
        say(client, "Hi")
    found = summarize(session.snapshot())
    assert (found.calls, found.priced, found.unpriced, found.replayed) == (2, 1, 0, 1)
    assert found.cost_usd == pytest.approx(0.012)
    assert session.spending.total().calls == 1
    assert "$0.012 · 1 replayed" in summary_text(found)
    drawn = re.sub("<[^>]*>", " ", table_html(tree(session.snapshot())))
    assert re.findall(r"0\.012|replayed", drawn) == ["0.012", "replayed"]
    (counted,) = session.metrics().to_pandas().to_dict("records")
    assert (counted["calls"], counted["priced"], counted["unpriced"]) == (2, 1, 0)
    assert repr(session.cost(session.spans()[-1])) == (
        "replayed · gpt-4o-mini-2024-07-18 · answered from a recording: nobody is charged"
    )


def test_a_spent_budget_lets_a_replay_go(session: Session, client: openai.OpenAI) -> None:
    say(client, "Hi")
    session.budget("1 tokens")
    with pytest.raises(nbtrace.BudgetError):
        say(client, "Hi")
    with Replay(session, session, "replay", "none"):
        assert say(client, "Hi") == "Hi, for the 1. time"


def test_a_file_of_another_session_replays(tmp_path: Path, server: Loopback) -> None:
    path = tmp_path / "session.parquet"
    with openai.OpenAI(base_url=server.url, **OPTIONS) as client:
        with nbtrace.Session() as session:
            recorded = say(client, "Hi")
            session.export(path)
        with nbtrace.Session() as session, Replay(session, path, "replay", "none") as replay:
            assert say(client, "Hi") == recorded
            assert repr(replay) == (
                "<nbtrace replay, on: session.parquet has 1 call to answer from; 1 answered, 0 made, 0 missed>"
            )
    assert len(server.received) == 1


def test_what_is_missing_is_made_and_added(tmp_path: Path, session: Session, client: openai.OpenAI) -> None:
    path = tmp_path / "session.jsonl"
    with Replay(session, path, "record-missing", "none") as replay:
        first = say(client, "Hi")
    assert (replay.answered, replay.made) == (0, 1)
    with Replay(session, path, "record-missing", "none") as replay:
        assert (say(client, "Hi"), say(client, "Ho")) == (first, "Ho, for the 2. time")
    assert (replay.answered, replay.made) == (1, 1)
    with Replay(session, path, "replay", "none") as replay:
        assert (say(client, "Ho"), say(client, "Hi")) == ("Ho, for the 2. time", first)
    assert len(nbtrace.open(path)) == 2


def test_a_refresh_makes_every_call_and_keeps_only_these(
    tmp_path: Path, session: Session, client: openai.OpenAI
) -> None:
    path = tmp_path / "session.parquet"
    with Replay(session, path, "record-missing", "none"):
        say(client, "Hi")
        say(client, "Ho")
    with pytest.raises(ZeroDivisionError), Replay(session, path, "refresh", "none"):
        say(client, "Hi")
        _ = 1 / 0
    assert len(nbtrace.open(path)) == 2
    with Replay(session, path, "refresh", "none"):
        assert say(client, "Hi") == "Hi, for the 4. time"
    with Replay(session, path, "replay", "none"):
        assert say(client, "Hi") == "Hi, for the 4. time"
        with pytest.raises(ReplayMiss):
            say(client, "Ho")


def test_secrets_are_not_on_the_cassette_and_match_even_so(
    tmp_path: Path, session: Session, client: openai.OpenAI, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "session.parquet"
    with Replay(session, path, "record-missing", "none"):
        say(client, f"My key is {SECRET}")
    assert SECRET.encode() not in path.read_bytes()
    assert SECRET not in json.dumps(nbtrace.open(path).spans().table.to_pylist(), default=str)
    with Replay(session, path, "replay", "none") as replay:
        found = say(client, f"My key is {SECRET}")
    assert found.startswith("My key is [redacted: ")
    assert "with 2 secrets masked in them (" in repr(replay)
    assert caplog.messages == [repr(replay).removeprefix("<nbtrace replay, over: ").rpartition("; ")[0]]


def test_a_mask_stands_for_any_text(client: openai.OpenAI) -> None:
    with nbtrace.Session() as recorded:
        recorded.redact(r"ACME-\d+", name="badge")
        say(client, "I am ACME-1234")
    with nbtrace.Session() as session, Replay(session, recorded, "replay", "none"):
        assert say(client, "I am ACME-99") == "I am [redacted: badge], for the 1. time"
        with pytest.raises(ReplayMiss):
            say(client, "I was ACME-99")


def test_a_mask_stands_for_nothing_beyond_its_text(session: Session, client: openai.OpenAI) -> None:
    first = {"role": "user", "content": f"key {SECRET}"}
    say(client, f"key {SECRET}")
    with Replay(session, session, "replay", "none"), pytest.raises(ReplayMiss):
        longer: Any = [first, {"role": "assistant", "content": "fine"}, {"role": "user", "content": "more"}]
        client.chat.completions.create(model="gpt-4o-mini", messages=longer)


def test_a_cassette_keeps_what_it_has_whatever_the_session_keeps(
    tmp_path: Path, session: Session, client: openai.OpenAI
) -> None:
    path = tmp_path / "calls.parquet"
    recorded = say(client, "Hi")
    (span,) = session.spans()
    session.export(path)
    session.policy.content = "metadata"
    with Replay(session, path, "record-missing", "none") as replay:
        assert say(client, "Hi") == recorded
        say(client, "Ho")
    assert (replay.answered, replay.made) == (1, 1)
    kept = nbtrace.open(path).spans()
    assert len(kept) == 2
    assert kept[0].output_messages == span.output_messages


def test_a_paused_session_replays_nothing_and_says_so(session: Session) -> None:
    session.enabled = False
    with pytest.raises(UsageError, match="recording is paused"):
        Replay(session, session, "replay", "none").start()


def test_content_that_was_not_kept_is_a_miss_that_says_so(session: Session, client: openai.OpenAI) -> None:
    session.policy.content = "hashed"
    say(client, "Hi")
    with Replay(session, session, "replay", "none"), pytest.raises(ReplayMiss, match="no recording answers"):
        say(client, "Hi")


def test_an_answer_that_was_cut_is_a_miss_that_says_so(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    session.policy.max_content_bytes = 1024
    server.reply = Reply(completion("long " * 1000))
    say(client, "Hi")
    with Replay(session, session, "replay", "none"), pytest.raises(ReplayMiss, match="longer than max_content_bytes"):
        say(client, "Hi")


def test_what_is_no_longer_kept_is_a_miss_that_says_so(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    session.policy.max_blob_bytes = 0
    server.reply = Reply({"object": "list", "model": "embed", "data": [{"index": 0, "embedding": [0.1] * 256}]})
    client.embeddings.create(model="embed", input="a")
    server.reply = Reply(b"ID3" * 1000, headers={"content-type": "audio/mpeg"})
    client.audio.speech.create(model="tts", voice="alloy", input="a")
    with Replay(session, session, "replay", "none"):
        with pytest.raises(ReplayMiss, match="a vector is not kept"):
            client.embeddings.create(model="embed", input="a")
        with pytest.raises(ReplayMiss, match="the audio is not kept"):
            client.audio.speech.create(model="tts", voice="alloy", input="a")


def test_older_recordings_are_cut_evenly(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    """Before it was recorded where a stream was cut, its number of chunks was."""
    server.reply = Reply(chunks=HELLO)
    asked: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    recorded = [one.model_dump() for one in client.chat.completions.create(**asked)]
    kept = session.spans().table.to_pylist()
    new = {semconv.STREAM_CUTS, semconv.STREAM_ARRIVALS}
    kept[0]["attributes"] = [one for one in kept[0]["attributes"] if one["key"] not in new]
    import pyarrow as pa

    old = pa.Table.from_pylist(kept, schema=session.spans().table.schema)
    with Replay(session, old, "replay", "none"):
        found = [one.model_dump() for one in client.chat.completions.create(**asked)]
    texts = [[choice["delta"]["content"] for choice in one["choices"]] for one in found]
    assert texts == [[""], ["Hel"], ["lo!"], [None], []]
    assert len(found) == len(recorded)


def test_only_one_replay_at_a_time(session: Session) -> None:
    with Replay(session, session, "replay", "none") as replay:
        assert replay.start() is replay
        with pytest.raises(UsageError, match="another replay is on"):
            Replay(session, session, "replay", "none").start()
    replay.stop()


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "again"}, "unknown mode of a replay 'again'"),
        ({"timing": "slow"}, "unknown timing of a replay 'slow'"),
        ({"mode": "refresh"}, "expected the path of a file to write, ending in .parquet or .jsonl"),
    ],
)
def test_what_cannot_be_is_refused(session: Session, options: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        nbtrace.replay(session, **options)


def test_where_a_stream_was_cut_is_no_card(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    """Lengths of 4, 1, 1, ... are the digits of a card that all rules know."""
    session.redact("card")
    server.reply = Reply(chunks=[chunk({"content": "abcd"}), *[chunk({"content": "e"})] * 15, *HELLO[-1:]])
    asked: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}], "stream": True}
    recorded = [one.model_dump() for one in client.chat.completions.create(**asked)]
    assert len(session.audit()) == 0
    with Replay(session, session, "replay", "none"):
        found = [one.model_dump() for one in client.chat.completions.create(**asked)]
    texts = [[[choice["delta"]["content"] for choice in one["choices"]] for one in each] for each in (recorded, found)]
    assert texts[0] == texts[1]
