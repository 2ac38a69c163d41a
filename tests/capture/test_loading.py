"""Clients are captured in whatever order they and we are imported, again too."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from typing import TYPE_CHECKING, Any

import pytest

from nbtrace import Session
from nbtrace._capture import client as capture_module
from nbtrace._capture.sdks import Sdk
from tests.capture.loopback import HELLO, Loopback, Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ASK: Any = {"model": "gpt-4o-mini", "messages": [{"role": "user", "content": "Say hello."}]}


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
