"""Checks that are there already, for `nbtrace.evaluate`: each function gives one, which reads only what it needs.

Where there is nothing to judge, such as no answer of a call that failed, a check says nothing, and the evaluation
counts that apart. Nothing is imported before it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from nbtrace._evaluate.bounds import cost, latency, length
    from nbtrace._evaluate.labelled import accuracy
    from nbtrace._evaluate.scorers import scorer
    from nbtrace._evaluate.texts import contains, exact, json_schema, numeric, refusal, regex
    from nbtrace._evaluate.tools import retrieved, tools
    from nbtrace._evaluate.verdict import Verdict

__all__ = [
    "Verdict", "accuracy", "contains", "cost", "exact", "json_schema", "latency", "length", "numeric", "refusal",
    "regex", "retrieved", "scorer", "tools",
]  # fmt: skip

_PLACES: Final = {
    "verdict": ("Verdict",),
    "bounds": ("cost", "latency", "length"),
    "labelled": ("accuracy",),
    "scorers": ("scorer",),
    "texts": ("contains", "exact", "json_schema", "numeric", "refusal", "regex"),
    "tools": ("retrieved", "tools"),
}
"""Modules of `_evaluate` and what is in them."""


def __getattr__(name: str) -> Any:
    from importlib import import_module

    for module, names in _PLACES.items():
        if name in names:
            found = getattr(import_module(f"nbtrace._evaluate.{module}"), name)
            globals()[name] = found
            return found
    message = f"nbtrace.checks has no {name!r}; it has: {', '.join(__all__)}"
    raise AttributeError(message)


def __dir__() -> list[str]:
    return __all__
