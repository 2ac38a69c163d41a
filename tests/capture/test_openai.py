"""Which calls are seen, and that the client is wrapped and unwrapped without a trace."""

from __future__ import annotations

import asyncio
import functools
import importlib.util
import subprocess
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, Any

import openai
import pytest
import wrapt
from openai._base_client import AsyncAPIClient, SyncAPIClient
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider

from nbtrace import Session, semconv
from nbtrace._capture import client as capture_module
from nbtrace._capture.client import ClientCapture
from nbtrace._capture.sdks import Sdk
from tests.capture.conftest import HTTP
from tests.capture.loopback import HELLO, Loopback, Received, Reply, completion
from tests.capture.reading import only, spans, step
from tests.trace.conftest import users

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}


def wrapped() -> tuple[Any, Any]:
    return SyncAPIClient.__dict__["request"], AsyncAPIClient.__dict__["request"]


def test_wrapping_is_undone_exactly() -> None:
    before = wrapped()
    with Session() as session:
        during = wrapped()
        assert session.start() is session
        assert wrapped() == during
        assert [method.__wrapped__ for method in during] == list(before)
        assert [method.__name__ for method in during] == ["request", "request"]
    session.stop()
    assert wrapped() == before


def test_a_wrapper_of_somebody_else_on_top_survives(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    session = Session().start()
    ours = SyncAPIClient.__dict__["request"]

    @functools.wraps(ours)
    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("theirs")
        return ours(self, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(SyncAPIClient, "request", theirs)
        session.stop()
        assert SyncAPIClient.__dict__["request"] is theirs
        assert client.chat.completions.create(**ASK).id == "chatcmpl-1"
        assert (seen, len(session.spans())) == (["theirs"], 0)
        with session:
            client.chat.completions.create(**ASK)
            assert len(session.spans()) == 1
        assert SyncAPIClient.__dict__["request"] is theirs
    SyncAPIClient.request = ours.__wrapped__  # what stood before any of this


def test_a_wrapper_of_somebody_else_below_stays(client: openai.OpenAI, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []
    original = SyncAPIClient.__dict__["request"]

    def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
        seen.append("theirs")
        return original(self, *args, **kwargs)

    monkeypatch.setattr(SyncAPIClient, "request", theirs)
    with Session() as session:
        client.chat.completions.create(**ASK)
    assert SyncAPIClient.__dict__["request"] is theirs
    assert (seen, len(session.spans())) == (["theirs"], 1)


def test_a_paused_session_records_nothing(client: openai.OpenAI, session: Session) -> None:
    session.enabled = False
    client.chat.completions.create(**ASK)
    session.enabled = True
    client.chat.completions.create(**ASK)
    assert len(session.spans()) == 1


def test_a_client_of_before_and_its_copies_are_seen(server: Loopback) -> None:
    class Mine(openai.OpenAI):
        def request(self, *args: Any, **kwargs: Any) -> Any:
            return super().request(*args, **kwargs)

    with Mine(base_url=server.url, api_key="x") as client, Session() as session:
        client.chat.completions.create(**ASK)
        client.with_options(max_retries=1).chat.completions.create(**ASK)
        client.copy(timeout=3).chat.completions.create(**ASK)
        assert isinstance(client.with_options(), Mine)
    assert len(session.spans()) == 3


def test_the_module_level_client_is_seen(server: Loopback, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai, "api_key", "x")
    monkeypatch.setattr(openai, "base_url", server.url)
    monkeypatch.setattr(openai, "_client", None)
    openai.chat.completions.create(**ASK)
    openai._client.close()  # type: ignore[union-attr]
    assert len(session.spans()) == 1


@pytest.mark.parametrize(
    ("url", "provider"),
    [
        ("https://api.openai.com/v1", "openai"),
        ("https://eu.api.openai.com/v1", "openai"),
        ("https://mine.openai.azure.com/openai/v1/", "azure.ai.openai"),
        ("https://api.groq.com/openai/v1", "groq"),
        ("https://api.deepseek.com", "deepseek"),
        ("https://api.mistral.ai/v1", "mistral_ai"),
        ("https://api.x.ai/v1", "x_ai"),
        ("https://generativelanguage.googleapis.com/v1beta/openai/", "gcp.gemini"),
        ("http://localhost:11434/v1", "ollama"),
        ("http://[::1]:8000/v1", "openai"),
    ],
)
def test_the_provider_is_told_from_the_host(url: str, provider: str, session: Session) -> None:
    transport = HTTP.MockTransport(lambda _: HTTP.Response(200, json=completion()))
    with openai.OpenAI(base_url=url, api_key="x", http_client=HTTP.Client(transport=transport)) as client:
        client.chat.completions.create(**ASK)
    attributes = spans(session)[0]["attributes"]
    parsed = HTTP.URL(url)
    assert (
        attributes[semconv.PROVIDER_NAME],
        attributes[semconv.SERVER_ADDRESS],
        attributes.get(semconv.SERVER_PORT),
    ) == (provider, parsed.host, parsed.port)


def test_azure(session: Session) -> None:
    paths: list[str] = []

    def answer(request: Any) -> Any:
        paths.append(request.url.path)
        return HTTP.Response(200, json=completion())

    with openai.AzureOpenAI(
        azure_endpoint="https://mine.openai.azure.com",
        api_key="x",
        api_version="2024-10-21",
        http_client=HTTP.Client(transport=HTTP.MockTransport(answer)),
    ) as client:
        client.chat.completions.create(**ASK)
    recorded = only(session)
    assert paths == ["/openai/deployments/gpt-4o-mini/chat/completions"]
    assert (recorded[semconv.PROVIDER_NAME], recorded[semconv.COST_STATE]) == ("azure.ai.openai", "priced")


def test_other_endpoints_are_plain_spans(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply({"object": "list", "data": [{"id": "m", "object": "model"}]}, headers={"x-request-id": "r"})
    assert [one.id for one in client.models.list()] == ["m"]
    client.files.retrieve("file-1")
    client.vector_stores.search("vs_1", query="q")
    assert [span["name"] for span in spans(session)] == [
        "GET /models", "GET /files/{id}", "POST /vector_stores/{id}/search",
    ]  # fmt: skip
    attributes = spans(session)[1]["attributes"]
    for varying in (semconv.SERVER_PORT, semconv.CLIENT_NAME, semconv.CLIENT_VERSION):
        del attributes[varying]
    assert attributes == {
        "http.request.method": "GET",
        "url.path": "/files/file-1",
        "server.address": "127.0.0.1",
        "http.response.status_code": 200,
        "http.response.header.x-request-id": "r",
    }


def test_a_plain_request_that_is_refused_is_an_error(server: Loopback, client: openai.OpenAI, session: Session) -> None:
    server.reply = Reply({"error": {"message": "No."}}, status=404)
    with pytest.raises(openai.NotFoundError):
        client.batches.retrieve("batch_1")
    (span,) = spans(session)
    assert (span["name"], span["status"]) == ("GET /batches/{id}", "error")
    assert span["attributes"][semconv.HTTP_STATUS_CODE] == 404


async def test_other_async_endpoints_are_plain_spans(
    server: Loopback, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    server.reply = Reply({"object": "list", "data": [{"id": "m", "object": "model"}]})
    assert [one.id async for one in async_client.models.list()] == ["m"]
    assert [span["name"] for span in spans(session)] == ["GET /models"]


def test_a_body_that_is_no_json_object_is_left_alone(client: openai.OpenAI, session: Session) -> None:
    assert client.post("/chat/completions", cast_to=object, body=[1]) == completion()  # type: ignore[arg-type]
    assert len(session.spans()) == 0


def test_extra_body_is_part_of_the_request(client: openai.OpenAI, session: Session) -> None:
    omit: Any = getattr(openai, "omit", None) or openai._types.Omit()  # type: ignore[attr-defined]
    client.chat.completions.create(**ASK, temperature=1, top_p=0.5, extra_body={"temperature": 0.25, "top_p": omit})
    recorded = only(session)
    assert recorded[semconv.REQUEST_TEMPERATURE] == 0.25
    assert semconv.REQUEST_TOP_P not in recorded


def test_a_prompt_is_told_by_its_text(client: openai.OpenAI, session: Session) -> None:
    first = session.prompt("greet", "Greet {name} in {language}.")
    second = session.prompt("greet", "Say hello to {name} in {language}.")
    for prompt in (first, second):
        client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": prompt.format(name="Ada", language="German")}]
        )
    client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": [{"type": "text", "text": first.format(name="Bo", language="Thai")}]}],
    )
    client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Greet Ada in German."}])
    found = [
        {key: value for key, value in span["attributes"].items() if key.startswith(("gen_ai.prompt", "nbtrace.prompt"))}
        for span in spans(session)
    ]
    greet = {semconv.PROMPT_NAME: "greet", semconv.PROMPT_VERSION: "1", semconv.PROMPT_HASH: first.hash}
    ada = {"gen_ai.prompt.variable.name": "Ada", "gen_ai.prompt.variable.language": "German"}
    bo = {"gen_ai.prompt.variable.name": "Bo", "gen_ai.prompt.variable.language": "Thai"}
    assert found == [
        {**greet, semconv.PROMPT_TEMPLATE: first.template, **ada},
        {
            **greet,
            semconv.PROMPT_VERSION: "2",
            semconv.PROMPT_HASH: second.hash,
            semconv.PROMPT_TEMPLATE: second.template,
            **ada,
        },
        {**greet, semconv.PROMPT_TEMPLATE: first.template, **bo},
        {**greet, semconv.PROMPT_TEMPLATE: first.template, **ada, semconv.PROMPT_MATCH: "contained"},
    ]


@pytest.mark.parametrize(
    ("version", "supported"), [("1.109.1", False), ("2.0.0", True), ("3.99.0", True), ("4.0.0", False)]
)
def test_a_version_outside_the_range_is_left_alone_and_told(
    version: str, *, supported: bool, monkeypatch: pytest.MonkeyPatch, client: openai.OpenAI
) -> None:
    problem = (
        f"openai {version} is installed but nbtrace captures openai >=2,<4; its calls run untraced. "
        'Install a supported one: pip install "openai>=2,<4"'
    )
    monkeypatch.setattr(capture_module, "version", lambda name: version if name == "openai" else installed(name))
    before = wrapped()
    with Session() as session:
        assert session.problems == (() if supported else (problem,))
        assert (wrapped() != before) is supported
        assert client.chat.completions.create(**ASK).id == "chatcmpl-1"
    assert len(session.spans()) == int(supported)


def test_without_openai_nothing_is_missed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(capture_module, "version", missing)
    with Session() as session:
        assert session.problems == ()


def run(script: str, reply: Reply | None = None) -> str:
    """Run a script in a process of its own, with the scripted server's URL as `url` and a request as `ask`."""
    with Loopback(reply) as server:
        head = f"import sys\nurl = {server.url!r}\nask = {ASK!r}\n"
        command = [sys.executable, "-W", "error", "-c", head + script]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


ASKED = """
with openai.OpenAI(base_url=url, api_key="x") as client:
    client.chat.completions.create(**ask)
print(len(nbtrace.spans()), nbtrace.session().problems)
nbtrace.session().stop()
print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
print([one for one in sys.meta_path if type(one).__module__.startswith("nbtrace")])
"""


START = """
import importlib.util, nbtrace
nbtrace.session()
"""
ORDERS = {
    "session first": START + "assert 'openai' not in sys.modules\nimport openai",
    "openai first": "import openai" + START,
    "looked for first": START + "assert importlib.util.find_spec('openai._base_client')\nimport openai",
    "failed first": START
    + """
sys.modules["openai._base_client"] = None
try:
    import openai
except ImportError:
    pass
for name in [name for name in sys.modules if name.split(".")[0] == "openai"]:
    del sys.modules[name]
import openai
""",
}


AGAIN = {
    "reloaded": """
import importlib
for name in ("openai._base_client", "openai._client", "openai"):
    importlib.reload(sys.modules[name])
""",
    "by autoreload": """
from IPython.extensions import autoreload
autoreload.superreload(sys.modules["openai._base_client"])
""",
    "forgotten and imported": """
for name in [name for name in sys.modules if name.split(".")[0] == "openai"]:
    del sys.modules[name]
import openai
""",
}


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_imports_does_not_matter(order: str) -> None:
    assert run(ORDERS[order] + ASKED) == "1 ()\nFalse\n[]"


@pytest.mark.parametrize("again", AGAIN)
def test_a_client_that_is_loaded_again_is_captured_again(again: str) -> None:
    assert run("import openai" + START + AGAIN[again] + ASKED) == "1 ()\nFalse\n[]"


def test_a_session_that_stops_before_openai_is_imported_leaves_nothing() -> None:
    script = """
import nbtrace
before = list(sys.meta_path)
with nbtrace.Session():
    assert sys.meta_path != before
assert sys.meta_path == before
import openai
print(hasattr(openai._base_client.SyncAPIClient.request, "__wrapped__"))
"""
    assert run(script) == "False"


def test_a_stream_open_at_exit_says_nothing() -> None:
    script = """
import nbtrace, openai
nbtrace.session()
client = openai.OpenAI(base_url=url, api_key="x")
stream = client.chat.completions.create(**ask, stream=True)
next(stream)
print(len(nbtrace.spans()))
"""
    assert run(script, Reply(chunks=HELLO, then="hold")) == "1"


CLIENT = """
class SyncAPIClient:
    def request(self): ...
    def _process_response(self): ...
    def _sleep_for_retry(self): ...
class AsyncAPIClient(SyncAPIClient):
    def request(self): ...
    def _process_response(self): ...
    def _sleep_for_retry(self): ...
"""


@pytest.fixture
def later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give the file of a client module that is not imported yet."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(capture_module, "SDKS", (Sdk("sdk_of_later", (0, 9), "later", {}),))
    package = tmp_path / "sdk_of_later"
    package.mkdir()
    (package / "__init__.py").touch()
    yield package / "_base_client.py"
    for name in ("sdk_of_later._base_client", "sdk_of_later"):
        sys.modules.pop(name, None)


def test_a_client_imported_later_is_wrapped_when_it_is_there(later: Path) -> None:
    later.write_text("raise ImportError('not yet')\n")
    before = list(sys.meta_path)
    with Session():
        with pytest.raises(ImportError, match="not yet"):
            importlib.import_module("sdk_of_later._base_client")
        later.write_text(CLIENT + "\n# not the same size\n")
        importlib.invalidate_caches()
        assert importlib.util.find_spec("sdk_of_later._base_client") is not None
        module = importlib.import_module("sdk_of_later._base_client")
        assert module.__loader__.__dict__.keys() == {"name", "path"}
        assert hasattr(module.SyncAPIClient.request, "__wrapped__")
        assert hasattr(module.AsyncAPIClient.request, "__wrapped__")
    assert sys.meta_path == before
    assert not hasattr(module.SyncAPIClient.request, "__wrapped__")


def test_a_client_that_was_loaded_unseen_is_told_and_captured_on_demand(later: Path) -> None:
    later.write_text(CLIENT)
    with Session() as session:
        finders, sys.meta_path[:] = sys.meta_path[:], sys.meta_path[1:]
        module = importlib.import_module("sdk_of_later._base_client")
        sys.meta_path[:] = finders
        assert session.problems == (
            "calls of sdk_of_later run untraced: it was loaded again, or unwrapped by others; %nbtrace on captures it",
        )
        session.enabled = True
        assert session.problems == ()
        assert hasattr(module.SyncAPIClient.request, "__wrapped__")
    assert not hasattr(module.SyncAPIClient.request, "__wrapped__")


def test_a_client_that_is_missing_or_comes_after_the_end_is_not_waited_for(later: Path) -> None:
    with Session():
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module("sdk_of_later._base_client")
        later.write_text(CLIENT)
        importlib.invalidate_caches()
        spec = importlib.util.find_spec("sdk_of_later._base_client")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert not hasattr(module.SyncAPIClient.request, "__wrapped__")


@pytest.fixture
def streaming(server: Loopback) -> Loopback:
    """Answer with a stream whoever asks for one."""

    def answer(received: Received) -> Reply:
        return Reply(chunks=HELLO) if b'"stream":true' in received.body else Reply(completion())

    server.reply = answer
    return server


def parents(session: Session) -> dict[str, str | None]:
    """Give the name of each span's parent, of spans with distinct names."""
    found = spans(session)
    names = {span["id"]: span["name"] for span in found}
    return {span["name"]: names.get(span["parent"]) for span in found}


def ask(client: openai.OpenAI, name: str, **more: Any) -> None:
    made: Any = client.chat.completions.create(**(ASK | {"model": name} | more))
    if more.get("stream"):
        list(made)


async def ask_async(client: openai.AsyncOpenAI, name: str, **more: Any) -> None:
    made: Any = await client.chat.completions.create(**(ASK | {"model": name} | more))
    if more.get("stream"):
        async for _ in made:
            pass


def test_calls_are_children_of_the_span_around_them(
    streaming: Loopback, client: openai.OpenAI, session: Session
) -> None:
    ask(client, "root")
    with step(session, "outer"):
        ask(client, "before")
        with step(session, "inner"):
            ask(client, "within", stream=True)
        stream: Any = client.chat.completions.create(**(ASK | {"model": "open", "stream": True}))
        ask(client, "while open")
    ask(client, "after")
    list(stream)
    assert parents(session) == {
        "outer": None,
        "inner": "outer",
        "chat root": None,
        "chat before": "outer",
        "chat within": "inner",
        "chat open": "outer",
        "chat while open": "outer",
        "chat after": None,
    }


def test_calls_are_children_of_a_span_of_the_users_tracing(client: openai.OpenAI) -> None:
    provider = TracerProvider(shutdown_on_exit=False)
    with users(provider), Session() as session:
        tracer = provider.get_tracer("user")
        with tracer.start_as_current_span("outer"), tracer.start_as_current_span("inner"):
            ask(client, "within")
        ask(client, "after")
    assert parents(session) == {"outer": None, "inner": "outer", "chat within": "inner", "chat after": None}


def test_what_the_request_itself_causes_is_its_child(server: Loopback, session: Session) -> None:

    def answer(request: Any) -> Any:
        with step(session, "POST"):
            return HTTP.Response(200, json=completion())

    with openai.OpenAI(api_key="x", http_client=HTTP.Client(transport=HTTP.MockTransport(answer))) as client:
        ask(client, "m")
    assert parents(session) == {"chat m": None, "POST": "chat m"}
    assert not trace.get_current_span().get_span_context().is_valid


def test_calls_in_threads_belong_to_who_started_them(client: openai.OpenAI, session: Session) -> None:
    with ThreadPoolExecutor(1) as pool:
        with step(session, "first"):
            thread = threading.Thread(target=ask, args=(client, "thread"))
            thread.start()
            pool.submit(ask, client, "job").result()
        with step(session, "second"):
            list(pool.map(functools.partial(ask, client), ["mapped"]))
        pool.submit(ask, client, "alone").result()
        thread.join()
    assert parents(session) == {
        "first": None,
        "second": None,
        "chat thread": "first",
        "chat job": "first",
        "chat mapped": "second",
        "chat alone": None,
    }


async def test_calls_in_tasks_belong_to_who_started_them(
    client: openai.OpenAI, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    loop = asyncio.get_running_loop()

    async def agent(name: str) -> None:
        with step(session, name):
            await asyncio.gather(ask_async(async_client, f"{name} 1"), ask_async(async_client, f"{name} 2"))

    with step(session, "root"):
        late = asyncio.create_task(ask_async(async_client, "late"))
        await asyncio.gather(agent("a"), agent("b"))
        await asyncio.to_thread(ask, client, "to_thread")
        await loop.run_in_executor(None, ask, client, "run_in_executor")
        async with asyncio.TaskGroup() as group:
            group.create_task(ask_async(async_client, "grouped"))
    await late
    await loop.run_in_executor(None, ask, client, "outside")
    assert parents(session) == {
        "root": None,
        "a": "root",
        "b": "root",
        "chat a 1": "a",
        "chat a 2": "a",
        "chat b 1": "b",
        "chat b 2": "b",
        "chat late": "root",
        "chat to_thread": "root",
        "chat run_in_executor": "root",
        "chat grouped": "root",
        "chat outside": None,
    }


@pytest.fixture
def many(streaming: Loopback) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=streaming.url, api_key="x", timeout=60) as client:
        yield client


async def test_none_of_many_calls_at_once_is_lost_or_misplaced(
    many: openai.OpenAI, async_client: openai.AsyncOpenAI, session: Session
) -> None:
    workers, each = 10, 10

    def in_thread(worker: int) -> None:
        with step(session, f"thread {worker}"):
            for number in range(each):
                ask(many, f"thread {worker}.{number}", stream=number % 2 == 0)

    async def in_task(worker: int) -> None:
        with step(session, f"task {worker}"):
            calls = (ask_async(async_client, f"task {worker}.{one}", stream=one % 2 == 0) for one in range(each))
            await asyncio.gather(*calls)

    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(in_thread, worker) for worker in range(workers)]
        await asyncio.gather(*(in_task(worker) for worker in range(workers)))
        await asyncio.gather(*map(asyncio.wrap_future, jobs))
    found = parents(session)
    calls = {name: parent for name, parent in found.items() if name.startswith("chat ")}
    assert len(calls) == 2 * workers * each
    assert {name for name, parent in calls.items() if f"chat {parent}" != name.rpartition(".")[0]} == set()
    texts = Counter(str(span["attributes"].get(semconv.OUTPUT_MESSAGES)) for span in spans(session))
    assert sorted(texts.values()) == [2 * workers, 2 * workers * each]


@pytest.mark.parametrize("kind", [openai.OpenAI, SyncAPIClient])
def test_what_others_put_back_later_hides_nothing_and_doubles_nothing(kind: Any, client: openai.OpenAI) -> None:
    """As instrumentors do: they wrap what they find, our wrapper, and put it back when ours is gone or another."""
    before = vars(kind).get("request")
    with Session() as first:
        ours = kind.request

        def theirs(self: Any, *args: Any, **kwargs: Any) -> Any:
            return ours(self, *args, **kwargs)

        kind.request = functools.wraps(ours)(theirs)
        client.chat.completions.create(**ASK)
    client.chat.completions.create(**ASK)
    with Session() as second:
        client.chat.completions.create(**ASK)
        kind.request = ours
        client.chat.completions.create(**ASK)
    kind.request = ours
    client.chat.completions.create(**ASK)
    with Session() as third:
        client.chat.completions.create(**ASK)
    assert [len(session.spans()) for session in (first, second, third)] == [1, 2, 1]
    if before is not None:
        kind.request = before
    assert vars(kind).get("request") is before


@pytest.mark.parametrize("kind", [openai.OpenAI, SyncAPIClient])
def test_who_wrapped_before_us_is_wrapped_and_may_put_back_what_there_was(kind: Any, client: openai.OpenAI) -> None:
    def theirs(wrapped: Any, instance: Any, args: Any, kwargs: Any) -> Any:
        assert isinstance(instance, openai.OpenAI)
        seen.append(wrapped.__name__)
        return wrapped(*args, **kwargs)

    seen: list[str] = []
    own, found = vars(kind).get("request"), kind.request
    wrapt.wrap_function_wrapper(kind, "request", theirs)
    wrapper = vars(kind)["request"]
    with Session() as session:
        client.chat.completions.create(**ASK)
    assert vars(kind)["request"] is wrapper
    with session:
        kind.request = found
        assert session.problems == (
            "calls of openai run untraced: it was loaded again, or unwrapped by others; %nbtrace on captures it",
        )
        session.refresh()
        client.chat.completions.create(**ASK)
    assert (seen, len(session.spans()), vars(kind)["request"]) == (["request"], 2, found)
    if own is None:
        del kind.request


def test_capture_can_be_closed_twice(session: Session) -> None:
    capture = ClientCapture(session.tracing)
    before = wrapped()
    capture.open()
    capture.close()
    capture.close()
    assert wrapped() == before


def test_a_session_that_ends_while_a_call_begins_leaves_the_call_alone(
    server: Loopback, client: openai.OpenAI, swallow: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session().start()

    def ends() -> None:
        session.stop()
        message = "in the middle"
        raise RuntimeError(message)

    monkeypatch.setattr("nbtrace._capture.client.under_way", ends)
    assert client.chat.completions.create(model="m", messages=[{"role": "user", "content": "Hi"}]).choices
    assert (len(server.received), swallow()) == (1, {"capture: RuntimeError": 1})
