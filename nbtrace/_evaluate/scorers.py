"""Scorers of autoevals, ragas and deepeval as checks: what they are asked for is filled in from the span.

Their packages are never imported here: a scorer that was given has brought its own along. What they are called with is
what their documentation says: https://github.com/braintrustdata/autoevals, https://docs.ragas.io and
https://deepeval.com/docs/metrics-introduction.
"""

from __future__ import annotations

import copy
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import metadata
from typing import Any, Final, NamedTuple, cast

from nbtrace._evaluate.check import Check, check_of, digest
from nbtrace._evaluate.verdict import Verdict
from nbtrace._query.scored import FAIL, PASS
from nbtrace.errors import UsageError

_DEPTH: Final = 4
"""Objects inside each other that are looked into for what a scorer's version is made of."""
_FOUND: Final = frozenset(
    ("api_key", "error", "evaluation_cost", "input_tokens", "output_tokens", "reason", "score", "score_breakdown",
     "success", "verbose_logs")
)  # fmt: skip
"""What a metric keeps of its last run, and what is nobody's business."""
_NAMELESS: Final = "Base Metric"
"""What a metric of deepeval is called that has no name."""


class _Asked(NamedTuple):
    """What a scorer may be told of a span."""

    question: str | None
    answer: str | None
    documents: list[str] | None
    tool_calls: Sequence[Mapping[str, Any]]
    reference: Any


Judge = Callable[[_Asked], Any]


def scorer(given: object, *, name: str | None = None, version: str | None = None, **more: Any) -> Check:
    """Make a check of a scorer of autoevals, a metric of ragas, or a metric of deepeval.

    `nbtrace.evaluate` takes them as they are, too. They are told the last question, the answer, the documents that were
    retrieved, the tools that were called (deepeval), and the reference. A metric of ragas that needs what a span does
    not have has nothing to judge there.

    Args:
        given: the scorer, made: `Levenshtein()`, not the class.
        name: what its scores are called; by default what the scorer calls itself.
        version: its version; by default a hash of the package's version and of how the scorer is set.
        **more: what else it is to be told each time, by the names that it has for it, such as `llm=...` or
            `context=[...]`.

    Raises:
        UsageError: it is none of these.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.scorer(len)
        Traceback (most recent call last):
        ...
        nbtrace.errors.UsageError: the scorer must be one of autoevals, ragas or deepeval, not <built-in function len>
    """
    family = family_of(given)
    if family is None:
        message = f"the scorer must be one of {', '.join([*_FAMILIES][:-1])} or {[*_FAMILIES][-1]}, not {given!r:.80}"
        raise UsageError(message)
    judge, called, model = _FAMILIES[family](given, more)
    kind = f"{type(given).__module__}.{type(given).__qualname__}"
    return check_of(
        _function(judge),
        name=name or called,
        version=version or digest(repr((family, _version(family), kind, _told(given), _told(more))))[:12],
        evaluator=model or kind,
        source="llm" if model else "code",
        traced=bool(model),
    )


def family_of(given: object) -> str | None:
    """Say whose scorer something is; none if it is nobody's."""
    if isinstance(given, type):
        return None
    for kind in type(given).__mro__:
        root, dot, _ = kind.__module__.partition(".")
        if root in _FAMILIES and dot:  # theirs are packages; a file of the user's may have the same name
            return root
    return None


def _function(judge: Judge) -> Callable[..., Any]:
    async def ajudge(question: Any, answer: Any, documents: Any, tool_calls: Any, reference: Any = None) -> Any:
        return await judge(_Asked(question, answer, _texts(documents), tool_calls, reference))

    def sjudge(question: Any, answer: Any, documents: Any, tool_calls: Any, reference: Any = None) -> Any:
        return judge(_Asked(question, answer, _texts(documents), tool_calls, reference))

    return ajudge if inspect.iscoroutinefunction(judge) else sjudge


def _texts(documents: Sequence[Any]) -> list[str] | None:
    found = [
        str(cast("Mapping[str, Any]", one).get("content") or "") if isinstance(one, Mapping) else str(one)
        for one in documents
    ]
    return found or None


def _known(told: Mapping[str, Any], takes: frozenset[str] | None) -> dict[str, Any]:
    """Choose what is known, and taken; none takes everything."""
    return {key: value for key, value in told.items() if value is not None and (takes is None or key in takes)}


def _autoevals(given: Any, more: Mapping[str, Any]) -> tuple[Judge, str, str | None]:
    takes = _taken(getattr(given, "_run_eval_sync", given.eval))

    def judge(asked: _Asked) -> Verdict | None:
        if asked.answer is None:
            return None
        told = {"input": asked.question, "context": asked.documents}
        known = _known(told, takes)
        found = given.eval(asked.answer, asked.reference, **{**known, **more})
        if found.score is None:
            return None
        said: Mapping[str, Any] = found.metadata or {}
        choice, why = said.get("choice"), said.get("rationale")
        return Verdict(float(found.score), None if choice is None else str(choice), None if why is None else str(why))

    is_model = any(kind.__name__ == "OpenAILLMScorer" for kind in type(given).__mro__)
    model = getattr(given, "model", None) or ("a model" if is_model else None)
    return judge, str(given._name()), None if model is None else str(model)  # noqa: SLF001 - it has no other name


def _ragas(given: Any, more: Mapping[str, Any]) -> tuple[Judge, str, str | None]:
    is_older = hasattr(given, "single_turn_ascore")
    score = given.single_turn_ascore if is_older else given.ascore
    takes = None if is_older else _taken(score)
    needs = () if is_older else _needed(score)

    async def judge(asked: _Asked) -> Verdict | float | None:
        if asked.answer is None:
            return None
        told = {
            "user_input": asked.question,
            "response": asked.answer,
            "retrieved_contexts": asked.documents,
            "reference": asked.reference,
            **more,
        }
        known = _known(told, takes)
        if is_older:
            return float(await score(sys.modules["ragas.dataset_schema"].SingleTurnSample(**known)))
        if any(one not in known for one in needs):
            return None
        found = await score(**known)
        why = None if found.reason is None else str(found.reason)
        if isinstance(found.value, str):
            return Verdict(label=found.value, explanation=why)
        return Verdict(float(found.value), explanation=why)

    llm = more.get("llm") or getattr(given, "llm", None)
    model = None if llm is None else str(getattr(llm, "model", None) or type(llm).__name__)
    return judge, str(given.name), model


def _deepeval(given: Any, more: Mapping[str, Any]) -> tuple[Judge, str, str | None]:
    quiet = {"_show_indicator": False} if "_show_indicator" in inspect.signature(given.a_measure).parameters else {}

    async def judge(asked: _Asked) -> Verdict | None:
        if asked.answer is None and not asked.tool_calls:
            return None
        of = sys.modules["deepeval.test_case"]
        told = {
            "input": asked.question or "",
            "actual_output": asked.answer,
            "expected_output": None if asked.reference is None else str(asked.reference),
            "retrieval_context": asked.documents,
            "tools_called": [
                of.ToolCall(name=str(one["name"]), input_parameters=_object(one["arguments"]))
                for one in asked.tool_calls
            ],
        }
        metric = copy.copy(given)  # it keeps what it has found
        await metric.a_measure(of.LLMTestCase(**{**told, **more}), **quiet)
        if metric.score is None:
            return None
        passed = metric.is_successful()
        return Verdict(float(metric.score), None if passed is None else PASS if passed else FAIL, metric.reason)

    model = getattr(given, "evaluation_model", None)
    called = str(getattr(given, "__name__", _NAMELESS))
    return judge, type(given).__name__ if called == _NAMELESS else called, None if model is None else str(model)


_FAMILIES: Final[dict[str, Callable[[Any, Mapping[str, Any]], tuple[Judge, str, str | None]]]] = {
    "autoevals": _autoevals,
    "ragas": _ragas,
    "deepeval": _deepeval,
}
"""By package: makes of a scorer what judges, its name, and the model that it asks."""


def _object(given: Any) -> dict[str, Any] | None:
    return dict(cast("Mapping[str, Any]", given)) if isinstance(given, Mapping) else None


def _taken(function: Callable[..., Any]) -> frozenset[str] | None:
    """Name the keywords that a function takes; none if it takes any."""
    parameters = inspect.signature(function).parameters.values()
    if any(one.kind is one.VAR_KEYWORD for one in parameters):
        return None
    return frozenset(one.name for one in parameters)


def _needed(function: Callable[..., Any]) -> tuple[str, ...]:
    several = (inspect.Parameter.VAR_KEYWORD, inspect.Parameter.VAR_POSITIONAL)
    parameters = inspect.signature(function).parameters.values()
    return tuple(one.name for one in parameters if one.default is one.empty and one.kind not in several)


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "unknown"


def _told(value: Any, depth: int = _DEPTH) -> object:
    """Word how something is set, the same in every process: what it holds, and of what it cannot say its class."""
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    if depth == 0 or hasattr(value, "base_url"):  # a client holds a key, and says nothing of what is asked
        return type(value).__qualname__
    if isinstance(value, Mapping):
        held = cast("Mapping[Any, Any]", value)
    elif isinstance(value, (list, tuple)):
        return [_told(one, depth - 1) for one in cast("Sequence[Any]", value)]
    else:
        held = cast("Mapping[str, Any] | None", getattr(value, "__dict__", None))
        if held is None or (callable(value) and family_of(value) is None):
            return getattr(value, "__qualname__", type(value).__qualname__)
    return type(value).__qualname__, sorted(
        (str(key), repr(_told(one, depth - 1))) for key, one in held.items() if str(key) not in _FOUND
    )
