"""What our threads import is whole for others that only look whether it is there, and nobody is kept up by imports."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from importlib.metadata import distributions
from itertools import chain
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from nbtrace import _imports

HALF = """
import gates
before = 1
gates.begun.set()
gates.asked.wait(30)
import half.inner
after = 2
"""


@pytest.fixture
def gates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Make a package that takes until `asked` to be whole."""
    (tmp_path / "half").mkdir()
    (tmp_path / "half/__init__.py").write_text(HALF)
    (tmp_path / "half/inner.py").write_text("import half\nknown = half.before, hasattr(half, 'after')\n")
    (tmp_path / "user.py").write_text("import half\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    made = SimpleNamespace(begun=threading.Event(), asked=threading.Event())
    monkeypatch.setitem(sys.modules, "gates", made)  # type: ignore[arg-type]
    for name in ("half", "half.inner", "user"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    return made


@pytest.mark.parametrize("name", ["half", "user"])
def test_who_finds_a_module_half_made_waits_for_it(name: str, gates: Any) -> None:
    finders = list(sys.meta_path)
    ours = threading.Thread(target=_imports.load, args=(name,))
    ours.start()
    assert gates.begun.wait(30)
    found: Any = sys.modules["half"]
    assert found.before == 1
    gates.asked.set()
    assert found.after == 2
    ours.join()
    assert found.inner.known == (1, False)
    with pytest.raises(AttributeError, match="module 'half' has no attribute 'never'"):
        _ = found.never
    assert "__getattr__" not in vars(found)
    assert sys.meta_path == finders
    _imports.load(name)


def test_what_another_thread_imports_meanwhile_is_left_alone(gates: Any, tmp_path: Path) -> None:
    (tmp_path / "theirs.py").write_text("own = '__getattr__' in globals()\n")
    ours = threading.Thread(target=_imports.load, args=("half",))
    ours.start()
    assert gates.begun.wait(30)
    import theirs  # pyright: ignore[reportMissingImports]

    gates.asked.set()
    ours.join()
    assert theirs.own is False
    del sys.modules["theirs"]


def test_a_module_that_is_not_there_is_an_error_as_ever() -> None:
    finders = list(sys.meta_path)
    with pytest.raises(ImportError):
        _imports.load("nowhere_to_be_found")
    assert sys.meta_path == finders


def test_threads_that_import_at_the_same_time_leave_no_finder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [[f"made_{thread}_{number}" for number in range(100)] for thread in range(4)]
    for name in chain(*names):
        (tmp_path / f"{name}.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    finders, interval = list(sys.meta_path), sys.getswitchinterval()
    at_once = threading.Barrier(len(names))

    def import_all(some: list[str]) -> None:
        at_once.wait()
        for name in some:
            _imports.load(name)

    threads = [threading.Thread(target=import_all, args=(some,)) for some in names]
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert sys.meta_path == finders
    assert [name for name in chain(*names) if sys.modules.pop(name, None) is None] == []


COUNTED = """
import gc, importlib.abc, threading
rounds = []
gc.callbacks.append(lambda phase, about: rounds.append(phase))
import nbtrace
print(rounds.count("start"), gc.isenabled())
"""


def test_importing_the_package_has_no_garbage_collected() -> None:
    ran = subprocess.run([sys.executable, "-c", COUNTED], capture_output=True, text=True, check=True)
    rounds, is_enabled = ran.stdout.split()
    assert is_enabled == "True"
    assert int(rounds) <= 3  # one when it is over; without the pause there are some fifty


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled: bool) -> None:
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with pytest.raises(KeyError), _imports.uncollected():
            assert not gc.isenabled()
            raise KeyError
        assert gc.isenabled() is enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_versions_are_those_that_the_metadata_say() -> None:
    told = {one.name: one.version for one in distributions()}
    assert len(told) > 50
    assert {name: _imports.version(name) for name in told} == told
