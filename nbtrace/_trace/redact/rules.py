"""The rules of a session, and what they make of a text.

Built-in rules are always in force. Those for personal data, and Presidio, are in force on request; a user's own are
regular expressions, whose matches are masked, and functions, which give the text that may be kept.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, Protocol, cast

from nbtrace._guard import guard, report
from nbtrace._trace.redact.hits import MASK, Hit, beside_masks, mask, replaced
from nbtrace._trace.redact.known import Known
from nbtrace.errors import UsageError

PRESIDIO: Final = "presidio"
OPTIONAL: Final = ("email", "phone", "card", "iban", PRESIDIO)
"""The names of the rules that are in force on request."""

Find = Callable[[str], Iterable[Hit]]
Rewrite = Callable[[str], str]


class Analyzer(Protocol):
    """What Presidio's `AnalyzerEngine` is to us."""

    supported_languages: list[str]

    def analyze(self, *, text: str, language: str) -> Iterable[Any]:
        """Find entities, with `start`, `end`, `entity_type` and `score`."""
        ...


Rule = str | re.Pattern[str] | Rewrite | Analyzer
"""The name of an optional rule, a regular expression, a function from text to text, or a Presidio analyzer."""

_SHORT: Final = 64
_REMEMBERED: Final = 4096
"""Short texts known to be clean: the names, models and states that every span has are looked at once."""


class Rules:
    """What is masked, by rule; where rules overlap, the more telling one is named."""

    def __init__(self) -> None:
        self.known = Known(self._changed)
        self._optional: dict[str, Find] = {}
        self._finds: dict[str, Find] = {}
        self._analyzers: dict[str, Find] = {}
        self._rewrites: dict[str, Rewrite] = {}
        self._clean: set[str] = set()
        """Short texts, none of them prose, in which nothing was found."""

    def _changed(self) -> None:
        self._clean = set()

    @property
    def optional(self) -> tuple[str, ...]:
        """The names of the optional rules in force; set to change them."""
        return (*self._optional, *([PRESIDIO] if PRESIDIO in self._analyzers else []))

    @optional.setter
    def optional(self, names: Iterable[str]) -> None:
        wanted = dict.fromkeys(names)
        for name in wanted:
            if name not in OPTIONAL:
                raise UsageError.unknown("rule", name, OPTIONAL)
        if PRESIDIO not in wanted:
            self._analyzers.pop(PRESIDIO, None)
        elif PRESIDIO not in self._analyzers:
            from nbtrace._trace.redact import presidio

            self._analyzers[PRESIDIO] = presidio.default()
        self._optional = {name: _personal(name) for name in wanted if name != PRESIDIO}
        self._changed()

    @property
    def own(self) -> tuple[str, ...]:
        """The names of the user's own rules."""
        return (*self._finds, *(name for name in self._analyzers if name != PRESIDIO), *self._rewrites)

    @property
    def reads_prose(self) -> bool:
        """Whether a rule is in force that reads a text as people do, and so has to get it without JSON around it."""
        return bool(self._analyzers or self._rewrites)

    def add(self, rule: Rule, *, name: str | None = None) -> None:
        """Put a rule in force; see `nbtrace.redact`.

        Raises:
            UsageError: there is no such optional rule, the regular expression is not valid, or a rule of the user's own
                has no name.
        """
        if isinstance(rule, str) and name is None:
            self.optional = (*self.optional, rule)
            return
        if hasattr(rule, "analyze"):
            from nbtrace._trace.redact import presidio

            self._analyzers[name or PRESIDIO] = presidio.finding(cast("Analyzer", rule))
        elif not name:
            raise UsageError.nameless(rule)
        elif isinstance(rule, (str, re.Pattern)):
            self._finds[name] = _matching(rule, name)
        elif callable(rule):
            self._rewrites[name] = rule
        else:
            raise UsageError.no_rule(rule)
        self._changed()

    def widened(self) -> Rules:
        """Give these rules and the optional ones, to look again; a function masks all of what it would change."""
        wide = Rules()
        wide.known = self.known
        wide._optional = {name: _personal(name) for name in OPTIONAL if name != PRESIDIO}
        wide._finds, wide._analyzers = dict(self._finds), dict(self._analyzers)
        wide._rewrites = {name: _all_or_nothing(rewrite, name) for name, rewrite in self._rewrites.items()}
        return wide

    def refresh(self) -> None:
        """Take note of what has changed around: new secrets in the environment."""
        with guard("redact"):
            self.known.read_environment()

    def hits(self, text: str, *, is_prose: bool = True) -> list[Hit]:
        """Find what must not be kept of a text.

        Args:
            text: where to look.
            is_prose: whether somebody may have written it; if not, as with the names of models, an analyzer is not
                asked, because it would take some for names of people.
        """
        # Imported with the first span that is stored: to compile the patterns takes longer than to load all the rest.
        from nbtrace._trace.redact import assignments, credentials, keys
        from nbtrace._trace.redact.shape import shape_of

        shape = shape_of(text)
        found = list(credentials.find(text, shape))
        named = [*assignments.find(text), *self._asked_for(text, is_prose=is_prose)]
        if MASK in text:
            found, named = list(beside_masks(text, found)), list(beside_masks(text, named))
        return [*found, *keys.find(text, shape), *self.known.find(text), *named]

    def _asked_for(self, text: str, *, is_prose: bool) -> Iterator[Hit]:
        for finds in (self._optional, self._finds, self._analyzers if is_prose else {}):
            for name, find in finds.items():
                with _asking(name):
                    yield from find(text)

    def masked(self, text: str, *, is_prose: bool = True) -> str:
        """Mask the secrets in a text; all of it if a rule fails.

        Examples:
            >>> Rules().masked("OpenAI(api_key='sk-proj-0123456789abcdef0123')")
            "OpenAI(api_key='[redacted: openai-key]')"
        """
        if not is_prose and text in self._clean:
            return text
        try:
            found = self.hits(text, is_prose=is_prose)
            masked = replaced(text, found) if found else text
            for name, rewrite in self._rewrites.items() if is_prose else ():
                with _asking(name):
                    masked = _rewritten(masked, rewrite, name)
        except _RuleError as failed:
            report("redact", failed.error)
            return mask(f"{failed.rule} failed")
        except Exception as error:  # noqa: BLE001 - fail closed, whatever the reason
            report("redact", error)
            return mask("rule failed")
        if masked is text and not is_prose and len(text) <= _SHORT:
            if len(self._clean) >= _REMEMBERED:
                self._clean = set()
            self._clean.add(text)
        return masked


class _RuleError(Exception):
    """Says which rule that the user asked for has failed."""

    def __init__(self, rule: str, error: Exception) -> None:
        super().__init__(rule)
        self.rule = rule
        self.error = error


@contextmanager
def _asking(rule: str) -> Generator[None]:
    try:
        yield
    except Exception as error:
        raise _RuleError(rule, error) from error


def _personal(name: str) -> Find:
    from nbtrace._trace.redact import personal

    return personal.RULES[name]


def _matching(pattern: str | re.Pattern[str], name: str) -> Find:
    try:
        compiled = re.compile(pattern)
    except re.error as error:
        raise UsageError.pattern(name, str(error)) from None

    def find(text: str) -> Iterator[Hit]:
        return (Hit(*found.span(), name) for found in compiled.finditer(text) if found[0])

    return find


def _all_or_nothing(rewrite: Rewrite, name: str) -> Rewrite:
    return lambda text: text if _rewritten(text, rewrite, name) == text else mask(name)


def _rewritten(text: str, rewrite: Callable[[str], object], name: str) -> str:
    made = rewrite(text)
    if not isinstance(made, str):
        message = f"the rule {name!r} gave a {type(made).__name__} instead of a text"
        raise TypeError(message)
    return text if made == text else made
