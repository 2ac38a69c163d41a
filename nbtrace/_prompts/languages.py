"""What a template may be written in, and how it is filled in.

`format` is Python's own `{variable}`, `jinja2` is Jinja's, in its sandbox: a template from a file must not reach what a
notebook can. Both say which variables they take before they are rendered, so that a missing one is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from string import Formatter
from typing import Any, Final, Literal, get_args

from nbtrace.errors import UsageError

Language = Literal["format", "jinja2"]
LANGUAGES: Final[tuple[Language, ...]] = get_args(Language)


def fields_of(template: str, language: Language) -> tuple[str, ...]:
    """Name the variables of a template, each once.

    Raises:
        UsageError: the template is not valid, or Jinja2 is not installed.

    Examples:
        >>> fields_of("{greeting}, {name}!", "format")
        ('greeting', 'name')
    """
    found = _fields(template) if language == "format" else sorted(_jinja(template)[1])
    return tuple(dict.fromkeys(found))


def rendered(template: str, language: Language, variables: Mapping[str, object]) -> str:
    """Fill in a template.

    Raises:
        ValueError: a value does not fit.
    """
    if language == "format":
        return template.format_map(variables)
    from jinja2 import TemplateError

    try:
        return _jinja(template)[0].render(variables)
    except TemplateError as error:
        raise ValueError(str(error)) from error


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


@lru_cache(maxsize=256)
def _jinja(template: str) -> tuple[Any, frozenset[str]]:
    """Compile a Jinja template, and name its variables."""
    try:
        from jinja2 import StrictUndefined, TemplateSyntaxError, meta
        from jinja2.sandbox import ImmutableSandboxedEnvironment
    except ImportError as error:
        what = 'a prompt with language="jinja2"'
        raise UsageError.missing(what, "jinja2", extra="nbtrace[jinja]") from error
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
    try:
        variables = meta.find_undeclared_variables(environment.parse(template))
        return environment.from_string(template), frozenset(variables)
    except TemplateSyntaxError as error:
        message = f"template {template!r} is not valid: line {error.lineno}: {error.message}"
        raise UsageError(message) from error
