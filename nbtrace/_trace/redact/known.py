"""Secrets whose value is known: environment variables that are named like one, keys that a client was made with.

The strongest rule, because it needs no form and no name next to the secret: the value is masked wherever it turns up.
Values are held in this process's memory only, as they are there anyway.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from threading import Lock
from typing import Any, Final
from urllib.parse import quote

from nbtrace._trace.redact.hits import MASK, Hit

SHORTEST: Final = 8
"""Characters. What is shorter turns up by chance."""
LIMIT: Final = 512
"""Values held; more are not learned."""


class Known:
    """The values to look for, each with the rule that its mask names.

    Args:
        changed: told of every new value.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self._changed = changed
        self._rules: dict[str, str] = {}
        self._lock = Lock()
        self._environment: object = None

    def __len__(self) -> int:
        return len(self._rules)

    def learn(self, value: object, rule: str) -> None:
        """Look for a value from now on, unless it is a word that ordinary texts hold.

        Args:
            value: the secret; ignored if it is no text.
            rule: what its mask names.
        """
        if not isinstance(value, str) or value in self._rules or not _is_telling(value):
            return
        with self._lock:
            if len(self._rules) < LIMIT:
                self._rules = {**self._rules, **dict.fromkeys((value, quote(value, safe="")), rule)}
        self._changed()

    def read_environment(self) -> None:
        """Learn the values of environment variables that are named like secrets, if any variable has changed."""
        # The mapping behind `os.environ`: comparing it costs a hundredth of reading the variables through the front.
        now: Mapping[Any, Any] = getattr(os.environ, "_data", os.environ)
        if now == self._environment:
            return
        from nbtrace._trace.redact.names import kind_of
        from nbtrace._trace.redact.values import looks_random

        self._environment = dict(now)
        for name, value in list(os.environ.items()):
            if (kind := kind_of(name)) is not None and (kind != "maybe" or looks_random(value)):
                self.learn(value, name)

    def find(self, text: str) -> Iterator[Hit]:
        """Find the known values in a text."""
        for value, rule in self._rules.items():
            at = text.find(value)
            while at >= 0:
                yield Hit(at, at + len(value), rule)
                at = text.find(value, at + len(value))


def _is_telling(value: str) -> bool:
    """Say whether a value is long and unlike a word, a path or a mask."""
    if len(value) < SHORTEST or MASK in value or value[0] in "/~.":
        return False
    bare = value.replace("-", "").replace("_", "").replace(" ", "")
    return not (bare.isalpha() and (bare.islower() or bare.istitle() or bare.isupper()))
