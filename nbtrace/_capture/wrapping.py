"""Methods of classes, replaced by wrappers of ours and put back exactly.

Others wrap too, on the class or on a subclass of it, before us and after, and put back what they found at another
time. Then a wrapper of ours outlives what it was made for, or stands where it was not put, or is passed by. So a
wrapper knows nothing of who made it; a subclass with a method of its own has that wrapped too; one of ours that was put
on a class it was not made for is taken away; and one that somebody else's stands on is left.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from types import FunctionType
from typing import Any, Final

_OURS: Final = "__nbtrace__"
"""Attribute of a wrapper of ours: itself, as `functools.wraps` copies attributes to who wraps it, and its class."""

Make = Callable[[Callable[..., Any]], Callable[..., Any]]


class Wrapping:
    """What was replaced, to be put back."""

    def __init__(self) -> None:
        self._replaced: list[tuple[Any, str, Callable[..., Any], Callable[..., Any]]] = []

    def replace(self, kind: Any, name: str, make: Make) -> None:
        """Wrap a class's method, and those by which its package's subclasses stand in for it.

        No effect where there is none, or one of ours.
        """
        _tidy(kind, name)
        for one in (kind, *_standing_in(kind, name)):
            original = vars(one).get(name)
            if original is not None and not is_ours(original):
                plain = original if type(original) is FunctionType else functools.partial(_bound, original)
                wrapper = functools.wraps(original)(make(plain))
                setattr(wrapper, _OURS, (wrapper, one))
                setattr(one, name, wrapper)
                self._replaced.append((one, name, wrapper, original))

    def restore(self) -> None:
        """Put back what was there; who wrapped our wrapper meanwhile keeps it."""
        while self._replaced:
            kind, name, wrapper, original = self._replaced.pop()
            if vars(kind).get(name) is wrapper:
                setattr(kind, name, original)
            _tidy(kind, name)


def _bound(method: Any, instance: Any, /, *args: Any, **kwargs: Any) -> Any:
    """Call a proxy of a function as a method: it may need to know its instance."""
    return method.__get__(instance, type(instance))(*args, **kwargs)


def is_ours(function: object) -> bool:
    """Tell a wrapper of ours from anything else, also from a proxy that answers as what it wraps."""
    return type(function) is FunctionType and vars(function).get(_OURS, (None,))[0] is function


def is_wrapped(kind: Any, name: str) -> bool:
    """Whether calls of a method pass a wrapper of ours, as far as what is above it tells."""
    return all(_leads_to_ours(vars(one)[name]) for one in (kind, *_standing_in(kind, name)) if name in vars(one))


def _leads_to_ours(function: object) -> bool:
    while function is not None and not is_ours(function):
        function = getattr(function, "__wrapped__", None)
    return function is not None


def _tidy(kind: Any, name: str) -> None:
    """Have subclasses inherit again where somebody put a wrapper of ours that was made for another class."""
    for below in _subclasses(kind):
        function = vars(below).get(name)
        if is_ours(function) and vars(function)[_OURS][1] is not below:
            delattr(below, name)


def _standing_in(kind: Any, name: str) -> list[Any]:
    """Find the subclasses on which somebody put a method: those of the same package, as a user's call their base."""
    package = kind.__module__.split(".")[0]
    return [one for one in _subclasses(kind) if name in vars(one) and one.__module__.split(".")[0] == package]


def _subclasses(kind: Any) -> Iterator[Any]:
    for below in type.__subclasses__(kind):
        yield below
        yield from _subclasses(below)
