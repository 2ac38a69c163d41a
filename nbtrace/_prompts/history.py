"""A prompt's name with all its versions: which there are, which one is in use, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from nbtrace._prompts.difference import Difference
from nbtrace._prompts.prompt import Prompt
from nbtrace.errors import NotFoundError, UsageError

CURRENT: Final = "current"
"""What the version in use is called, and no tag."""


class History:
    """All versions of one prompt, as `nbtrace.prompts[name]` gives it; used like the current one.

    Examples:
        >>> from nbtrace import Session
        >>> session = Session()
        >>> _ = session.prompt("greet", "Hi {name}"), session.prompt("greet", "Hello {name}")
        >>> greet = session.prompts["greet"]
        >>> greet.diff(1, 2)
        greet v1 -> v2: [-Hi-]{+Hello+} {name}
        >>> greet.rollback(1).format(name="Ada")
        'Hi Ada'
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self._versions: dict[int, Prompt] = {}
        self._tags: dict[str, int] = {}
        self._current = 0

    @property
    def versions(self) -> tuple[Prompt, ...]:
        """Every version, from the first."""
        return tuple(self._versions[number] for number in sorted(self._versions))

    @property
    def current(self) -> Prompt:
        """The version in use: the last one that was given, or that `rollback` went back to."""
        return self._versions[self._current]

    @property
    def tags(self) -> Mapping[str, int]:
        """The names that versions bear, such as `production`, each of one version."""
        return MappingProxyType(self._tags)

    def __len__(self) -> int:
        return len(self._versions)

    def __getitem__(self, version: int | str) -> Prompt:
        """Give a version by its number or by a tag.

        Raises:
            NotFoundError: there is none.
        """
        number = self._tags.get(version) if isinstance(version, str) else version
        if number is None or number not in self._versions:
            raise NotFoundError.of_prompt(self.name, version, sorted(self._versions), sorted(self._tags))
        return self._versions[number]

    def format(self, /, **variables: object) -> Any:
        """Fill in the current version; see `Prompt.format`."""
        return self.current.format(**variables)

    def diff(self, before: int | str | None = None, after: int | str | None = None) -> Difference:
        """Compare two versions by words; without numbers, the current one with the one before it."""
        if before is None:
            return self.current.diff()
        return (self.current if after is None else self[after]).diff(self[before])

    def rollback(self, version: int | str) -> Prompt:
        """Use an earlier version again, until another template is given under the name."""
        self._current = self[version].version
        return self.current

    def tag(self, name: str, version: int | str | None = None) -> Prompt:
        """Give a version a name; another version that had it loses it.

        Args:
            name: such as `production`.
            version: its number or another tag; the current one by default.
        """
        if not isinstance(name, str) or not name.strip():  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
            raise UsageError.kind("the tag", name, "a name, such as 'production'")
        if name == CURRENT:
            raise UsageError.argument("name", f"another name: {CURRENT!r} is the version in use (see rollback)", name)
        tagged = self.current if version is None else self[version]
        self._tags[name] = tagged.version
        return tagged

    def untag(self, name: str) -> None:
        """Take a tag away."""
        self._tags.pop(name, None)

    def add(self, prompt: Prompt) -> None:
        """Take in a version, which becomes the current one."""
        self._versions[prompt.version] = prompt
        self._current = prompt.version

    def discard(self, prompt: Prompt, current: Prompt | None) -> None:
        """Forget a version that nothing was made with, and go back to the one that was current before."""
        self._versions.pop(prompt.version, None)
        self._tags = {tag: version for tag, version in self._tags.items() if version in self._versions}
        self._current = current.version if current is not None else max(self._versions, default=0)

    def use(self, prompt: Prompt) -> None:
        """Make a version of this history the current one."""
        self._current = prompt.version

    @property
    def next_version(self) -> int:
        """The number of the next version."""
        return max(self._versions, default=0) + 1

    def _names(self, prompt: Prompt) -> list[str]:
        here = [CURRENT] if prompt.version == self._current else []
        return here + sorted(tag for tag, version in self._tags.items() if version == prompt.version)

    def __repr__(self) -> str:
        lines = [f"prompt {self.name!r}, {len(self)} version{'s' * (len(self) != 1)}"]
        for prompt in self.versions:
            names = self._names(prompt)
            said = f" ({', '.join(names)})" if names else ""
            lines.append(f"  v{prompt.version}{said} {prompt.text!r:.100}")
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        from html import escape

        rows = "".join(
            f"<tr><td>v{prompt.version}</td><td>{escape(', '.join(self._names(prompt)))}</td>"
            f'<td style="text-align:left;white-space:pre-wrap">{escape(prompt.text)}</td></tr>'
            for prompt in self.versions
        )
        return f"<table><caption>{escape(self.name)}</caption>{rows}</table>"
