"""Prompt templates whose rendered text remembers where it came from.

A rendered prompt is an ordinary string, accepted by every client. Handed to one, it lets the call's span carry the
prompt's name, version, template and variables, without a context manager around the call. A changed template under the
same name is the next version; the same text again is the version it was before.
"""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from string import Formatter
from typing import Any, ClassVar, Self, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._guard import guard
from nbtrace.errors import UsageError


class PromptText(str):
    """The text of a rendered prompt, with the prompt and the variables it was rendered from."""

    __slots__ = ("prompt", "variables")
    made: ClassVar = False
    """Whether there has been any: where there is none, nobody needs to look for one."""
    prompt: Prompt
    variables: Mapping[str, str]

    @classmethod
    def of(cls, text: str, prompt: Prompt, variables: Mapping[str, str]) -> Self:
        """Make a text that remembers."""
        PromptText.made = True
        made = cls(text)
        made.prompt = prompt
        made.variables = variables
        return made

    def __reduce__(self) -> tuple[type[str], tuple[str]]:
        """Travel to other processes as plain text."""
        return str, (str(self),)


class Prompt:
    """One version of a named template, as `nbtrace.prompt` makes it."""

    def __init__(self, name: str, template: str, version: int) -> None:
        self.name = name
        """The name that all versions share."""
        self.template = template
        """The text with `{variable}` fields, as in `str.format`."""
        self.version = version
        """1 for the first text seen under this name in the session, 2 for the next."""
        self.hash = _hash(template)
        """The first 12 hex digits of the template's SHA-256."""
        self.fields = tuple(dict.fromkeys(_fields(template)))
        """The variables' names, in order of appearance."""

    def format(self, /, **variables: object) -> str:
        """Fill in the template.

        Args:
            **variables: one value for each of `fields`, rendered as `str.format` does.

        Raises:
            UsageError: a variable is missing or unknown, or does not fit its format specification.

        Examples:
            >>> Prompt("greet", "Hello {name}", 1).format(name="Ada")
            'Hello Ada'
        """
        if set(variables) != set(self.fields):
            expected, got = ", ".join(self.fields) or "none", ", ".join(variables) or "none"
            message = f"prompt {self.name!r} takes the variables: {expected}; it got: {got}"
            raise UsageError(message)
        try:
            text = self.template.format(**variables)
        except ValueError as error:
            message = f"prompt {self.name!r} cannot be rendered: {error}"
            raise UsageError(message) from error
        with guard("prompts"):
            return PromptText.of(text, self, {key: str(value) for key, value in variables.items()})
        return text

    def attributes(self, variables: Mapping[str, str]) -> dict[str, AttributeValue]:
        """Give the attributes of a span whose request was rendered from this prompt."""
        return {
            semconv.PROMPT_NAME: self.name,
            semconv.PROMPT_VERSION: str(self.version),
            semconv.PROMPT_HASH: self.hash,
            semconv.PROMPT_TEMPLATE: self.template,
            **{semconv.PROMPT_VARIABLE + key: value for key, value in variables.items()},
        }

    def __repr__(self) -> str:
        return f"Prompt({self.name!r}, version={self.version}, {self.template!r})"


class Prompts:
    """The prompts of a session: each name with its versions."""

    def __init__(self) -> None:
        self._versions: dict[str, list[Prompt]] = {}

    def prompt(self, name: str, template: str) -> Prompt:
        """Find the version of `name` with this template, or make the next one."""
        texts: dict[str, object] = {"the prompt's name": name, "the template": template}
        for what, given in texts.items():
            if not isinstance(given, str):
                raise UsageError.kind(what, given, "text, such as prompt('greet', 'Hello {name}')")
        versions = self._versions.setdefault(name, [])
        for known in versions:
            if known.template == template:
                return known
        made = Prompt(name, template, len(versions) + 1)
        versions.append(made)
        return made


def found_in(*spoken: object) -> dict[str, AttributeValue]:
    """Give the prompt attributes of a request: those of the last rendered prompt in what it says.

    Args:
        *spoken: texts, or lists of parts or of messages whose content is text or parts.
    """
    for said in reversed(spoken):
        messages = cast("list[Any]", said) if isinstance(said, list) else [said]
        for message in reversed(messages):
            content = message.get("content", [message]) if isinstance(message, dict) else message
            parts = reversed(content) if isinstance(content, list) else (content,)
            for part in parts:
                text = part.get("text") if isinstance(part, dict) else part
                if isinstance(text, PromptText):
                    return text.prompt.attributes(text.variables)
    return {}


def _hash(template: str) -> str:
    return sha256(template.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def _fields(template: str) -> list[str]:
    try:
        fields = [(field, spec or "") for _, field, spec, _ in Formatter().parse(template) if field is not None]
    except ValueError as error:
        message = f"template {template!r} is not valid: {error}; write {{{{ and }}}} for literal braces"
        raise UsageError(message) from error
    for name, _ in fields:
        if not name.isidentifier():
            message = (
                f"template {template!r} has the field {{{name}}}; expected {{a_name}}; "
                "write {{ and }} for literal braces"
            )
            raise UsageError(message)
    return [name for field, spec in fields for name in (field, *_fields(spec))]
