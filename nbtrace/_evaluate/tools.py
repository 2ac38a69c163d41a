"""Checks of what a call did beside talking: which tools it called, with what, and what a retrieval found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from nbtrace._evaluate.making import built_in
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._evaluate.check import Check

_Said = bool | tuple[bool, str] | None


def tools(expected: object = None, *, ordered: bool = False, more: bool = False, name: str = "tools") -> Check:
    """Check that an answer calls the right tools, with the right arguments.

    Args:
        expected: a tool's name, a dict with `name` and `arguments`, or a list of these; an empty list is no call.
            Arguments that are not named may be anything. Without it, the reference says so.
        ordered: whether the calls have to come in that order.
        more: whether other calls may come beside them.
        name: what it is called.

    Raises:
        UsageError: it is none of these.

    Examples:
        >>> import nbtrace
        >>> check = nbtrace.checks.tools({"name": "weather", "arguments": {"city": "Oslo"}})
        >>> check.function([{"name": "weather", "arguments": {"city": "Rome"}}], **check.params)
        (False, "weather: city is 'Rome', not 'Oslo'")
    """
    if expected is not None:
        _wanted(expected)
    has_reference = expected is None
    return built_in(
        _tools, name, has_reference=has_reference, tools=expected, ordered=ordered or None, more=more or None
    )


def retrieved(
    expected: Sequence[str] | str | None = None, *, k: int | None = None, all_of: bool = False, name: str = "retrieved"
) -> Check:
    """Check that a retrieval found what it should have: a document by its id, or by a text in it.

    Args:
        expected: ids or texts of documents; without it, the reference says which.
        k: only the first so many documents count.
        all_of: whether all of them have to be there; by default any will do. The value is the share that is.
        name: what it is called.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.retrieved(["7"]).function([{"id": "7", "content": "Ada"}], "retrieval", wanted=["7"]).value
        1.0
    """
    if k is not None and (isinstance(k, bool) or k < 1):
        raise UsageError.argument("k", "a number of documents, from 1", k)
    several = [expected] if isinstance(expected, str) else expected
    has_reference = several is None
    return built_in(_retrieved, name, has_reference=has_reference, wanted=several, k=k, all_of=all_of or None)


def _wanted(expected: object) -> list[tuple[str, Mapping[str, Any]]]:
    """Read which calls are expected.

    Raises:
        UsageError: it says none.
    """
    several: list[Any] = cast("list[Any]", expected) if isinstance(expected, (list, tuple)) else [expected]
    found: list[tuple[str, Mapping[str, Any]]] = []
    for one in several:
        match one:
            case str():
                found.append((one, {}))
            case {"name": str(name)}:
                arguments = cast("Mapping[str, Any]", one).get("arguments") or {}
                if not isinstance(arguments, Mapping):
                    raise UsageError.argument("arguments", "a dict of arguments", arguments)
                found.append((name, cast("Mapping[str, Any]", arguments)))
            case _:
                raise UsageError.kind("the tool call expected", one, "a name, or a dict with name and arguments")
    return found


def _tools(
    tool_calls: Sequence[Mapping[str, Any]], reference: object = None, tools: object = None, ordered: bool = False,
    more: bool = False,
) -> _Said:  # fmt: skip
    given = reference if tools is None else tools
    if given is None:
        return None
    wanted, left = _wanted(given), list(tool_calls)
    at = 0
    for name, arguments in wanted:
        rest = range(at, len(left)) if ordered else range(len(left))
        same = [place for place in rest if left[place]["name"] == name]
        if not same:
            said = ", ".join(str(call["name"]) for call in tool_calls) or "nothing"
            return False, f"{name} is not called; called was {said}"
        fit = next((place for place in same if _difference(left[place], arguments) is None), None)
        if fit is None:
            return False, f"{name}: {_difference(left[same[0]], arguments)}"
        del left[fit]
        at = fit
    if left and not more:
        return False, f"called besides: {', '.join(str(call['name']) for call in left)}"
    return True


def _difference(call: Mapping[str, Any], arguments: Mapping[str, Any]) -> str | None:
    """Say in what a call's arguments differ; none if they do not."""
    given: Any = call["arguments"]
    if not isinstance(given, Mapping):
        return "its arguments are no JSON object" if arguments else None
    has = cast("Mapping[str, Any]", given)
    for key, value in arguments.items():
        if key not in has:
            return f"{key} is missing"
        if has[key] != value:
            return f"{key} is {has[key]!r:.60}, not {value!r:.60}"
    return None


def _retrieved(
    documents: Sequence[Any],
    type: str,  # noqa: A002 - the span's
    reference: object = None,
    *,
    wanted: Sequence[str] | None = None,
    k: int | None = None,
    all_of: bool = False,
) -> Any:
    from nbtrace._evaluate.verdict import Verdict
    from nbtrace._query.scored import FAIL, PASS

    given: Any = reference if wanted is None else wanted
    if given is None or (type != "retrieval" and not documents):
        return None
    is_one = isinstance(given, str) or not isinstance(given, Sequence)
    several = [given] if is_one else list(cast("Sequence[Any]", given))
    some = documents[:k]
    missing = [one for one in several if not any(_is(document, str(one)) for document in some)]
    share = 1 - len(missing) / len(several) if several else 1.0
    passed = not missing if all_of else len(missing) < len(several) or not several
    why = f"not found: {', '.join(map(str, missing))}" if missing else None
    return Verdict(share, PASS if passed else FAIL, why)


def _is(document: Any, wanted: str) -> bool:
    if not isinstance(document, Mapping):
        return wanted in str(document)
    found = cast("Mapping[str, Any]", document)
    return str(found.get("id")) == wanted or wanted in str(found.get("content") or "")
