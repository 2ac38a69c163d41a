"""What is on the span of each endpoint, however it is called: one table, the same for both majors of the client.

The table is in `fidelity`. Each of a row's ways is taken by the client and by the async client; a stream has the words
of a stream besides, and nothing else is different. The server is scripted inside the client's own HTTP library.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Final

import openai
import pytest

from nbtrace import semconv
from tests.capture.bodies import ASK_CHAT
from tests.capture.conftest import HTTP
from tests.capture.fidelity import ROWS, Row
from tests.capture.fidelity_spans import SPANS
from tests.capture.loopback import JSON
from tests.capture.reading import only, spans

if TYPE_CHECKING:
    from nbtrace import Session

HEADERS: Final = {"x-request-id": "req_1", "x-ratelimit-remaining-requests": "99", "x-secret": "no"}
STREAM: Final = (semconv.REQUEST_STREAM, semconv.STREAM_OUTCOME, semconv.STREAM_CHUNKS)


class Body(HTTP.SyncByteStream, HTTP.AsyncByteStream):
    """A body that comes piece by piece."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self.pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.pieces:
            yield piece


def answering(row: Row) -> Callable[[Any], Any]:
    """Make the server of a row: it answers with a stream if it is asked for one."""
    whole = row.answer if isinstance(row.answer, bytes) else json.dumps(row.answer).encode()
    parts = [b"data: " + json.dumps(one).encode() + b"\n\n" for one in row.chunks]

    def answer(request: Any) -> Any:
        body = request.content
        is_streamed = b'"stream":true' in body.replace(b" ", b"") or b'name="stream"\r\n\r\ntrue' in body
        kind = "text/event-stream" if is_streamed else "audio/mpeg" if whole == row.answer else "application/json"
        pieces = [*parts, b"data: [DONE]\n\n"] if is_streamed else [whole]
        return HTTP.Response(200, headers={**HEADERS, "content-type": kind}, stream=Body(pieces))

    return answer


def sync(client: Any, row: Row, way: str) -> None:
    resource = attrgetter(row.of)(client)
    ask = {**row.ask, **(row.streamed | {"stream": True} if way.endswith("stream") else {})}
    match way:
        case "create":
            getattr(resource, row.method)(**ask)
        case "stream":
            list(getattr(resource, row.method)(**ask))
        case "parse":
            resource.parse(**{key: value for key, value in ask.items() if key != "text"} | row.typed)
        case "helper":
            typed = {key: value for key, value in ask.items() if key != "text"} | row.typed | row.streamed
            with resource.stream(**typed) as stream:
                list(stream)
        case "raw":
            getattr(resource.with_raw_response, row.method)(**ask).parse()
        case "raw-stream":
            list(getattr(resource.with_raw_response, row.method)(**ask).parse())
        case _:
            with getattr(resource.with_streaming_response, row.method)(**ask) as response:
                list(response.iter_bytes())


async def asynchronous(client: Any, row: Row, way: str) -> None:
    resource = attrgetter(row.of)(client)
    ask = {**row.ask, **(row.streamed | {"stream": True} if way.endswith("stream") else {})}
    typed = {key: value for key, value in ask.items() if key != "text"} | row.typed
    match way:
        case "create":
            await getattr(resource, row.method)(**ask)
        case "stream":
            _ = [one async for one in await getattr(resource, row.method)(**ask)]
        case "parse":
            await resource.parse(**typed)
        case "helper":
            async with resource.stream(**typed | row.streamed) as stream:
                _ = [one async for one in stream]
        case "raw":
            parsed = (await getattr(resource.with_raw_response, row.method)(**ask)).parse()
            _ = await parsed if inspect.isawaitable(parsed) else parsed
        case "raw-stream":
            parsed = (await getattr(resource.with_raw_response, row.method)(**ask)).parse()
            _ = [one async for one in (await parsed if inspect.isawaitable(parsed) else parsed)]
        case _:
            async with getattr(resource.with_streaming_response, row.method)(**ask) as response:
                _ = [one async for one in response.iter_bytes()]


WARNS = pytest.mark.filterwarnings("ignore:deprecated:DeprecationWarning")
"""openai 3 says of a method that it is deprecated, openai 2 does not."""
WAYS = [
    pytest.param(name, way, marks=[WARNS] if row.is_deprecated else [])
    for name, row in ROWS.items()
    for way in row.ways.split()
]


def recorded(session: Session, way: str) -> JSON:
    """Give what is on the span, and check that a stream has the words of one."""
    found = only(session)
    told = {key: found.pop(key) for key in STREAM if key in found}
    if way.endswith("stream") or way == "helper":
        assert told.pop(semconv.STREAM_CHUNKS) > 2
        assert told.pop(semconv.REQUEST_STREAM) is True
    assert told.pop(semconv.STREAM_OUTCOME, "exhausted") == "exhausted"
    assert told == {}
    return found


@pytest.mark.parametrize(("name", "way"), WAYS)
def test_sync(name: str, way: str, session: Session) -> None:
    transport = HTTP.MockTransport(answering(ROWS[name]))
    with openai.OpenAI(
        base_url="https://llm.test/v1", api_key="x", http_client=HTTP.Client(transport=transport)
    ) as client:
        sync(client, ROWS[name], way)
    assert recorded(session, way) == SPANS[name]


@pytest.mark.parametrize(("name", "way"), WAYS)
async def test_async(name: str, way: str, session: Session) -> None:
    answer = answering(ROWS[name])

    async def aanswer(request: Any) -> Any:
        await request.aread()
        return answer(request)

    transport = HTTP.MockTransport(aanswer)
    async with openai.AsyncOpenAI(
        base_url="https://llm.test/v1", api_key="x", http_client=HTTP.AsyncClient(transport=transport)
    ) as client:
        await asynchronous(client, ROWS[name], way)
    assert recorded(session, way) == SPANS[name]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize(("host", "doubt"), [("mine.openai.azure.com", "tier"), ("llm.example.org", "of your own")])
async def test_azure_by_deployment(host: str, doubt: str, kind: str, session: Session) -> None:
    """A domain of the user's own may charge otherwise than Azure does; of Azure's the tier's price is missing."""
    answer = answering(ROWS["chat"])

    async def aanswer(request: Any) -> Any:
        return answer(request)

    options: Any = {"azure_endpoint": f"https://{host}", "azure_deployment": "mine", "api_version": "2024-10-21"}
    if kind == "sync":
        http = HTTP.Client(transport=HTTP.MockTransport(answer))
        with openai.AzureOpenAI(**options, api_key="x", http_client=http) as client:
            client.chat.completions.create(**ASK_CHAT)
    else:
        ahttp = HTTP.AsyncClient(transport=HTTP.MockTransport(aanswer))
        async with openai.AsyncAzureOpenAI(**options, api_key="x", http_client=ahttp) as aclient:
            await aclient.chat.completions.create(**ASK_CHAT)
    found = only(session)
    varying = {semconv.SERVER_ADDRESS: host, semconv.PROVIDER_NAME: "azure.ai.openai"}
    priced = {key for key in found if "cost" in key}
    rest = {key: value for key, value in SPANS["chat"].items() if key not in priced}
    assert {key: value for key, value in found.items() if key not in priced} == rest | varying
    assert found[semconv.COST_STATE] == "estimated"
    assert doubt in found[semconv.COST_REASON]


PLAIN: Final[dict[str, tuple[Callable[[Any], Any], str, str]]] = {
    "files": (lambda c: c.files.create(file=("a.jsonl", b"{}"), purpose="batch"), "POST /files", "/files"),
    "a file": (lambda c: c.files.retrieve("file-1"), "GET /files/{id}", "/files/file-1"),
    "a file's content": (lambda c: c.files.content("file-1"), "GET /files/{id}/content", "/files/file-1/content"),
    "batches": (
        lambda c: c.batches.create(
            input_file_id="file-1", endpoint="/v1/chat/completions", completion_window="24h"
        ),
        "POST /batches",
        "/batches",
    ),
    "a batch": (lambda c: c.batches.cancel("batch_1"), "POST /batches/{id}/cancel", "/batches/batch_1/cancel"),
    "vector stores": (lambda c: c.vector_stores.create(name="mine"), "POST /vector_stores", "/vector_stores"),
    "a search": (
        lambda c: c.vector_stores.search("vs_1", query="q"),
        "POST /vector_stores/{id}/search",
        "/vector_stores/vs_1/search",
    ),
    "a cancelled response": (
        lambda c: c.responses.cancel("resp_1"), "POST /responses/{id}/cancel", "/responses/resp_1/cancel",
    ),
}  # fmt: skip
"""Endpoints that are no LLM calls: what is asked, the span's name, and its path."""


async def settled(given: Any) -> None:
    if isinstance(given, Awaitable):
        await given
    elif hasattr(given, "__aiter__"):
        _ = [one async for one in given]


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("name", PLAIN)
async def test_other_endpoints_are_plain_spans(kind: str, name: str, session: Session) -> None:
    def answer(_: Any) -> Any:
        return HTTP.Response(200, headers=HEADERS, json={"id": "x", "object": "list", "data": []})

    async def aanswer(request: Any) -> Any:
        return answer(request)

    ask, called, path = PLAIN[name]
    options: Any = {"base_url": "https://llm.test/v1", "api_key": "x"}
    if kind == "sync":
        with openai.OpenAI(**options, http_client=HTTP.Client(transport=HTTP.MockTransport(answer))) as client:
            ask(client)
    else:
        http = HTTP.AsyncClient(transport=HTTP.MockTransport(aanswer))
        async with openai.AsyncOpenAI(**options, http_client=http) as aclient:
            await settled(ask(aclient))
    (span,) = spans(session)
    assert (span["name"], span["status"]) == (called, "unset")
    assert only(session) == {
        semconv.HTTP_METHOD: called.split()[0],
        semconv.URL_PATH: path,
        semconv.SERVER_ADDRESS: "llm.test",
        semconv.HTTP_STATUS_CODE: 200,
        semconv.HTTP_RESPONSE_HEADER + "x-request-id": "req_1",
        semconv.HTTP_RESPONSE_HEADER + "x-ratelimit-remaining-requests": "99",
    }
