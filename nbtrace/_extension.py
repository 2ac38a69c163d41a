"""The IPython extension: `%load_ext nbtrace`, `%nbtrace` and `%config NBTrace`.

Loading adds, unloading removes exactly what was added. Everything recorded stays in the session, so that reloading the
extension, or loading it again, loses nothing.
"""

from __future__ import annotations

import json
import os
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from IPython.core.error import UsageError
from IPython.core.magic import cell_magic, line_cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import TraitError, observe
from traitlets.config import Config

from nbtrace import _api, _earlier, _guard, _magic_line, _status
from nbtrace._autodisplay import AutoDisplay
from nbtrace._capture.cells import CellCapture
from nbtrace._capture.spending import Per
from nbtrace._settings import SETTINGS, Settings
from nbtrace._store import sessions
from nbtrace._sweeps import sweep
from nbtrace._trace import origin
from nbtrace._trace.instrument import Instrumentors, installed
from nbtrace.errors import BudgetError, NbtraceError, NotFoundError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace._capture.cells import CellRun
    from nbtrace._replays import Replay
    from nbtrace._trace.provider import Tracing

ACTIONS: Final = {
    "on": "record again after `off`",
    "off": "pause recording; nothing recorded is lost",
    "status": "say what is recorded, where, and what could not be",
    "last": "draw the last trace",
    "explain": "show the last LLM call as telemetry; with a span's id after it, that span",
    "budget": "say what is left; `2.00`, `100000 tokens` or `off` sets it, then `cell` or `sweep` for each of these",
    "watch": 'list what is watched; `"error_rate > 2%"` watches it, by `--window`, `--baseline`, `--by`; `off` ends',
    "instrument": "list the installed GenAI instrumentors; with a name after it, activate that one",
    "replay": "answer calls from the recording named after it, with `--mode` and `--timing`; `off` makes them again",
    "audit": "list what looks like a secret in what is kept and in the notebook's saved file, or in another's",
    "sessions": "list the sessions that are kept on this machine",
    "resume": "bring back the last session of this notebook; with an id after it, that one",
    "help": "this text",
}
OTHERS: Final = {
    "%%compare NAME -i inputs -c client": "make the cell a prompt's next version, and compare it with the last one",
    "%%nbsql": "ask in SQL over `spans` and `messages`; in one line `%nbsql SELECT ...`",
}

_OFF: Final = "off"
_NAMED: Final = {
    "instrument": "_activate",
    "audit": "_audit",
    "resume": "_resume",
    "budget": "_set_budget",
    "explain": "_explain",
}
"""Actions that take a name, or an amount, and what does them then."""
_MORE: Final = ("replay", "watch")
"""Actions that take options besides."""


@magics_class
class NBTrace(Settings):
    """LLM calls as OpenTelemetry spans, recorded and drawn in the notebook."""

    def __init__(self, shell: InteractiveShell) -> None:
        self.session = _api.session()
        self._read()
        try:
            super().__init__(shell)
        except TraitError as error:  # `%config` refuses a value, and IPython keeps it for the next time all the same
            configurables: list[Any] = shell.configurables
            configurables[:] = [known for known in configurables if known is not self]
            super().__init__(shell, parent=None, config=Config())
            print(f"nbtrace: the configuration is left out, because {error}")
        self._display = AutoDisplay(self.session, lambda: self.auto_display, updates=hasattr(shell, "kernel"))
        self._replaying: Replay | None = None
        self._instrumentors = Instrumentors(self.session.intake, self.session.expect_others)
        self._cells = CellCapture(self._recording, shell, self._finished)
        self._unwatch = self._display.open()
        self._keep()
        self._offer()
        self._cells.open()
        source = os.environ.get("NBTRACE_REPLAY")
        if source and self.session.replaying is None:  # tests in this process may have begun already
            try:
                self._replay_from(source, "replay", "none")
            except BaseException:
                self.close()  # or calls would be made that were to be answered
                raise

    @observe("journal")
    def _journal_changed(self, change: object) -> None:
        if hasattr(self, "session"):
            self._keep()

    @observe("journal_max_days", "journal_max_bytes")
    def _limited(self, change: object) -> None:
        if hasattr(self, "session") and self.session.journal is not None:
            self.session.journal.limit(**self._limits())

    def _keep(self) -> None:
        """Open the journal where it is to be, or close it."""
        if self.journal == "off":
            self.session.close_journal()
        else:
            self.session.open_journal(self._directory(), notebook=self._notebook(), **self._limits())

    def _notebook(self) -> str:
        """Name the notebook, or if nobody knows it, where it runs."""
        return origin.notebook() or str(Path.cwd())

    def _offer(self) -> None:
        """Say that the last session of this notebook can be resumed, if there is one."""
        with _guard.guard("journal"):
            journal = self.session.journal
            if journal is not None and not len(self.session.store):
                found = _earlier.last(journal.directory, journal.manifest.notebook, journal.manifest.id)
                if found is not None:
                    print(_earlier.offer(found))

    def close(self) -> None:
        """Stop recording and let go of IPython."""
        try:
            if self._replaying is not None:
                self._replaying.stop()
        finally:
            self._instrumentors.close()
            self._cells.close()
            self._display.close()
            self._unwatch()
            self.session.stop()
            self.session.close_journal()

    def _recording(self) -> Tracing | None:
        """Give where a cell's span is made, once its calls are sure to be captured."""
        if not self.session.enabled:
            return None
        self.session.refresh()
        return self.session.tracing

    def _finished(self, run: CellRun) -> None:
        """Show what a cell's calls came to, and which watched rules it broke."""
        self._display.finished(run)
        if self.session.watches:
            from nbtrace import _watches

            self._display.alert(_watches.cell_ended(self.session, run))

    @magic_arguments()
    @argument("action", nargs="?", default="status", help="one of: " + ", ".join(ACTIONS))  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument(
        "name",
        nargs="*",
        help="with `instrument`: what to activate; with `resume`: which session; with `audit`: the notebook's file; "
        "with `explain`: the span's id; with `budget`: the amount; with `replay`: the recording, or `off`; "
        "with `watch`: the rule, or `off`",
    )  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("--mode", default="replay", help="with `replay`: `replay`, `record-missing` or `refresh`")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("--timing", default="none", help="with `replay`: `none` or `original`")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("--window", default="50 calls", help="with `watch`: `50 calls`, `10m` or `all`")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("--baseline", help="with `watch`: `previous`, or a recording")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("--by", default=(), help="with `watch`: a column whose groups are watched")  # pyright: ignore[reportUntypedFunctionDecorator]
    @line_magic
    def nbtrace(self, line: str) -> Any:
        """Record LLM calls: `%nbtrace on|off|status|last|explain|budget|watch|...|help`, which lists them all."""
        given = _magic_line.read(partial(parse_argstring, self.nbtrace), line)
        action, name = given.action, " ".join(given.name) or None
        if action not in ACTIONS:
            message = f"%nbtrace has no action {action!r}; expected one of: {', '.join(ACTIONS)}"
            raise UsageError(message)
        if name is not None and action not in (*_NAMED, *_MORE):
            message = f"%nbtrace {action} takes nothing after it, got {name!r}"
            raise UsageError(message)
        try:
            if action == "replay" and name is not None:
                return self._replay_from(name, given.mode, given.timing)
            if action == "watch":
                from nbtrace._watches import asked

                return print(asked(self.session, name, given.window, given.baseline, given.by))
            if name is not None:
                return getattr(self, _NAMED[action])(name)
            return getattr(self, f"_{action}")()
        except NbtraceError as error:
            raise UsageError(str(error)) from None

    @magic_arguments()
    @argument("-o", "--output", help="name of the variable that gets the rows")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-u", "--use", action="append", default=[], help="a variable that the query may use: a table, or $name")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("query", nargs="*", help="the query, where it is no cell of its own")  # pyright: ignore[reportUntypedFunctionDecorator]
    @line_cell_magic
    def nbsql(self, line: str, cell: str | None = None) -> Any:
        """Ask in SQL over `spans` and `messages`: `%%nbsql [-o rows] [-u variable]`, or `%nbsql SELECT ...`."""
        if cell is None:
            query, given = line, parse_argstring(self.nbsql, "")
        else:
            query, given = cell, parse_argstring(self.nbsql, line)
        variables = self.shell.user_ns if self.shell is not None else {}
        missing = [name for name in given.use if name not in variables]
        if missing:
            message = f"%%nbsql --use {missing[0]}: there is no variable of that name"
            raise UsageError(message)
        try:
            rows = self.session.sql(query, **{name: variables[name] for name in given.use})
        except NbtraceError as error:
            raise UsageError(str(error)) from None
        if given.output is None:
            return rows
        variables[given.output] = rows
        return None

    @magic_arguments()
    @argument("prompt", help="name of the prompt, of which the cell becomes the next version")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-i", "--inputs", required=True, help="variable with the inputs")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-c", "--call", required=True, help="variable with the client, or with the function")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-m", "--models", help="names of models, joined by commas")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-s", "--settings", help="variable with the options to compare, a list of dicts")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-n", "--repeats", type=int, default=1, help="how often the same is asked")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-p", "--option", action="append", default=[], help="an option of each request: name=value")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-d", "--dry-run", action="store_true", help="only say how many calls, tokens and dollars it would be")  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("-o", "--output", help="name of the variable that gets the comparison too")  # pyright: ignore[reportUntypedFunctionDecorator]
    @cell_magic
    def compare(self, line: str, cell: str) -> Any:
        """Make the cell the next version of a prompt, and compare it with the one before."""
        given = _magic_line.read(partial(parse_argstring, self.compare), line)
        variables = self.shell.user_ns if self.shell is not None else {}
        named = (given.inputs, given.call, given.settings)
        missing = [name for name in named if name is not None and name not in variables]
        if missing:
            message = f"%%compare: there is no variable {missing[0]!r}"
            raise UsageError(message)
        prompts = self.session.prompts
        known = prompts[given.prompt].versions if given.prompt in prompts else ()
        current = prompts[given.prompt].current if known else None
        version: Any = None
        try:
            version = self.session.prompt(given.prompt, cell.removesuffix("\n"))
            before = [one for one in self.session.prompts[given.prompt].versions if one.version < version.version]
            found = sweep(
                self.session,
                [*before[-1:], version],
                inputs=variables[given.inputs],
                call=variables[given.call],
                models=given.models.split(",") if given.models else None,
                settings=variables[given.settings] if given.settings else None,
                repeats=given.repeats,
                dry_run=given.dry_run,
                **dict(map(_option, given.option)),
            )
        except BudgetError:
            raise
        except NbtraceError as error:
            if version is not None and version not in known:  # no call was made with it
                prompts.discard(version, current)
            raise UsageError(str(error)) from None
        if given.output is not None:
            variables[given.output] = found
        return found

    def _on(self) -> None:
        self.session.start().enabled = True
        print("\n".join(["nbtrace records LLM calls", *_status.unrecorded(self.session)]))

    def _off(self) -> None:
        self.session.enabled = False
        paused = f"nbtrace is paused; {len(self.session.store)} spans are kept. %nbtrace on goes on"
        print("\n".join([paused, *_status.unheld(self.session), *_status.unrecorded(self.session)]))

    def _last(self) -> Any:
        return self.session.trace()

    def _explain(self, span: str | None = None) -> Any:
        return self.session.explain(span)

    def _budget(self) -> None:
        print(self.session.budget())

    def _set_budget(self, given: str) -> None:
        """Take an amount, and for what it is: `2.00`, `100000 tokens cell`, `off`."""
        amount, _, last = given.rpartition(" ")
        per: Any = last if amount and last in get_args(Per) else "session"
        print(self.session.budget(amount if per == last else given, per=per))

    def _instrument(self) -> None:
        found = installed()
        for one in found:
            print(f"{one.name} {one.version}: {self._instrumentors.state(one)}")
        if not found:
            print("no GenAI instrumentor is installed; calls of known clients are recorded without one")

    def _activate(self, name: str) -> None:
        print(f"{self._instrumentors.activate(name)} is active; its spans are recorded until nbtrace is unloaded")

    def _replay(self) -> None:
        print(self._replaying or "no replay is on; %nbtrace replay session.parquet answers calls from that file")

    def _replay_from(self, source: str, mode: Any, timing: Any) -> None:
        """Begin a replay in the place of the one that is on, or end that."""
        before, self._replaying = self._replaying, None
        if before is not None:
            before.stop()
        if source != _OFF:
            from nbtrace._replays import Replay

            self._replaying = Replay(self.session, source, mode, timing).start()
        print(self._replaying or before or "no replay was on")

    def _audit(self, notebook: str | None = None) -> None:
        print(self.session.audit(notebook))

    def _sessions(self) -> None:
        journal = self.session.journal
        lines = _earlier.listed(self._directory(), journal.manifest.id if journal is not None else "")
        print("\n".join(lines) or f"no session is kept in {self._directory()}")

    def _resume(self, wanted: str | None = None) -> None:
        journal = self.session.journal
        own = journal.manifest.id if journal is not None else ""
        if wanted is None:
            found = _earlier.last(self._directory(), self._notebook(), own)
            if found is None:
                message = f"no earlier session of {self._notebook()} is kept; %nbtrace sessions lists those of others"
                raise NotFoundError(message)
        else:
            found = sessions.find(self._directory(), wanted)
            _earlier.refuse_running(found)
        before, versions = len(self.session.snapshot()), self.session.prompts.versions
        recovered = self.session.resume(found.path)
        new = len(self.session.snapshot()) - before, self.session.prompts.versions - versions
        print("\n".join(_earlier.resumed(found, recovered, *new)))

    def _help(self) -> None:
        lines = [f"  %nbtrace {action:<10} {text}" for action, text in ACTIONS.items()]
        config = [f"  %config NBTrace.{name} = ...   {text}" for name, text in SETTINGS.items()]
        print("\n".join([*lines, *(f"  {magic}   {text}" for magic, text in OTHERS.items()), *config]))

    def _status(self) -> None:
        print("\n".join(_status.lines(self.session)))


_loaded: NBTrace | None = None


def load(shell: InteractiveShell) -> None:
    """Register the magics and begin to record; no effect if that is done already."""
    global _loaded
    if _loaded is not None:
        return
    _loaded = NBTrace(shell)
    shell.register_magics(_loaded)
    shell.set_hook("complete_command", _complete, str_key="%nbtrace")


def unload(shell: InteractiveShell) -> None:
    """Stop recording and remove what `load` added."""
    global _loaded
    if _loaded is None:
        return
    _loaded.close()
    manager: Any = shell.magics_manager
    for kind, names in _loaded.magics.items():
        for name in names:
            manager.magics[kind].pop(name, None)
    manager.registry.pop(NBTrace.__name__, None)
    configurables: list[Any] = shell.configurables
    configurables[:] = [known for known in configurables if known is not _loaded]
    dispatchers: Any = shell.strdispatchers
    dispatchers["complete_command"].strs.pop("%nbtrace", None)
    _loaded = None


def _option(said: str) -> tuple[str, Any]:
    """Read `name=value`, the value as JSON, or else as text."""
    name, equals, value = said.partition("=")
    if not equals or not name.isidentifier():
        message = f"%%compare -p {said!r}: expected name=value, such as temperature=0.2"
        raise UsageError(message)
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def _complete(shell: Any, event: Any) -> list[str]:
    return list(ACTIONS)
