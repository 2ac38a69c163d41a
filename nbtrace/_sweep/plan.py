"""What a sweep is to do: every version with every input, model and setting, as often as wanted.

All of it is known, and every prompt has been rendered once, before the first call is made: what does not fit is an
error then, and names the variable. A call is known by what would make it the same again, so that one that was paid for
is found in the spans, also in those of an earlier kernel.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import product
from typing import TYPE_CHECKING, Any, Final, cast

from nbtrace._prompts.history import History
from nbtrace._prompts.prompt import Prompt, told
from nbtrace.errors import UsageError

if TYPE_CHECKING:
    from nbtrace._prompts.registry import Prompts

_DIGITS: Final = 16


@dataclass(frozen=True, eq=False)
class Task:
    """One call that a sweep is to make."""

    prompt: Prompt
    row: int
    """Which of the inputs, from 0."""
    given: Mapping[str, Any]
    """The input."""
    model: str | None
    options: Mapping[str, Any]
    """What else the call gets."""
    setting: Mapping[str, Any]
    """Of these, what other columns may have differently."""
    repeat: int
    """The how-manieth of the same, from 1."""
    key: str
    """By which the call is known: the same digits for what would be the same call."""
    input_hash: str

    def rendered(self) -> Any:
        """Render the prompt, a text or the messages of a chat, from the variables that it takes.

        Raises:
            UsageError: the template cannot be filled in with these values.
        """
        return self.prompt.format(**{name: self.given[name] for name in self.prompt.fields})

    @property
    def variables(self) -> tuple[tuple[str, str], ...]:
        """The input as it is compared: by name, as text."""
        return tuple(sorted((name, told(value)) for name, value in self.given.items()))


def plan(
    prompts: Sequence[Prompt],
    inputs: Sequence[Mapping[str, Any]],
    *,
    models: Sequence[str | None],
    settings: Sequence[Mapping[str, Any]],
    options: Mapping[str, Any],
    repeats: int,
    caller: str,
) -> list[Task]:
    """Give every call once, those of one input beside each other.

    Raises:
        UsageError: a variable is missing, a template cannot be filled in, or the numbers make no sense.
    """
    if isinstance(repeats, bool) or not isinstance(repeats, int) or repeats < 1:  # pyright: ignore[reportUnnecessaryIsInstance] - a user's
        raise UsageError.argument("repeats", "a number from 1", repeats)
    found: dict[str, Task] = {}
    for repeat in range(1, repeats + 1):
        for row, given in enumerate(inputs):
            for prompt in prompts:
                _check(prompt, row, given)
                for model, setting in product(models, settings):
                    told_all = {name: told(value) for name, value in given.items()}
                    every = {**options, **setting}
                    key = _digits([prompt.hash, told_all, model, every, repeat, caller])
                    task = Task(prompt, row, given, model, every, setting, repeat, key, _digits(told_all))
                    task.rendered()
                    found.setdefault(key, task)
    return list(found.values())


def _digits(known: object) -> str:
    return sha256(json.dumps(known, sort_keys=True, default=repr).encode("utf-8", "replace")).hexdigest()[:_DIGITS]


def _check(prompt: Prompt, row: int, given: Mapping[str, Any]) -> None:
    missing = [name for name in prompt.fields if name not in given]
    if missing:
        message = (
            f"input {row} misses {', '.join(missing)}, which prompt {prompt.name!r} v{prompt.version} takes; "
            f"it has: {', '.join(map(str, given)) or 'nothing'}; no call was made"
        )
        raise UsageError(message)


def versions(prompts: Prompts, wanted: object, given: Iterable[str] = ()) -> tuple[list[Prompt], list[Prompt]]:
    """Find the versions that are meant: of a name all, of a history all, a version itself.

    Args:
        prompts: where names are looked up.
        wanted: what the user gave.
        given: the variables that every input has. Where a name means several versions, those that take others are left
            out, unless none is left.

    Returns:
        The versions, and those that are left out.

    Raises:
        UsageError: something is none of these.
        NotFoundError: there is no prompt of that name.
    """
    several = cast("Iterable[object]", wanted) if isinstance(wanted, (list, tuple)) else [wanted]
    found: list[Prompt] = []
    left_out: list[Prompt] = []
    known = set(given)
    for one in several:
        if isinstance(one, Prompt):
            found.append(one)
        elif isinstance(one, (str, History)):
            every = (prompts[one] if isinstance(one, str) else one).versions
            fitting = [version for version in every if known >= set(version.fields)] or [*every]
            found += fitting
            left_out += [version for version in every if version not in fitting]
        else:
            expected = "a prompt's name, or what nbtrace.prompt(...) or nbtrace.prompts[...] gives, or a list of these"
            raise UsageError.kind("the prompt of a sweep", one, expected)
    if not found:
        raise UsageError.argument("prompts", "a prompt at least", wanted)
    return list(dict.fromkeys(found)), left_out


def rows_of(inputs: object) -> list[dict[str, Any]]:
    """Read the inputs: a list of mappings, or any data frame.

    Raises:
        UsageError: they are neither, or there are none.
    """
    expected = "a list of dicts, or a data frame, with a row an input and a column a variable"
    if isinstance(inputs, (list, tuple)):
        rows = cast("Sequence[object]", inputs)
        wrong = next((row for row in rows if not isinstance(row, Mapping)), None)
        if wrong is not None:
            raise UsageError.kind("an input", wrong, expected)
        found = [{str(name): value for name, value in cast("Mapping[Any, Any]", row).items()} for row in rows]
    else:
        found = _of_frame(inputs, expected)
    if not found:
        raise UsageError.argument("inputs", expected, inputs)
    return found


def _of_frame(inputs: object, expected: str) -> list[dict[str, Any]]:
    import narwhals as nw

    given: Any = inputs
    try:
        frame: Any = nw.from_native(given)
    except TypeError:
        raise UsageError.kind("inputs", inputs, expected) from None
    frame = frame.collect() if hasattr(frame, "collect") else frame
    return [{str(name): value for name, value in row.items()} for row in frame.iter_rows(named=True)]
