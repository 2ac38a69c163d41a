"""Guards and validators of guardrails-ai as functions that `nbtrace.guard` takes.

The package is never imported here: an object of its has brought it along. They are called as
https://docs.guardrailsai.com has it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

_PACKAGE: Final = "guardrails"


def is_theirs(given: object) -> bool:
    """Say whether something is a guard or a validator of guardrails-ai."""
    theirs = (one.__module__.startswith(f"{_PACKAGE}.") for one in type(given).__mro__)
    return any(theirs) and hasattr(given, "validate")  # a file of the user's may have the package's name


def name_of(given: Any) -> str:
    """Give what it is called there."""
    return str(getattr(given, "rail_alias", None) or getattr(given, "name", None) or type(given).__name__)


def function_of(given: Any, *, is_fixing: bool) -> Callable[[str], Any]:
    """Make of a guard or a validator what looks at a text.

    Args:
        given: the guard or the validator.
        is_fixing: whether a text in place of the one given is wanted, and not whether it passes.
    """
    look = _validated if hasattr(given, "rail_alias") else _guarded

    def function(text: str) -> Any:
        passed, fixed, why = look(given, text)
        if not is_fixing:
            return passed, why
        if isinstance(fixed, str):
            return fixed, why
        if passed:
            return True, why
        message = f"{name_of(given)} has nothing to put in its place{f': {why}' if why else ''}"
        raise ValueError(message)

    return function


def _validated(validator: Any, text: str) -> tuple[bool, Any, str | None]:
    found = validator.validate(text, {})
    if found.outcome == "pass":
        return True, None, None
    return False, getattr(found, "fix_value", None), getattr(found, "error_message", None)


def _guarded(guard: Any, text: str) -> tuple[bool, Any, str | None]:
    try:
        found = guard.validate(text)
    except Exception as error:
        if type(error).__name__ != "ValidationError":  # as which `on_fail="exception"` says that it does not pass
            raise
        return False, None, str(error)
    reasons = [one.failure_reason for one in found.validation_summaries or () if one.failure_reason]
    return bool(found.validation_passed), found.validated_output, "; ".join(reasons) or found.error
