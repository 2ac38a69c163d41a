"""Errors, retries and streams that did not end well come again as they were."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import openai
import pytest

from nbtrace import ReplayMiss, semconv
from nbtrace._replays import Replay
from tests.capture.conftest import HTTP, OPTIONS
from tests.capture.loopback import HELLO, Loopback, Reply, completion
from tests.capture.reading import spans
from tests.capture.responses import events, response
from tests.replay.asking import plain

if TYPE_CHECKING:
    from nbtrace import Session
    from tests.capture.loopback import JSON, Received

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Hi"}]}
ERROR: JSON = {"message": "No.", "type": "invalid_request_error", "code": "too_long", "param": "messages"}
TIMES = (semconv.ATTEMPT_WAIT, semconv.ATTEMPTS_WAIT, semconv.ATTEMPTS_RATE_LIMITED)
NEW = (semconv.REPLAYED_FROM, semconv.COST_STATE, semconv.COST_REASON)


def script(*replies: Reply) -> Callable[[Received], Reply]:
    """Answer one request after the other."""
    left: Iterator[Reply] = iter(replies)
    return lambda _: next(left)


def raised(client: openai.OpenAI, **options: Any) -> openai.APIError:
    with pytest.raises(openai.APIError) as found:
        client.chat.completions.create(**ASK, **options)
    return found.value


def facts(error: openai.APIError) -> dict[str, Any]:
    status = getattr(error, "status_code", None)
    cause = error.__cause__ and (type(error.__cause__), str(error.__cause__))
    told = {name: getattr(error, name) for name in ("message", "body", "code", "type", "param")}
    return {**told, "kind": type(error), "status": status, "cause": cause if status is None else None}


def told(session: Session, first: int, count: int) -> list[Any]:
    """Give what some spans say, but for times and that they are replayed."""
    found = spans(session)[first : first + count]
    drop = {*TIMES, *NEW, semconv.STREAM_GAP_MAX, semconv.STREAM_GAP_P50, semconv.STREAM_GAP_P95}
    drop |= {semconv.RESPONSE_TIME_TO_FIRST_CHUNK, semconv.STREAM_OUTPUT_RATE, semconv.STREAM_ARRIVALS}
    drop |= {semconv.HTTP_RESPONSE_HEADER + "retry-after-ms"}
    return [
        (one["name"], one["status"], {key: value for key, value in one["attributes"].items() if key not in drop})
        for one in found
    ]


@pytest.mark.parametrize("status", [400, 401, 404, 409, 422, 429, 500, 503])
def test_an_error_is_raised_again(status: int, session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply({"error": ERROR}, status=status, headers={"x-request-id": "req_1"})
    expected = raised(client)
    with Replay(session, session, "replay", "none"):
        found = raised(client.with_options(max_retries=2))
    assert facts(found) == facts(expected)
    assert isinstance(found, openai.APIStatusError)
    assert found.request_id == "req_1"
    assert len(server.received) == 1
    assert told(session, 1, 1) == told(session, 0, 1)


def test_an_error_page_is_raised_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply(b"<html>Bad gateway</html>", status=502, headers={"content-type": "text/html"})
    expected = raised(client)
    with Replay(session, session, "replay", "none"):
        assert facts(raised(client)) == facts(expected)


def test_a_refused_connection_is_raised_again(session: Session, free_port: int) -> None:
    with openai.OpenAI(base_url=f"http://127.0.0.1:{free_port}/v1", **OPTIONS) as client:
        expected = raised(client)
        with Replay(session, session, "replay", "none"):
            found = raised(client)
    assert facts(found) == facts(expected)
    assert type(found) is openai.APIConnectionError


def test_a_timeout_is_raised_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply(chunks=[], then="hold")
    with pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**ASK, timeout=0.05)
    with Replay(session, session, "replay", "none"), pytest.raises(openai.APITimeoutError):
        client.chat.completions.create(**ASK)


def test_a_retried_call_is_retried_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    soon = {"retry-after-ms": "1"}
    failures = [Reply({"error": ERROR}, status=429, headers=soon), Reply({"error": ERROR}, status=500, headers=soon)]
    server.reply = script(*failures, Reply(completion()))
    patient = client.with_options(max_retries=2)
    recorded = patient.chat.completions.create(**ASK)
    with Replay(session, session, "replay", "none"):
        assert patient.chat.completions.create(**ASK).model_dump(exclude={"created"}) == (
            recorded.model_dump(exclude={"created"})
        )
    assert [one["name"] for one in spans(session)] == ["attempt 1", "attempt 2", "attempt 3", "chat gpt-4o-mini"] * 2
    assert told(session, 4, 4) == told(session, 0, 4)


def test_a_stream_that_is_left_is_given_so_far(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply(chunks=HELLO)
    with client.chat.completions.create(**ASK, stream=True) as stream:
        recorded = [next(stream).model_dump(exclude={"created"}) for _ in range(2)]
    with Replay(session, session, "replay", "none"):
        with client.chat.completions.create(**ASK, stream=True) as stream:
            assert [next(stream).model_dump(exclude={"created"}) for _ in range(2)] == recorded
        assert told(session, 1, 1) == told(session, 0, 1)
        with pytest.raises(ReplayMiss, match="ends here, after 2 chunks: it was closed when it was recorded"):
            list(client.chat.completions.create(**ASK, stream=True))


def test_an_error_in_a_stream_is_raised_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply(chunks=[*HELLO[:3], {"error": ERROR}])

    def read() -> tuple[list[Any], dict[str, Any]]:
        seen: list[Any] = []
        with pytest.raises(openai.APIError) as found:
            seen += (one.model_dump(exclude={"created"}) for one in client.chat.completions.create(**ASK, stream=True))
        return seen, facts(found.value)

    recorded = read()
    with Replay(session, session, "replay", "none"):
        assert read() == recorded
    assert told(session, 1, 1) == told(session, 0, 1)


def test_a_connection_that_breaks_in_a_stream_breaks_again(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    server.reply = Reply(chunks=HELLO[:3], then="cut")

    def read() -> tuple[int, type, str]:
        seen = 0
        with pytest.raises((openai.APIConnectionError, HTTP.RemoteProtocolError)) as found:
            for _ in client.chat.completions.create(**ASK, stream=True):
                seen += 1
        return seen, found.type, str(found.value)

    recorded = read()
    with Replay(session, session, "replay", "none"):
        assert read() == recorded
    assert told(session, 1, 1) == told(session, 0, 1)


def test_an_error_that_came_as_an_answer_comes_again(session: Session, client: openai.OpenAI, server: Loopback) -> None:
    server.reply = Reply({"error": ERROR})
    recorded = client.chat.completions.create(**ASK)
    with Replay(session, session, "replay", "none"):
        assert client.chat.completions.create(**ASK).model_dump() == recorded.model_dump()
    assert told(session, 1, 1) == told(session, 0, 1)


@pytest.mark.parametrize("status", ["failed", "incomplete", "queued"])
def test_a_response_that_did_not_complete_comes_again(
    status: str, session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    failed = {"error": {"code": "server_error", "message": "Gone."}, "output": []} if status == "failed" else {}
    cut = {"incomplete_details": {"reason": "max_output_tokens"}} if status == "incomplete" else {}
    queued = {"output": [], "usage": None} if status == "queued" else {}
    whole = {**response(status=status), **failed, **cut, **queued}
    ask: Any = {"model": "m", "input": "Hi"}

    def read() -> list[Any]:
        server.reply = Reply(whole)
        found = [client.responses.create(**ask)]
        server.reply = Reply(chunks=events(whole), then="end")
        last = list(client.responses.create(**ask, stream=True))[-1]
        return [plain(one) for one in (*found, last)]

    recorded = read()
    with Replay(session, session, "replay", "none"):
        assert read() == recorded
    assert told(session, 2, 2) == told(session, 0, 2)


def test_usage_that_nbtrace_had_asked_for_stays_out_of_sight(
    session: Session, client: openai.OpenAI, server: Loopback
) -> None:
    session.request_stream_usage = True
    server.reply = Reply(
        chunks=[{**one, "usage": one.get("usage")} for one in HELLO[:4]] + [{**HELLO[4], "choices": []}]
    )

    def read() -> list[Any]:
        return [one.model_dump(exclude={"created"}) for one in client.chat.completions.create(**ASK, stream=True)]

    recorded = read()
    with Replay(session, session, "replay", "none"):
        assert read() == recorded
        assert told(session, 1, 1) == told(session, 0, 1)
        session.request_stream_usage = False
        assert [one["usage"] for one in read()] == [None] * len(recorded)


def test_original_timing_waits_as_long_as_it_took(
    session: Session, client: openai.OpenAI, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply = Reply(chunks=HELLO)
    list(client.chat.completions.create(**ASK, stream=True))
    arrivals = spans(session)[0]["attributes"][semconv.STREAM_ARRIVALS]
    waited: list[float] = []
    with Replay(session, session, "replay", "original"), monkeypatch.context() as patch:
        patch.setattr(time, "sleep", waited.append)
        list(client.chat.completions.create(**ASK, stream=True))
    assert waited == [int(each) / 1e6 for each in arrivals.split(",")]
    assert len(waited) == len(HELLO)


@pytest.mark.parametrize("is_stream", [False, True])
def test_original_timing_of_a_retried_call_takes_its_waits_once(
    is_stream: bool, session: Session, client: openai.OpenAI, server: Loopback, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = Reply(chunks=HELLO) if is_stream else Reply(completion())
    server.reply = script(Reply({"error": ERROR}, status=429, headers={"retry-after-ms": "1"}), answer)
    patient = client.with_options(max_retries=1)

    def ask() -> None:
        found: Any = patient.chat.completions.create(**ASK, stream=is_stream)
        list(found)

    ask()
    (call,), (last,) = session.spans(kind="llm"), session.spans(name="attempt 2")
    before = (last.start_time_unix_nano - call.start_time_unix_nano) / 1e9
    waited: list[float] = []
    with Replay(session, session, "replay", "original"), monkeypatch.context() as patch:
        patch.setattr(time, "sleep", waited.append)
        ask()
    gaps = call.attributes[semconv.STREAM_ARRIVALS].split(",") if is_stream else [call.duration_ns / 1000]
    took = [float(each) / 1e6 for each in gaps]
    assert waited[-len(took) :] == pytest.approx([took[0] - before, *took[1:]])
