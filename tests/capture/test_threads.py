"""Threads and executors carry the context of whoever started them, and nothing else changes about them."""

from __future__ import annotations

import contextvars
import gc
import multiprocessing.dummy
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry import context as otel_context

from nbtrace._capture.threads import ThreadCapture

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

KEY = otel_context.create_key("test")


def here() -> Any:
    return otel_context.get_value(KEY)


@pytest.fixture
def capture() -> Iterator[ThreadCapture]:
    opened = ThreadCapture()
    opened.open()
    yield opened
    opened.close()


class Within:
    """Makes a name the current context's while open."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __enter__(self) -> None:
        self.token = otel_context.attach(otel_context.set_value(KEY, self.name))

    def __exit__(self, *_: object) -> None:
        otel_context.detach(self.token)


class Seen(threading.Thread):
    """Notes the context in which it runs, as subclasses do: by overriding `run`."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[Any] = []

    def run(self) -> None:
        self.seen.append(here())


def finish(thread: threading.Thread) -> None:
    thread.start()
    thread.join()


def test_a_thread_runs_in_the_context_of_its_start(capture: ThreadCapture) -> None:
    made = Seen()
    with Within("a"):
        finish(made)
    alone = Seen()
    finish(alone)
    assert (made.seen, alone.seen) == (["a"], [None])
    assert "run" not in vars(made)


def test_arguments_names_and_errors_of_threads_are_theirs(capture: ThreadCapture) -> None:
    seen: list[Any] = []
    failed: list[Any] = []

    def target(*args: Any, **kwargs: Any) -> None:
        seen.append((threading.current_thread().name, args, kwargs, here()))
        message = "theirs"
        raise ValueError(message)

    hook, threading.excepthook = threading.excepthook, failed.append
    try:
        with Within("a"):
            finish(threading.Thread(target=target, args=(1,), kwargs={"b": 2}, name="mine", daemon=True))
    finally:
        threading.excepthook = hook
    assert seen == [("mine", (1,), {"b": 2}, "a")]
    assert [(failure.exc_type, str(failure.exc_value)) for failure in failed] == [(ValueError, "theirs")]


def test_timers_and_dummy_processes(capture: ThreadCapture) -> None:
    seen: list[Any] = []
    with Within("a"):
        timer = threading.Timer(0, lambda: seen.append(here()))
        timer.start()
        timer.join()
        process = multiprocessing.dummy.Process(target=lambda: seen.append(here()))
        process.start()
        process.join()
        with multiprocessing.dummy.Pool(1) as pool:
            seen += pool.map(lambda _: here(), [1])
    assert seen == ["a", "a", "a"]


def test_a_run_on_the_instance_is_put_back(capture: ThreadCapture) -> None:
    thread, seen = threading.Thread(), []

    def run() -> None:
        seen.append(here())

    thread.run = run
    with Within("a"):
        finish(thread)
    assert (seen, vars(thread)["run"]) == (["a"], run)


def test_a_thread_is_freed_when_it_is_over(capture: ThreadCapture) -> None:
    gc.disable()
    try:
        thread = Seen()
        finish(thread)
        gone = weakref.ref(thread)
        del thread
        assert gone() is None
    finally:
        gc.enable()


def test_a_thread_starts_once(capture: ThreadCapture) -> None:
    thread = Seen()
    finish(thread)
    with pytest.raises(RuntimeError, match="threads can only be started once"):
        thread.start()
    assert (thread.seen, "run" in vars(thread)) == ([None], False)


def test_a_thread_that_cannot_start_can_be_started_later(
    capture: ThreadCapture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        message = "can't start new thread"
        raise RuntimeError(message)

    thread = Seen()
    starter = "_start_joinable_thread" if hasattr(threading, "_start_joinable_thread") else "_start_new_thread"
    with monkeypatch.context() as patch, Within("a"):
        patch.setattr(threading, starter, refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            thread.start()
    assert "run" not in vars(thread)
    with Within("b"):
        finish(thread)
    assert thread.seen == ["b"]


def test_a_thread_that_refuses_a_run_of_ours_starts_all_the_same(
    capture: ThreadCapture, swallow: Callable[[], dict[str, int]]
) -> None:
    class Fixed(threading.Thread):
        seen = False

        @property
        def run(self) -> Callable[[], None]:  # type: ignore[override]
            return lambda: setattr(type(self), "seen", True)

    finish(Fixed())
    assert Fixed.seen
    assert swallow() == {"threads: AttributeError": 1}


def test_a_job_runs_in_the_context_of_its_submission(capture: ThreadCapture) -> None:
    with ThreadPoolExecutor(1, initializer=lambda: None) as pool:
        with Within("a"):
            first = pool.submit(here)  # the worker's thread is started here, and stays in this context
        with Within("b"):
            second, mapped = pool.submit(here), pool.map(lambda _: here(), [1, 2])
        alone = pool.submit(here)
        assert [first.result(), second.result(), list(mapped), alone.result()] == ["a", "b", ["b", "b"], None]


def test_a_job_may_change_its_context_without_others_seeing(capture: ThreadCapture) -> None:
    def leave() -> None:
        otel_context.attach(otel_context.set_value(KEY, "left behind"))

    with ThreadPoolExecutor(1) as pool:
        pool.submit(leave).result()
        assert pool.submit(here).result() is None


def test_results_arguments_and_errors_of_jobs_are_theirs(capture: ThreadCapture) -> None:
    error = ValueError("theirs")

    def job(*args: Any, fn: str = "", context: str = "") -> Any:
        if not args:
            raise error
        return args, fn, context

    with ThreadPoolExecutor(1) as pool:
        assert pool.submit(job, 1, 2, fn="f", context="c").result() == ((1, 2), "f", "c")
        assert pool.submit(job).exception() is error
    with pytest.raises(RuntimeError, match="cannot schedule new futures after shutdown"):
        pool.submit(job)
    with pytest.raises(TypeError):
        pool.submit()  # type: ignore[call-arg]


def test_other_context_variables_are_not_touched(capture: ThreadCapture) -> None:
    variable: contextvars.ContextVar[str] = contextvars.ContextVar("variable", default="default")
    seen: list[str] = []
    variable.set("set")
    finish(threading.Thread(target=lambda: seen.append(variable.get())))
    with ThreadPoolExecutor(1) as pool:
        seen.append(pool.submit(variable.get).result())
        seen.append(pool.submit(contextvars.copy_context().run, variable.get).result())
    assert seen == ["default", "default", "set"]


def test_a_paused_capture_carries_nothing(capture: ThreadCapture) -> None:
    capture.enabled = False
    thread = Seen()
    with Within("a"), ThreadPoolExecutor(1) as pool:
        finish(thread)
        assert (thread.seen, pool.submit(here).result()) == ([None], None)


def test_wrapping_is_undone_and_what_others_put_on_top_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    start, submit = threading.Thread.start, ThreadPoolExecutor.submit
    capture = ThreadCapture()
    capture.open()
    assert (threading.Thread.start, ThreadPoolExecutor.submit) != (start, submit)
    ours = threading.Thread.start

    def theirs(thread: threading.Thread) -> None:
        ours(thread)

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", theirs)
        capture.close()
        capture.close()
        assert (threading.Thread.start, ThreadPoolExecutor.submit) == (theirs, submit)
        thread = Seen()
        with Within("a"):
            finish(thread)
        assert thread.seen == [None]
    threading.Thread.start = start  # type: ignore[method-assign]
