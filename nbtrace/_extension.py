"""The IPython extension: `%load_ext nbtrace`, `%nbtrace` and `%config NBTrace`.

Loading adds, unloading removes exactly what was added. Everything recorded stays in the session, so that reloading the
extension, or loading it again, loses nothing.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, get_args

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import Bool, Enum, Float, Int, List, TraitError, Unicode, default, observe, validate
from traitlets.config import Config

from nbtrace import _api, _earlier, _guard
from nbtrace._autodisplay import AutoDisplay
from nbtrace._capture.cells import CellCapture
from nbtrace._store import sessions
from nbtrace._trace.instrument import Instrumentors, installed
from nbtrace._trace.redact.content import ContentMode
from nbtrace._trace.redact.rules import OPTIONAL
from nbtrace.errors import NbtraceError, NotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

    from nbtrace._trace.provider import Tracing

_MODES: Final = {"metadata": "left out", "hashed": "told by length and hash"}

ACTIONS: Final = {
    "on": "record again after `off`",
    "off": "pause recording; nothing recorded is lost",
    "status": "say what is recorded, where, and what could not be",
    "last": "draw the last trace",
    "instrument": "list the installed GenAI instrumentors; with a name after it, activate that one",
    "sessions": "list the sessions that are kept on this machine",
    "resume": "bring back the last session of this notebook; with an id after it, that one",
    "help": "this text",
}

UNPRICED: Final = 5
"""Models without a price that the status names."""

_CONFIG: Final = {
    "auto_display": "what appears under a cell that made LLM calls: off, summary or widget",
    "request_stream_usage": "ask chat streams for their token counts, out of your code's sight: True or False",
    "journal": "where the session is kept beyond the kernel's life: on, off or a directory",
    "redact": "what is masked besides secrets: a list of email, phone, card, iban, presidio",
    "content": "what is kept of prompts, answers, sources: full, hashed, or metadata, which is nothing",
    "max_content_bytes": "how much is kept of one prompt or answer",
    "max_blob_bytes": "up to which size images, recordings and files are kept",
    "sample": "the share of traces that is recorded; those with an error always are",
}

JOURNAL: Final = "NBTRACE_JOURNAL"
"""The environment variable with the journal's place, where no configuration says it."""


_SESSIONS: Final = ("request_stream_usage", "redact", "content", "max_content_bytes", "max_blob_bytes", "sample")
"""Settings that are the session's, and outlive the extension."""


@magics_class
class NBTrace(Magics):
    """LLM calls as OpenTelemetry spans, recorded and drawn in the notebook."""

    auto_display = Enum(
        ("off", "summary", "widget"),
        default_value="summary",
        help="What appears under a cell that made LLM calls: nothing, one line that opens to a tree, or the widget.",
    ).tag(config=True)

    request_stream_usage = Bool(
        help="Whether chat streams whose request does not say are asked for their usage; your code does not see it.",
    ).tag(config=True)
    redact = List(Enum(OPTIONAL), help="What is masked besides secrets.").tag(config=True)
    content = Enum(
        get_args(ContentMode),
        help="What is kept of prompts, answers, arguments and sources: everything, length and hash, or nothing.",
    ).tag(config=True)
    max_content_bytes = Int(help="Bytes kept of one attribute, such as a prompt.").tag(config=True)
    max_blob_bytes = Int(help="Bytes up to which an image, recording or file is kept.").tag(config=True)
    sample = Float(help="The share of traces that is recorded; those with an error always are.").tag(config=True)

    journal = Unicode(
        help="Where the session is kept beyond the kernel's life: on (the user's state directory), off or a directory."
    ).tag(config=True)

    @default("journal")
    def _journal_default(self) -> str:
        return os.environ.get(JOURNAL) or "on"

    def __init__(self, shell: InteractiveShell) -> None:
        self.session = _api.session()
        try:
            super().__init__(shell)
        except TraitError as error:  # `%config` refuses a value, and IPython keeps it for the next time all the same
            configurables: list[Any] = shell.configurables
            configurables[:] = [known for known in configurables if known is not self]
            super().__init__(shell, parent=None, config=Config())
            print(f"nbtrace: the configuration is left out, because {error}")
        self._display = AutoDisplay(self.session, lambda: self.auto_display, updates=hasattr(shell, "kernel"))
        self._instrumentors = Instrumentors(self.session, self.session.expect_others)
        self._cells = CellCapture(self._recording, shell, self._display.finished)
        self._unwatch: Callable[[], None] = self.session.watch(self._display)
        self._keep()
        self._offer()
        self._cells.open()

    @default("request_stream_usage")
    def _request_stream_usage(self) -> bool:
        return self.session.request_stream_usage

    @default("redact")
    def _redact(self) -> list[str]:
        return list(self.session.policy.rules.optional)

    @default("content")
    def _content(self) -> str:
        return self.session.policy.content

    @default("max_content_bytes")
    def _max_content_bytes(self) -> int:
        return self.session.policy.max_content_bytes

    @default("max_blob_bytes")
    def _max_blob_bytes(self) -> int:
        return self.session.policy.max_blob_bytes

    @default("sample")
    def _sample(self) -> float:
        return self.session.gate.rate

    @validate(*_SESSIONS)
    def _set(self, proposal: Any) -> Any:
        """Have the session do as configured; refuse what it cannot."""
        policy, name, value = self.session.policy, proposal["trait"].name, proposal["value"]
        try:
            if name == "redact":
                policy.rules.optional = value
            elif name == "request_stream_usage":
                self.session.request_stream_usage = value
            elif name == "sample":
                self.session.gate.rate = value
            else:
                setattr(policy, name, value)
        except NbtraceError as error:
            raise TraitError(str(error)) from None
        return value

    @observe("journal")
    def _journal_changed(self, change: object) -> None:
        if hasattr(self, "session"):
            self._keep()

    def _keep(self) -> None:
        """Open the journal where it is to be, or close it."""
        if self.journal == "off":
            self.session.close_journal()
        else:
            self.session.open_journal(self._directory(), notebook=self._notebook())

    def _directory(self) -> Path:
        """Say where sessions are kept, also while none is written."""
        at = self.journal if self.journal != "off" else self._journal_default()
        return sessions.default_directory() if at in ("on", "off") else Path(at).expanduser().absolute()

    def _notebook(self) -> str:
        """Name the notebook, or if nobody knows it, where it runs."""
        named = os.environ.get("JPY_SESSION_NAME") or self._names().get("__vsc_ipynb_file__")
        return str(named or Path.cwd())

    def _names(self) -> dict[str, Any]:
        return getattr(self.shell, "user_ns", {})

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

    @magic_arguments()
    @argument("action", nargs="?", default="status", help="one of: " + ", ".join(ACTIONS))  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("name", nargs="?", help="with `instrument`: what to activate; with `resume`: which session")  # pyright: ignore[reportUntypedFunctionDecorator]
    @line_magic
    def nbtrace(self, line: str) -> Any:
        """Record LLM calls: `%nbtrace on|off|status|last|instrument|sessions|resume|help`."""
        given = parse_argstring(self.nbtrace, line)
        action, name = given.action, given.name
        if action not in ACTIONS:
            message = f"%nbtrace has no action {action!r}; expected one of: {', '.join(ACTIONS)}"
            raise UsageError(message)
        if name is not None and action not in ("instrument", "resume"):
            message = f"%nbtrace {action} takes nothing after it, got {name!r}"
            raise UsageError(message)
        try:
            if name is not None:
                return self._activate(name) if action == "instrument" else self._resume(name)
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

    def _on(self) -> None:
        self.session.start().enabled = True
        print("nbtrace records LLM calls")
        self._say_unrecorded()

    def _off(self) -> None:
        self.session.enabled = False
        print(f"nbtrace is paused; {len(self.session.store)} spans are kept. %nbtrace on goes on")
        self._say_unrecorded()

    def _last(self) -> Any:
        return self.session.trace()

    def _instrument(self) -> None:
        found = installed()
        for one in found:
            state = "active" if one.name in self._instrumentors.active else "installed"
            print(f"{one.name} {one.version}: {state}")
        if not found:
            print("no GenAI instrumentor is installed; calls of known clients are recorded without one")

    def _activate(self, name: str) -> None:
        self._instrumentors.activate(name)
        print(f"{name} is active; its spans are recorded until nbtrace is unloaded")

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
        before = len(self.session.store)
        recovered = self.session.resume(found.path)
        print("\n".join(_earlier.resumed(found, recovered, len(self.session.store) - before)))

    def _help(self) -> None:
        lines = [f"  %nbtrace {action:<10} {text}" for action, text in ACTIONS.items()]
        config = [f"  %config NBTrace.{name} = ...   {text}" for name, text in _CONFIG.items()]
        print("\n".join([*lines, *config]))

    def _status(self) -> None:
        from nbtrace._query.cost import unpriced
        from nbtrace._query.select import without_cells
        from nbtrace._query.totals import summarize
        from nbtrace._widgets.summary import summary_text

        session = self.session
        everything = session.spans()
        paid, latest = (
            summary_text(summarize(without_cells(some.snapshot)))
            for some in (everything, everything.filter(run="latest"))
        )
        state = "recording" if session.enabled else "paused" if session.running else "stopped"
        print(f"nbtrace is {state}: {paid}, {len(everything)} spans")
        if latest != paid:
            print(f"of these, the latest run of each cell: {latest}")
        if session.running and session.tracing.shared:
            print("spans are made on your tracer provider; its exporters get them without prompts and answers")
        else:
            print("nothing is sent unless you export")
        journal = session.journal
        if journal is None:
            print("everything is kept in this kernel's memory only: the journal is off")
        else:
            print(f"problem: {journal.problem}" if journal.problem else f"the journal is in {journal.directory}")
            if journal.removed:
                print(f"{len(journal.removed)} old sessions made room there")
        if models := unpriced(everything.snapshot):
            names = ", ".join(f"{model} ({count} x)" for model, count in list(models.items())[:UNPRICED])
            more = f" and {len(models) - UNPRICED} more" if len(models) > UNPRICED else ""
            print(f"unpriced: {names}{more}; nbtrace.cost(span) says why, nbtrace.prices[model] = {{...}} sets a price")
        self._say_policy()
        self._say_unrecorded()
        for problem in session.problems:
            print(f"problem: {problem}")
        for place, count in _guard.failures.items():
            print(f"problem: nbtrace failed {count} x in {place}")

    def _say_policy(self) -> None:
        policy = self.session.policy
        if policy.content != "full":
            print(f"content is not kept: prompts, answers and sources are {_MODES[policy.content]}")
        if asked := (*policy.rules.optional, *policy.rules.own):
            print(f"masked besides secrets: {', '.join(asked)}")

    def _say_unrecorded(self) -> None:
        gate, passed = self.session.gate, self.session.passed
        if passed or gate.while_off.spans:
            print(f"not recorded while paused: {passed} requests, {gate.while_off.spans} spans of your tracer provider")
        out = gate.sampled_out
        if gate.rate < 1 or out.spans:
            print(
                f"sampled: {gate.rate:.2%} of the traces, and those with an error; "
                f"left out: {out.traces} traces with {out.spans} spans, {out.calls} LLM calls"
            )


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


def _complete(shell: Any, event: Any) -> list[str]:
    return list(ACTIONS)
