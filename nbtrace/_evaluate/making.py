"""Makes the checks that are built in: a function that only computes, by a name, a version and its parameters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from nbtrace._evaluate.check import Check, check_of

VERSION: Final = "1"
"""Of what the built-in checks say; a new one where one of them says something else than before."""


def built_in(function: Callable[..., Any], name: str, *, has_reference: bool = True, **params: Any) -> Check:
    """Make a check of a function, whose parameters are set.

    Args:
        function: what it does.
        name: what it is called, and its scores.
        has_reference: whether it is given what should have come, if it takes that.
        **params: of the function; those that are none are left out.
    """
    made = check_of(
        function, name=name, version=VERSION, evaluator=f"nbtrace.checks.{function.__name__.strip('_')}", is_quick=True
    )
    made = made if has_reference else replace(made, reference=None)
    return made.using(**{key: value for key, value in params.items() if value is not None})
