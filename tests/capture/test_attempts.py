"""Each attempt of a retried call can be seen."""

from __future__ import annotations

import asyncio
import gc
import itertools
import time
import weakref
from typing import Any

import anyio
import openai
import pytest
from inline_snapshot import snapshot

from nbtrace import Session, semconv
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, Loopback, Reply, completion
from tests.capture.reading import spans
from tests.trace.conftest import exporting, users

ASK: Any = {"model": "m", "messages": [{"role": "user", "content": "Hi"}]}
LIMITED = Reply(
    {"error": {"message": "slow down", "type": "tokens"}},
    status=429,
    headers={
        "retry-after-ms": "20", "x-request-id": "r1", "x-ratelimit-remaining-tokens": "0", "set-cookie": "secret=1",
    },
)  # fmt: skip


def told(session: Session) -> list[dict[str, Any]]:
    """Give each span's name, parent's name, status and the attributes that attempts have."""
    found = spans(session)
    names = {span["id"]: span["name"] for span in found}
    return [
        {
            "name": span["name"], "parent": names.get(span["parent"]), "status": span["status"],
            **{
                key: bool(value) if key in (semconv.ATTEMPTS_WAIT, semconv.ATTEMPT_WAIT, semconv.ATTEMPTS_RATE_LIMITED)
                else value
                for key, value in span["attributes"].items()
                if key.startswith(("http.", "nbtrace.attempt", "nbtrace.error", "nbtrace.span", "error."))
            },
        }
        for span in found
    ]  # fmt: skip


def test_every_attempt_is_a_span_below_the_call(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    answers = iter(
        [
            LIMITED,
            Reply(status=500, headers={"retry-after-ms": "1"}),
            Reply(completion(), headers={"x-request-id": "r3", "openai-processing-ms": "7"}),
        ]
    )
    server.reply = lambda _: next(answers)
    client.with_options(max_retries=3).chat.completions.create(**ASK)
    assert len(server.received) == 3
    assert told(session) == snapshot(
        [
            {
                "name": "attempt 1",
                "parent": "chat m",
                "status": "error",
                "nbtrace.span.type": "attempt",
                "error.type": "429",
                "http.response.status_code": 429,
                "nbtrace.error.body": '{"error": {"message": "slow down", "type": "tokens"}}',
                "nbtrace.error.type": "tokens",
                "nbtrace.attempt.wait": True,
                "http.response.header.retry-after-ms": "20",
                "http.response.header.x-request-id": "r1",
                "http.response.header.x-ratelimit-remaining-tokens": "0",
            },
            {
                "name": "attempt 2",
                "parent": "chat m",
                "status": "error",
                "nbtrace.span.type": "attempt",
                "error.type": "500",
                "http.request.resend_count": 1,
                "http.response.status_code": 500,
                "nbtrace.attempt.wait": True,
                "http.response.header.retry-after-ms": "1",
            },
            {
                "name": "attempt 3",
                "parent": "chat m",
                "status": "unset",
                "nbtrace.span.type": "attempt",
                "http.request.resend_count": 2,
                "http.response.status_code": 200,
                "http.response.header.x-request-id": "r3",
                "http.response.header.openai-processing-ms": "7",
            },
            {
                "name": "chat m",
                "parent": None,
                "status": "unset",
                "nbtrace.attempts": 3,
                "nbtrace.attempts.wait": True,
                "nbtrace.attempts.rate_limited": True,
                "http.response.header.x-request-id": "r3",
                "http.response.header.openai-processing-ms": "7",
            },
        ]
    )


def test_what_the_server_said_of_an_attempt_is_its_message_and_stays_here(
    server: Loopback, client: openai.OpenAI
) -> None:
    answers = iter([LIMITED, Reply(completion())])
    server.reply = lambda _: next(answers)
    provider, memory = exporting()
    with users(provider), Session() as session:
        client.with_options(max_retries=1).chat.completions.create(**ASK)
        assert [span["message"] for span in spans(session)] == ["slow down", None, None]
    exported = memory.get_finished_spans()
    assert [span.name for span in exported] == ["attempt 1", "attempt 2", "chat m"]
    assert not [span.name for span in exported if "slow down" in span.to_json()]


async def test_of_async_calls_and_streams_too(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    answers = iter([LIMITED, Reply(chunks=HELLO)])
    server.reply = lambda _: next(answers)
    stream = await async_client.with_options(max_retries=1).chat.completions.create(**ASK, stream=True)
    assert len([chunk async for chunk in stream]) == 5
    first, second, call = told(session)
    assert (first["parent"], second["parent"], call["status"]) == ("chat m", "chat m", "unset")
    assert call[semconv.ATTEMPTS] == 2


def test_attempts_that_all_fail_end_with_the_error(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = LIMITED
    with pytest.raises(openai.RateLimitError):
        client.with_options(max_retries=1).chat.completions.create(**ASK)
    first, second, call = told(session)
    assert [one[semconv.HTTP_STATUS_CODE] for one in (first, second, call)] == [429] * 3
    assert [one["status"] for one in (first, second, call)] == ["error"] * 3
    assert call[semconv.ATTEMPTS] == 2


def test_an_attempt_that_reached_nobody_has_the_reason(session: Session) -> None:
    client = openai.OpenAI(base_url="http://127.0.0.1:9", api_key="x", max_retries=1)
    with pytest.raises(openai.APIConnectionError):
        client.chat.completions.create(**ASK)
    first, second, call = told(session)
    assert first[semconv.ERROR_TYPE].endswith(".ConnectError")
    assert semconv.HTTP_STATUS_CODE not in first
    assert second[semconv.ERROR_TYPE] == call[semconv.ERROR_TYPE] == "openai.APIConnectionError"


def test_a_wait_that_is_interrupted_is_followed_by_no_attempt(
    server: Loopback, client: openai.OpenAI, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply = LIMITED
    monkeypatch.setattr(time, "sleep", interrupted)
    with pytest.raises(KeyboardInterrupt):
        client.with_options(max_retries=1).chat.completions.create(**ASK)
    assert_waited_only(server, session)


async def test_a_wait_that_is_cancelled_is_followed_by_no_attempt(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply = LIMITED
    monkeypatch.setattr(anyio, "sleep", cancelled)
    with pytest.raises(asyncio.CancelledError):
        await async_client.with_options(max_retries=1).chat.completions.create(**ASK)
    assert_waited_only(server, session)


def interrupted(_: float) -> None:
    raise KeyboardInterrupt


async def cancelled(_: float) -> None:
    raise asyncio.CancelledError


def assert_waited_only(server: Loopback, session: Session) -> None:
    attempt, call = told(session)
    assert (len(server.received), attempt["name"], call["name"]) == (1, "attempt 1", "chat m")
    assert attempt[semconv.ATTEMPT_WAIT]
    assert call[semconv.ATTEMPTS_RATE_LIMITED]
    assert semconv.ATTEMPTS not in call


def test_attempts_fill_the_time_of_their_call(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    answers = iter([LIMITED, LIMITED, Reply(completion())])
    server.reply = lambda _: next(answers)
    client.with_options(max_retries=2).chat.completions.create(**ASK)
    rows = session.spans().table.select(["name", "start_time_unix_nano", "duration_ns"]).to_pylist()
    times = [(row["start_time_unix_nano"], row["start_time_unix_nano"] + row["duration_ns"]) for row in rows]
    *attempts, (began, ended) = times
    assert attempts[0][0] == began
    assert all(start <= end for start, end in attempts)
    assert all(earlier[1] <= later[0] for earlier, later in itertools.pairwise(attempts))
    assert attempts[-1][1] <= ended


RETRY_AFTER = Reply(LIMITED.body, status=429, headers={"retry-after": "0.05", "x-request-id": "r1"})


async def test_the_share_of_time_spent_waiting_for_rate_limits(
    server: Loopback, client: openai.OpenAI, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    busy = Reply(status=503, headers={"retry-after": "0.05"})
    answers = iter(
        [
            RETRY_AFTER, busy, Reply(completion()),
            RETRY_AFTER, Reply(chunks=HELLO),
            RETRY_AFTER, RETRY_AFTER, Reply(completion()),
            RETRY_AFTER, Reply(chunks=HELLO),
            Reply(completion()),
        ]
    )  # fmt: skip
    server.reply = lambda _: next(answers)
    patient, async_patient = client.with_options(max_retries=3), async_client.with_options(max_retries=3)
    patient.chat.completions.create(**ASK)
    list(patient.chat.completions.create(**ASK, stream=True))
    await async_patient.chat.completions.create(**ASK)
    async for _ in await async_patient.chat.completions.create(**ASK, stream=True):
        pass
    patient.chat.completions.create(**ASK)
    found = spans(session)
    calls = [span for span in found if span["name"] == "chat m"]
    waits = {
        call["id"]: [
            (one["attributes"].get(semconv.HTTP_STATUS_CODE), one["attributes"].get(semconv.ATTEMPT_WAIT, 0))
            for one in found
            if one["parent"] == call["id"]
        ]
        for call in calls
    }
    assert [[status for status, _ in each] for each in waits.values()] == [
        [429, 503, 200], [429, 200], [429, 429, 200], [429, 200], [],
    ]  # fmt: skip
    for call in calls:
        limited = sum(wait for status, wait in waits[call["id"]] if status == 429)
        assert call["attributes"].get(semconv.ATTEMPTS_RATE_LIMITED, 0) == pytest.approx(limited)
        assert call["attributes"].get(semconv.ATTEMPTS_WAIT, 0) == pytest.approx(sum(w for _, w in waits[call["id"]]))
    asked = [wait for each in waits.values() for status, wait in each if status != 200]
    assert all(wait > 0.04 for wait in asked)  # of 0.05 s by another clock, which may be set meanwhile
    rows = [row for row in session.spans().table.to_pylist() if row["name"] == "chat m"]
    limited_s = sum(row["rate_limited_s"] or 0 for row in rows)
    (figures,) = session.metrics().table.to_pylist()
    assert (figures["retried"], figures["retry_rate"]) == (4, 0.8)
    assert figures["rate_limited_s"] == pytest.approx(limited_s)
    took_s = sum(row["duration_ns"] for row in rows) / 1e9
    assert figures["rate_limited_share"] == pytest.approx(limited_s / took_s)
    assert 0 < figures["rate_limited_share"] < 1


def test_a_call_that_needed_one_attempt_has_no_spans_below(client: openai.OpenAI, session: Session) -> None:
    client.chat.completions.create(**ASK)
    (call,) = told(session)
    assert semconv.ATTEMPTS not in call


def test_the_error_of_an_attempt_is_let_go_of_with_its_call(session: Session) -> None:
    errors: list[weakref.ref[BaseException]] = []

    def handle(request: Any) -> Any:
        if errors:
            return HTTP.Response(200, json=completion())
        error = HTTP.ConnectError("no line", request=request)
        errors.append(weakref.ref(error))
        raise error

    http_client: Any = HTTP.Client(transport=HTTP.MockTransport(handle))
    client = openai.OpenAI(api_key="k", base_url="http://127.0.0.1:9/v1", http_client=http_client, max_retries=1)
    client.chat.completions.create(**ASK)
    gc.collect()
    assert errors[0]() is None
    assert len(spans(session)) == 3
