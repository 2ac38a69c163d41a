"""One version of a prompt: a template, what it takes, and where it came from."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._guard import guard
from nbtrace._prompts.difference import Difference
from nbtrace._prompts.languages import Language, fields_of, rendered
from nbtrace._prompts.text import PromptText
from nbtrace.errors import UsageError

Message = Mapping[str, Any]

_FORM: Final = frozenset({"role", "type"})
"""Fields of a message and its parts that are no text to fill in."""
_HASH_DIGITS: Final = 12


class Origin(NamedTuple):
    """When and where a version was first seen."""

    made: datetime
    cell_id: str | None = None
    execution_count: int | None = None


class Prompt:
    """One version of a named template, as `nbtrace.prompt` makes it."""

    def __init__(
        self,
        name: str,
        template: str | Sequence[Message],
        version: int,
        *,
        language: Language = "format",
        origin: Origin | None = None,
        before: Prompt | None = None,
    ) -> None:
        self.name = name
        """The name that all versions share."""
        self.template = template if isinstance(template, str) else tuple(template)
        """The text with its variables, or the messages of a chat."""
        self.version = version
        """1 for the first text seen under this name in the session, 2 for the next."""
        self.language: Language = language
        """`format` or `jinja2`."""
        self.origin = origin
        """When and in which cell the version was first seen."""
        self.hash = hash_of(template, language)
        """The first 12 hex digits of the SHA-256 of the template."""
        self.fields = tuple(dict.fromkeys(self._fields(self.template)))
        """The variables' names, in order of appearance."""
        self._before = before

    @property
    def text(self) -> str:
        """The template as one text, as it is compared and kept on spans."""
        return self.template if isinstance(self.template, str) else _written(self.template)

    def diff(self, other: Prompt | None = None) -> Difference:
        """Compare with another version; without one, say what changed since the version before.

        Examples:
            >>> Prompt("a", "Be brief, {name}", 2).diff(Prompt("a", "Be kind, {name}", 1))
            a v1 -> v2: Be [-kind-]{+brief+}, {name}
        """
        base = other or self._before
        names = f"v{base.version}" if base is not None else "new", f"v{self.version}"
        return Difference(f"{self.name} {names[0]} -> {names[1]}", base.text if base is not None else "", self.text)

    def format(self, /, **variables: object) -> Any:
        """Fill in the template.

        Args:
            **variables: one value for each of `fields`; of a `placeholder`, a list of messages.

        Returns:
            A text, or the list of messages of a chat; each text in it remembers the prompt.

        Raises:
            UsageError: a variable is missing or unknown, or does not fit.

        Examples:
            >>> Prompt("greet", "Hello {name}", 1).format(name="Ada")
            'Hello Ada'
        """
        self._check(variables)
        written: dict[str, str] = {}
        with guard("prompts"):
            written = {key: told(value) for key, value in variables.items()}
        try:
            return self._filled(self.template, variables, written)
        except (ValueError, TypeError, AttributeError, LookupError) as error:
            message = f"prompt {self.name!r} cannot be rendered: {error}"
            raise UsageError(message) from error

    def _check(self, variables: Mapping[str, object]) -> None:
        if set(variables) == set(self.fields):
            return
        missing = [name for name in self.fields if name not in variables]
        unknown = [name for name in variables if name not in self.fields]
        said = [f"misses {', '.join(missing)}"] * bool(missing) + [f"does not know {', '.join(unknown)}"] * bool(
            unknown
        )
        message = (
            f"prompt {self.name!r} {' and '.join(said)}; it takes the variables: {', '.join(self.fields) or 'none'}"
        )
        raise UsageError(message)

    def _filled(self, template: Any, variables: Mapping[str, object], told: Mapping[str, str]) -> Any:
        if isinstance(template, str):
            text = rendered(template, self.language, variables)
            with guard("prompts"):
                return PromptText.of(text, self, told)
            return text
        if isinstance(template, Mapping):
            message = cast("Message", template)
            return {
                key: value if key in _FORM else self._filled(value, variables, told) for key, value in message.items()
            }
        if not isinstance(template, (list, tuple)):
            return template
        filled: list[Any] = []
        for one in cast("Sequence[Any]", template):
            name = placeholder(one)
            if name is None:
                filled.append(self._filled(one, variables, told))
            else:
                filled.extend(_messages(name, variables[name]))
        return filled

    def _fields(self, template: Any) -> Iterator[str]:
        if isinstance(template, str):
            yield from fields_of(template, self.language)
        elif (name := placeholder(template)) is not None:
            yield name
        elif isinstance(template, Mapping):
            for key, value in cast("Message", template).items():
                yield from () if key in _FORM else self._fields(value)
        elif isinstance(template, (list, tuple)):
            for one in cast("Sequence[Any]", template):
                yield from self._fields(one)

    def attributes(self, variables: Mapping[str, str]) -> dict[str, AttributeValue]:
        """Give the attributes of a span whose request was rendered from this prompt."""
        language: dict[str, AttributeValue] = {semconv.PROMPT_LANGUAGE: self.language}
        return {
            semconv.PROMPT_NAME: self.name,
            semconv.PROMPT_VERSION: str(self.version),
            semconv.PROMPT_HASH: self.hash,
            semconv.PROMPT_TEMPLATE: self.text,
            **(language if self.language != "format" else {}),
            **{semconv.PROMPT_VARIABLE + key: value for key, value in variables.items()},
        }

    def __repr__(self) -> str:
        return f"Prompt({self.name!r}, version={self.version}, {self.template!r})"


def hash_of(template: str | Sequence[Message], language: Language) -> str:
    """Give the digits by which a template is known, whatever its number."""
    text = template if isinstance(template, str) else _written(template)
    marked = text if language == "format" else f"{language}\n{text}"
    return sha256(marked.encode("utf-8", "surrogatepass")).hexdigest()[:_HASH_DIGITS]


def placeholder(message: object) -> str | None:
    """Name the variable of which a chat takes over messages: `{"type": "placeholder", "name": "history"}`."""
    if isinstance(message, Mapping):
        known = cast("Message", message)
        if known.get("type") == "placeholder" and isinstance(known.get("name"), str):
            return known["name"]
    return None


def _messages(name: str, given: object) -> list[Any]:
    if isinstance(given, (list, tuple)) and all(isinstance(one, Mapping) for one in cast("Sequence[Any]", given)):
        return [dict(one) for one in cast("Sequence[Message]", given)]
    message = f"{name} takes a list of messages; it got {type(given).__name__} {given!r:.60}"
    raise ValueError(message)


def _written(messages: Sequence[Message]) -> str:
    return json.dumps([dict(message) for message in messages], ensure_ascii=False, indent=1)


def told(value: object) -> str:
    """Write a variable's value as text, as the span has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple, dict)):
        try:
            return json.dumps(value, ensure_ascii=False)
        except (TypeError, ValueError):
            return str(cast("object", value))
    return str(value)
