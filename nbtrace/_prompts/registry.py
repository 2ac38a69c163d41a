"""The prompts of a session, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from os import PathLike
from typing import TYPE_CHECKING, Any, cast

from nbtrace._prompts.history import History
from nbtrace._prompts.languages import LANGUAGES, Language
from nbtrace._prompts.prompt import Message, Origin, Prompt, hash_of
from nbtrace._prompts.text import PromptText
from nbtrace.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from nbtrace._prompts.files import Loaded


class Prompts:
    """Every prompt of a session: call it for the list of them, index it for one.

    Args:
        listed: makes the list, with what each version was used for.
    """

    def __init__(self, listed: Callable[[], Any] | None = None) -> None:
        self._histories: dict[str, History] = {}
        self._listed = listed

    def __call__(self) -> Any:
        """List the versions of all prompts: where they come from, calls, tokens, cost, latency, scores."""
        return self._listed() if self._listed is not None else list(self._histories.values())

    def __len__(self) -> int:
        return len(self._histories)

    @property
    def versions(self) -> int:
        """How many versions there are of all prompts."""
        return sum(map(len, self._histories.values()))

    def __iter__(self) -> Iterator[str]:
        return iter(self._histories)

    def __contains__(self, name: object) -> bool:
        return name in self._histories

    def __getitem__(self, name: str) -> History:
        """Give a prompt with all its versions.

        Raises:
            NotFoundError: there is none of that name.
        """
        if name not in self._histories:
            raise NotFoundError.no_prompt(name, sorted(self._histories))
        return self._histories[name]

    def prompt(
        self,
        name: str,
        template: object = None,
        *,
        language: Language = "format",
        cell: tuple[str | None, int | None] = (None, None),
    ) -> Any:
        """Find the version of `name` with this template, or make the next one, and make it the current one.

        Args:
            name: the name of the prompt.
            template: a text, the messages of a chat, a template string of Python 3.14; none for the current version.
            language: what it is written in.
            cell: id of the cell that asks, and the number in its brackets.
        """
        if not isinstance(name, str) or not name:  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
            raise UsageError.kind("the prompt's name", name, "text, such as prompt('greet', 'Hello {name}')")
        if template is None:
            return self[name].current
        if language not in LANGUAGES:
            raise UsageError.unknown("template language", language, LANGUAGES)
        if hasattr(template, "interpolations"):
            return self._interpolated(name, template, cell)
        return self._version(name, _checked(template), language, cell)

    def _interpolated(self, name: str, given: Any, cell: tuple[str | None, int | None]) -> PromptText:
        """Take a template string (PEP 750), which brings its values along."""
        from nbtrace._prompts.interpolated import read

        template, variables = read(given)
        return self._version(name, template, "format", cell).format(**variables)

    def _version(
        self, name: str, template: str | Sequence[Message], language: Language, cell: tuple[str | None, int | None]
    ) -> Prompt:
        history = self._histories.get(name)
        digits = hash_of(template, language)
        for known in history.versions if history is not None else ():
            if known.hash == digits:
                cast("History", history).use(known)
                return known
        number = history.next_version if history is not None else 1
        before = history.current if history is not None else None
        origin = Origin(datetime.now(UTC), *cell)
        made = Prompt(name, template, number, language=language, origin=origin, before=before)
        self._histories.setdefault(name, History(name)).add(made)
        return made

    def discard(self, prompt: Prompt, current: Prompt | None) -> None:
        """Forget a version that nothing was made with.

        Args:
            prompt: the version.
            current: which one of the prompt was current before it.
        """
        history = self._histories.get(prompt.name)
        if history is None:
            return
        history.discard(prompt, current)
        if not len(history):
            del self._histories[prompt.name]

    def adopt(self, prompt: Prompt) -> Prompt:
        """Take in a version from elsewhere: under its number if that is free, else under the next one."""
        history = self._histories.setdefault(prompt.name, History(prompt.name))
        for known in history.versions:
            if known.hash == prompt.hash:
                return known
        number = prompt.version if prompt.version not in {one.version for one in history.versions} else 0
        before = history.versions[-1] if len(history) else None
        made = Prompt(
            prompt.name,
            prompt.template,
            number or history.next_version,
            language=prompt.language,
            origin=prompt.origin,
            before=before,
        )
        history.add(made)
        return made

    def save(self, directory: str | PathLike[str]) -> list[str]:
        """Write every prompt as plain files, a folder a prompt and a file a version, fit for git.

        Returns:
            The paths of the folders.
        """
        from nbtrace._prompts.files import save

        return save(list(self._histories.values()), directory)

    def load(self, directory: str | PathLike[str]) -> list[Loaded]:
        """Read what `save` wrote; versions that are known already stay as they are.

        Returns:
            What was found: name, version in the files, version here.

        Raises:
            UsageError: there is no such directory, or something in it is not as it should be; nothing is taken over.
        """
        from nbtrace._prompts.files import load

        return load(self, directory)

    def __repr__(self) -> str:
        names = ", ".join(f"{name} ({len(history)})" for name, history in self._histories.items())
        return f"<prompts: {names or 'none'}>"


def _checked(template: object) -> str | Sequence[Message]:
    if isinstance(template, str):
        return template
    expected = "text, such as prompt('greet', 'Hello {name}'), or messages with role and content"
    if not isinstance(template, (list, tuple)) or not template:
        raise UsageError.kind("the template", template, expected)
    messages = cast("Sequence[Any]", template)
    for message in messages:
        if not isinstance(message, dict) or not ("role" in message or message.get("type") == "placeholder"):
            raise UsageError.kind("a message of the template", message, "a dict with role and content")
    return cast("Sequence[Message]", messages)
