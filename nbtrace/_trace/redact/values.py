"""Whether a value that stands under the name of a secret is one, or a placeholder, a word, an expression."""

from __future__ import annotations

import re
from typing import Final

from nbtrace._trace.redact.names import Kind

_PLACEHOLDER: Final = re.compile(
    r"(?i)\s*(?:<[^<>]*>|\{+[^{}]*\}+|\$\{?[\w.]+\}?|\$\([^()]*\)|%\w+%|%\(\w+\)s|%s|[.…]+|[*•]+|x+|"
    r"(?:your|insert|replace|enter|add|put)(?:[-_ ].*|\b.*key.*)|\[[^\[\]]*\])\s*"
)
_WORDS: Final = frozenset(
    """
    any api_key array basic bcrypt bearer bool boolean bytes changed cookie correct default dict digest empty encrypted
    expired false float forgotten hashed header hidden incorrect input int integer invalid key keys list local mapping
    masked md5 missing nil noauth none not-needed not_needed nothing null number oauth oauth2 object optional output
    password passwords query redacted removed request required response secret secrets secretstr set sha256 str string
    text token tokens true tuple unchanged undefined unknown user username valid wrong
    """.split()  # noqa: SIM905 - one word each, read as a text
)
"""What stands under such a name and is none: types, states, words about secrets."""

_BRACES: Final = re.compile(r"\{[^{}]{0,200}\}")
_CODE: Final = re.compile(r"[A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+")
_TOKEN: Final = re.compile(r"[\w.~+/=@:!#$%^&*?-]+")
_RANDOM: Final = re.compile(r"[\w.~+/=-]{20,}")
_SEPARATORS: Final = re.compile(r"[^A-Za-z0-9]")
_DIGIT: Final = re.compile(r"\d")
_LETTER: Final = re.compile(r"[A-Za-z]")

_PASSWORD: Final = 3
_KEY: Final = 8
_TOKEN_LENGTH: Final = 12
_UNDOUBTED: Final = 20
"""Characters from which on a key needs no digit."""


_HEADER: Final = re.compile(
    r"(?i)(?P<scheme>(?:bearer|basic|token|digest|key|api-?key|aws4-hmac-sha256|negotiate|ntlm)(?:[ \t]|%20){1,4}+)?+"
    r"(?P<value>[^\r\n]+)"
)


def secret_part(kind: Kind, value: str) -> tuple[int, int] | None:
    """Give where the secret is in a value: all of it, but for the scheme of an authorization.

    Examples:
        >>> secret_part("authorization", "Bearer abc"), secret_part("password", "{password}")
        ((7, 10), None)
    """
    if kind != "authorization":
        return (0, len(value)) if is_secret(kind, value) else None
    header = _HEADER.match(value)
    if header is None:
        return None
    start, end = header.start("value"), header.start("value") + len(header["value"].rstrip())
    is_told = header["scheme"] is not None and value[end - 1] not in ":."
    return (start, end) if is_secret("password" if is_told else kind, value[start:end]) else None


def is_secret(kind: Kind, value: str) -> bool:
    """Say whether a value in quotes, or a field's, is the secret that its name announces.

    Examples:
        >>> is_secret("password", "hunter2"), is_secret("password", "<your password>")
        (True, False)
        >>> is_secret("api-key", "local"), is_secret("token", "</s>")
        (False, False)
    """
    if _is_nothing(value):
        return False
    if kind == "authorization":
        return has_shape("api-key", value) or "=" in value
    if kind == "cookie":
        return "=" in value
    if kind == "password":
        return len(value) >= _PASSWORD and value.lower() not in _WORDS
    return has_shape(kind, value)


def _is_nothing(value: str) -> bool:
    if "{" in value and not _LETTER.search(_BRACES.sub("", value)):
        return True  # a format with nothing in it but what is filled in
    return _PLACEHOLDER.fullmatch(value[:200]) is not None or (len(value) < _UNDOUBTED and "..." in value)


def has_shape(kind: Kind, value: str) -> bool:
    """Say whether a value could have been made by a machine: one word, long, with digits and letters."""
    if not _TOKEN.fullmatch(value) or value.lower() in _WORDS:
        return False
    if kind == "maybe":
        return looks_random(value)
    has_digit = _DIGIT.search(value) is not None
    if kind == "token":
        return len(value) >= _TOKEN_LENGTH and (
            (has_digit and _LETTER.search(value) is not None) or len(value) > 2 * _UNDOUBTED
        )
    return (len(value) >= _KEY and has_digit) or len(value) >= _UNDOUBTED


def looks_random(value: str) -> bool:
    """Say whether a value looks like a key whatever its name: long, digits in it, hardly a separator.

    Examples:
        >>> looks_random("0123456789abcdef0123456789abcdef"), looks_random("user_profile_2024_settings")
        (True, False)
    """
    return (
        _RANDOM.fullmatch(value) is not None
        and len(_DIGIT.findall(value)) > 2  # noqa: PLR2004 - a year or a version may be part of a word
        and _LETTER.search(value) is not None
        and len(_SEPARATORS.findall(value.rstrip("="))) * 12 <= len(value)
    )


def is_bare_secret(kind: Kind, value: str, *, is_setting: bool, is_line: bool) -> bool:
    """Say whether a value without quotes is the secret that its name announces.

    Args:
        kind: what the name announces.
        value: a word without spaces, quotes and brackets.
        is_setting: whether it is given as to a shell, in an URL, or in a connection's settings, where all is text.
        is_line: whether name and value are all of a line, as in YAML.
    """
    lower = value.lower()
    if _is_nothing(value) or lower in _WORDS or value[0] in "$%*":
        return False
    if kind in ("authorization", "cookie"):
        return False  # `headers` knows how these go on
    if is_setting:
        return len(value) >= (_PASSWORD if kind == "password" else _KEY - 2) and (
            kind != "maybe" or looks_random(value)
        )
    has_digit = _DIGIT.search(value) is not None
    if _CODE.fullmatch(value) and not has_digit:
        return False
    if kind == "password":
        is_word = value.isidentifier() and not has_digit
        if is_word:
            return is_line and value.islower() and len(value) >= _KEY
        return len(value) >= _PASSWORD + 1
    return has_digit and has_shape(kind, value)
