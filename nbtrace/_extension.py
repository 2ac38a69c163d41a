"""The IPython extension: `%load_ext nbtrace`, `%nbtrace` and `%config NBTrace`.

Loading adds, unloading removes exactly what was added. Everything recorded stays in the session, so that reloading the
extension, or loading it again, loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring
from traitlets import Bool, Enum, observe

from nbtrace import _api, _guard
from nbtrace._autodisplay import AutoDisplay
from nbtrace._capture.cells import CellCapture
from nbtrace._trace.instrument import Instrumentors, installed
from nbtrace.errors import NbtraceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from IPython.core.interactiveshell import InteractiveShell

ACTIONS: Final = {
    "on": "record again after `off`",
    "off": "pause recording; nothing recorded is lost",
    "status": "say what is recorded, where, and what could not be",
    "last": "draw the last trace",
    "instrument": "list the installed GenAI instrumentors; with a name after it, activate that one",
    "help": "this text",
}

_CONFIG: Final = {
    "auto_display": "what appears under a cell that made LLM calls: off, summary or widget",
    "request_stream_usage": "ask chat streams for their token counts, out of your code's sight: True or False",
}


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

    def __init__(self, shell: InteractiveShell) -> None:
        super().__init__(shell)
        self.session = _api.session()
        self.session.request_stream_usage |= self.request_stream_usage
        self.request_stream_usage = self.session.request_stream_usage
        self._display = AutoDisplay(self.session, lambda: self.auto_display, updates=hasattr(shell, "kernel"))
        self._instrumentors = Instrumentors(self.session)
        session = self.session
        self._cells = CellCapture(lambda: session.tracing if session.enabled else None, shell, self._display.finished)
        self._unwatch: Callable[[], None] = self.session.watch(self._display)
        self._cells.open()

    @observe("request_stream_usage")
    def _usage(self, change: Any) -> None:
        if hasattr(self, "session"):
            self.session.request_stream_usage = change["new"]

    def close(self) -> None:
        """Stop recording and let go of IPython."""
        self._instrumentors.close()
        self._cells.close()
        self._display.close()
        self._unwatch()
        self.session.stop()

    @magic_arguments()
    @argument("action", nargs="?", default="status", help="one of: " + ", ".join(ACTIONS))  # pyright: ignore[reportUntypedFunctionDecorator]
    @argument("name", nargs="?", help="with `instrument`: what to activate")  # pyright: ignore[reportUntypedFunctionDecorator]
    @line_magic
    def nbtrace(self, line: str) -> Any:
        """Record LLM calls: `%nbtrace on|off|status|last|instrument|help`."""
        given = parse_argstring(self.nbtrace, line)
        action, name = given.action, given.name
        if action not in ACTIONS:
            message = f"%nbtrace has no action {action!r}; expected one of: {', '.join(ACTIONS)}"
            raise UsageError(message)
        if name is not None and action != "instrument":
            message = f"%nbtrace {action} takes nothing after it, got {name!r}"
            raise UsageError(message)
        try:
            if name is not None:
                return self._activate(name)
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

    def _off(self) -> None:
        self.session.enabled = False
        print(f"nbtrace is paused; {len(self.session.store)} spans are kept. %nbtrace on goes on")

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

    def _help(self) -> None:
        lines = [f"  %nbtrace {action:<10} {text}" for action, text in ACTIONS.items()]
        config = [f"  %config NBTrace.{name} = ...   {text}" for name, text in _CONFIG.items()]
        print("\n".join([*lines, *config]))

    def _status(self) -> None:
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
            print("everything is kept in this kernel's memory; nothing is sent unless you export")
        for problem in session.problems:
            print(f"problem: {problem}")
        for place, count in _guard.failures.items():
            print(f"problem: nbtrace failed {count} x in {place}")


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
    manager.magics["line"].pop("nbtrace", None)
    manager.registry.pop(NBTrace.__name__, None)
    configurables: list[Any] = shell.configurables
    configurables[:] = [known for known in configurables if known is not _loaded]
    dispatchers: Any = shell.strdispatchers
    dispatchers["complete_command"].strs.pop("%nbtrace", None)
    _loaded = None


def _complete(shell: Any, event: Any) -> list[str]:
    return list(ACTIONS)
