"""Checks of what was said: word for word, in part, by pattern, as JSON, as a number, and whether it was a refusal."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import orjson

from nbtrace._evaluate.making import built_in
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._evaluate.check import Check

_Said = bool | tuple[bool, str] | None

_NUMBER: Final = re.compile(r"[-+\u2212]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?:[eE][-+]?\d+)?|[-+\u2212]?\.\d+")
REFUSALS: Final = re.compile(
    r"\b(?:I(?:'m| am)? (?:sorry|afraid|unable|not able)\b|I (?:can(?:no|')t|won't|will not|must decline)\b"
    r"|I cannot\b|(?:as|being) an AI\b|against my (?:guidelines|programming)\b|I (?:have to|must) refuse\b)",
    re.IGNORECASE,
)
"""English phrases with which models decline; looked for in the first 300 characters."""
_BEGINNING: Final = 300
_SHOWN: Final = 80


def exact(*, ignore_case: bool = False, strip: bool = True, name: str = "exact") -> Check:
    """Check that an answer is the reference.

    Args:
        ignore_case: whether case makes no difference.
        strip: whether blanks around make none.
        name: what it is called.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.exact().function("Paris ", "Paris")
        True
    """
    return built_in(_exact, name, ignore_case=ignore_case or None, strip=None if strip else False)


def contains(
    text: str | Sequence[str] | None = None, *, ignore_case: bool = False, any_of: bool = False, name: str = "contains"
) -> Check:
    """Check that an answer has a text in it, or all of several, or any of them.

    Args:
        text: the text, or several; without it, the reference.
        ignore_case: whether case makes no difference.
        any_of: whether one of several is enough.
        name: what it is called.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.contains(["Rome", "Oslo"]).function("Rome it is.", text=["Rome", "Oslo"])
        (False, "without 'Oslo'")
    """
    has_reference = text is None
    return built_in(
        _contains, name, has_reference=has_reference, text=text, ignore_case=ignore_case or None, any_of=any_of or None
    )


def regex(pattern: str | re.Pattern[str], *, name: str = "regex") -> Check:
    r"""Check that a regular expression is found in an answer.

    Raises:
        UsageError: it is none.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.regex(r"\d{4}").function("in 1969", pattern=r"\d{4}")
        True
    """
    try:
        compiled = re.compile(pattern)
    except (re.error, TypeError) as error:
        raise UsageError.argument("pattern", f"a regular expression ({error})", pattern) from None
    return built_in(_regex, name, pattern=compiled.pattern, flags=compiled.flags)


def json_schema(schema: Mapping[str, Any] | None = None, *, fenced: bool = False, name: str = "json_schema") -> Check:
    """Check that an answer is JSON, and fits a JSON Schema.

    Args:
        schema: the schema, checked by jsonschema (`pip install "nbtrace[jsonschema]"`); without it any JSON will do.
        fenced: whether JSON in a Markdown fence counts as well.
        name: what it is called.

    Raises:
        UsageError: jsonschema is not installed, or the schema is none.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.json_schema().function("{")
        (False, 'no JSON from character 1 on')
    """
    if schema is not None:
        _validator(schema)
    return built_in(_json_schema, name, schema=schema, fenced=fenced or None)


def numeric(*, tolerance: float = 1e-9, relative: bool = False, name: str = "numeric") -> Check:
    """Check that the last number in an answer is the reference.

    Args:
        tolerance: by how much it may differ.
        relative: whether that is a share of the reference.
        name: what it is called.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.numeric(tolerance=0.1).function("about 1,204.95 km", 1205, tolerance=0.1)
        True
    """
    return built_in(_numeric, name, tolerance=tolerance, relative=relative or None)


def refusal(*, expected: bool = False, name: str = "refusal") -> Check:
    """Check that an answer is no refusal: that neither the model nor a filter declined.

    A refusal that the provider does not flag is told by English phrases in the beginning of the answer: a hint, and no
    proof. The label is `refused` or `answered`.

    Args:
        expected: whether a refusal is what should have come.
        name: what it is called.

    Examples:
        >>> import nbtrace
        >>> nbtrace.checks.refusal().function("I'm sorry, I can't help with that.", None).label
        'refused'
    """
    return built_in(_refusal, name, wanted=expected or None)


def _exact(answer: str | None, reference: object, ignore_case: bool = False, strip: bool = True) -> _Said:
    if answer is None or reference is None:
        return None
    made: Callable[[str], str] = lambda text: text.strip() if strip else text  # noqa: E731
    said, expected = made(answer), made(str(reference))
    if ignore_case:
        said, expected = said.casefold(), expected.casefold()
    return said == expected


def _contains(
    answer: str | None,
    reference: object = None,
    text: str | Sequence[str] | None = None,
    ignore_case: bool = False,
    any_of: bool = False,
) -> _Said:
    wanted: Any = reference if text is None else text
    if answer is None or wanted is None:
        return None
    said = answer.casefold() if ignore_case else answer
    several = [str(one) for one in wanted] if isinstance(wanted, (list, tuple, set, frozenset)) else [str(wanted)]
    missing = [one for one in several if (one.casefold() if ignore_case else one) not in said]
    if not missing or (any_of and len(missing) < len(several)):
        return True
    return False, f"without {', '.join(map(repr, missing))}"


def _regex(answer: str | None, pattern: str = "", flags: int = 0) -> _Said:
    return None if answer is None else re.search(pattern, answer, flags) is not None


def _json_schema(answer: str | None, schema: Mapping[str, Any] | None = None, fenced: bool = False) -> _Said:
    if answer is None:
        return None
    inside = re.search(r"```(?:json)?\s*\n(.*?)```", answer, re.DOTALL) if fenced else None
    try:
        value = orjson.loads(inside.group(1) if inside else answer)
    except orjson.JSONDecodeError as error:
        return False, f"no JSON from character {error.pos} on"
    if schema is None:
        return True
    wrong = next(iter(_validator(schema).iter_errors(value)), None)
    return True if wrong is None else (False, f"{wrong.json_path}: {wrong.message[:200]}")


_validators: dict[str, Any] = {}
"""By schema as JSON: to make one takes longer than to use it."""


def _validator(schema: Mapping[str, Any]) -> Any:
    known = repr(schema)
    if known not in _validators:
        try:
            import jsonschema.exceptions
            import jsonschema.validators
        except ImportError as error:
            raise UsageError.missing("checks.json_schema(schema)", "jsonschema", extra="nbtrace[jsonschema]") from error
        kind: Any = jsonschema.validators.validator_for(schema)
        try:
            kind.check_schema(schema)
        except jsonschema.exceptions.SchemaError as error:
            raise UsageError.argument("schema", f"a JSON Schema ({error.message})", schema) from None
        _validators[known] = kind(schema)
    return _validators[known]


def _numeric(answer: str | None, reference: object, tolerance: float = 1e-9, relative: bool = False) -> _Said:
    if answer is None or reference is None:
        return None
    expected = _number(reference)
    if expected is None:
        message = f"the reference {reference!r:.60} has no number in it"
        raise ValueError(message)
    said = _number(answer)
    if said is None:
        return False, "no number in the answer"
    if abs(said - expected) <= (tolerance * abs(expected) if relative else tolerance):
        return True
    return False, f"{said:g}, not {expected:g}"


def _number(given: object) -> float | None:
    """Read a number, of a text the last one."""
    if isinstance(given, (int, float)) and not isinstance(given, bool):
        return float(given) if math.isfinite(given) else None
    found = _NUMBER.findall(str(given))
    return float(found[-1].replace(",", "").replace("\u2212", "-")) if found else None


def _refusal(answer: str | None, refusal: str | None, wanted: bool = False) -> Any:
    from nbtrace._evaluate.verdict import Verdict

    if answer is None and refusal is None:
        return None
    found = REFUSALS.search((answer or "")[:_BEGINNING])
    why = f"by the {refusal}" if refusal else f"it says {found.group(0)!r:.{_SHOWN}}" if found else None
    refused = why is not None
    return Verdict(float(refused == wanted), "refused" if refused else "answered", why)
