"""Observability for LLM calls, native to the notebook.

`%load_ext nbtrace` in Jupyter, or `nbtrace.session()` in a script: from then on every LLM call is an OpenTelemetry span
in an in-memory Arrow table, to be drawn, queried and exported. Nothing leaves the machine unless asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from nbtrace import _imports

with _imports.uncollected():
    from nbtrace import checks
    from nbtrace._api import (
        context,
        cost,
        export,
        metrics,
        of,
        session,
        span,
        spans,
        sql,
        trace,
        traces,
    )  # fmt: skip
    from nbtrace._declare import budget, guard, guarding, prices, prompt, prompts, redact, watch
    from nbtrace._evaluations import agreement, check, evaluate, judge
    from nbtrace._exercise import exercise
    from nbtrace._opened import open  # noqa: A004 - called `nbtrace.open`
    from nbtrace._pictures import compare, freeze, latency, usage
    from nbtrace._replay_one import replay_span
    from nbtrace._replays import ReplayMiss, replay
    from nbtrace._review import audit, diff, drift, explain
    from nbtrace._session import Session
    from nbtrace.errors import BudgetError, GuardrailError, NbtraceError

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = [
    "BudgetError", "GuardrailError", "NbtraceError", "ReplayMiss", "Session", "agreement", "audit", "budget", "check",
    "checks", "compare", "context", "cost", "diff", "drift", "evaluate", "exercise", "explain", "export", "freeze",
    "guard", "guarding", "judge", "latency", "metrics", "of", "open", "prices", "prompt", "prompts", "redact", "replay",
    "replay_span", "session", "span", "spans", "sql", "trace", "traces", "usage", "watch",
]  # fmt: skip


def load_ipython_extension(shell: InteractiveShell) -> None:
    """Begin to record in IPython; called by `%load_ext nbtrace`."""
    with _imports.uncollected():
        from nbtrace._extension import load

        load(shell)


def unload_ipython_extension(shell: InteractiveShell) -> None:
    """Leave IPython as it was before; called by `%unload_ext nbtrace`."""
    from nbtrace._extension import unload

    unload(shell)
