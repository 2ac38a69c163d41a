"""Secrets that only their name gives away: `password="..."`, `X_API_KEY=...`, `"api-key": "..."`, `Authorization: ...`.

Whatever the language: Python, shells, JSON, YAML, headers, settings, and any of them quoted in another. A text is
searched for the few stems that such names have; only where a sign of assignment follows one is more looked at. All is
bounded, so that no text takes more time than its length asks for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from nbtrace._trace.redact.hits import Hit
from nbtrace._trace.redact.names import Kind, kind_of
from nbtrace._trace.redact.quotes import end_of
from nbtrace._trace.redact.values import has_shape, is_bare_secret, secret_part

RULES: Final = ("password", "secret", "api-key", "token", "authorization", "cookie", "basic-auth")

_STEMS: Final = (
    "key",
    "token",
    "secret",
    "pass",
    "pwd",
    "credential",
    "auth",
    "cookie",
    "jwt",
    "senha",
    "wort",
    "contrase",
)
_END: Final = r"(?:\\{0,32}+[\"'`])?+[ \t]{0,8}+[\])]?+[ \t]{0,8}+"
_NAMED: Final = re.compile(rf"(?:{'|'.join(_STEMS)})[\w-]{{0,40}}+{_END}(?:[=:>(]|(?<=[\"']),)")
"""A name with one of the stems, up to the first character of the sign after it."""
_NAME_LENGTH: Final = 64
_BACKWARDS: Final = re.compile(r"[ \t]{0,8}+[\])]?+[ \t]{0,8}+(?P<close>[\"'`]\\{0,32}+)?+(?P<name>[\w.-]{1,64}+)")
"""What stands before a sign of assignment, read from the sign."""
_FIRST: Final = re.compile(r"([A-Za-z]{1,20}+) \Z")
_SIGN: Final = re.compile(r"(?P<sign>:=|=>|==?=?|:|,|>|\()(?P<space>(?:\s|\\[nrt]){0,16}+)(?=\S)")
_FIELD: Final = re.compile(r"\\{0,32}+[\"']value\\{0,32}+[\"']\s{0,8}+:\s{0,8}+")
"""Between a name and its value where both are values themselves: `{"name": "password", "value": "..."}`."""
_OPTION: Final = re.compile(r"--(?P<name>[\w-]{2,64}+)[ \t]{1,4}+(?=[^\s-])")
_MAGIC: Final = re.compile(r"%(?:set_)?env[ \t]{1,4}+(?P<name>\w{2,64}+)[ \t]{1,4}+(?=[^\s=])")
_ANNOTATION: Final = re.compile(
    r"[A-Za-z_][\w.]{0,40}+(?:\[[^\]\n=]{0,60}\])?+(?:[ \t]?\|[ \t]?[\w.]{1,40}+){0,3}+\s?=[ \t]?"
)
_OPEN: Final = re.compile(
    r"""(?:[rRbBuUfF]{1,2}|\(|(?:[\w.]{0,40}\.)?(?:Secret\w{0,20}|\w{0,40}Credential|str|bytes)\()?
    (?P<quote>\\{0,32}+(?:\"{3}|'{3}|["'`]))""",
    re.VERBOSE,
)
_BARE: Final = re.compile(r"[^\s\"'`,;<>()\[\]{}|&\\]++")
_LINE: Final = re.compile(r"[^\"'`\\\r\n]++")
_LOOK: Final = 400
"""Characters by which a value without quotes is judged."""
_LIST: Final = 20
_PAIR: Final = re.compile(
    r"""(?:auth[ ]?=[ ]?|BasicAuth)\(\s?(\\{0,32}['"])[^'"\\\n]{0,200}\1\s?,\s?(\\{0,32}['"])([^'"\\\n]{1,200})\2"""
)
_LINE_END: Final = re.compile(r"\Z|\\{0,32}+[\r\n\"']|\\{1,32}[nr]")
_LINE_START: Final = re.compile(r"(?:\A|[\r\n\"']|\\[nr])[ \t-]{0,40}\Z")


class _Assigned(NamedTuple):
    """A name that announces a secret, and where its value begins."""

    kind: Kind
    name: str
    start: int
    """Where the name begins."""
    sign: str
    at: int
    """Where the value begins."""
    is_tight: bool = False
    """Whether nothing stands between name, sign and value."""


def find(text: str) -> Iterator[Hit]:
    """Find the values of names that announce a secret."""
    if "=" in text or ":" in text or '"' in text or "'" in text or ">" in text or "(" in text:
        low = text.lower()
        if len(low) != len(text):  # the one letter whose small form is longer
            low = text.replace("\N{LATIN CAPITAL LETTER I WITH DOT ABOVE}", "i").lower()
        if any(stem in low for stem in _STEMS):
            done = 0
            for named in _NAMED.finditer(low):
                if named.end() > done and (assigned := _assigned(text, named.end() - 1)) is not None:
                    for hit in _value(text, assigned):
                        done = hit.end
                        yield hit
    if "-" in text or "%" in text:
        yield from _given(text)
    if "auth" in text or "Auth(" in text:
        yield from (Hit(*pair.span(3), "basic-auth") for pair in _PAIR.finditer(text))


def _assigned(text: str, at: int) -> _Assigned | None:
    """Read the name before a sign, and say what it announces."""
    before = _BACKWARDS.match(text[max(0, at - _NAME_LENGTH) : at][::-1])
    if before is None:
        return None
    name = before["name"][::-1]
    kind, start = kind_of(name), at - before.end()
    if (
        start and text[start - 1] == "\\" and (inner := kind_of(name[1:]))
    ):  # the `n` of `\nkey` is no letter of the name
        kind, start, name = inner, start + 1, name[1:]
    if kind in (None, "maybe") and (first := _FIRST.search(text, max(0, start - 20), start)):  # `API key: ...`
        kind = kind_of(f"{first[1]}_{name}")
    sign = _SIGN.match(text, at) if kind is not None else None
    if kind is None or sign is None or not _is_meant(text, name, start, sign["sign"], before["close"]):
        return None
    if sign["sign"] == "," and (field := _FIELD.match(text, sign.end())):
        return _Assigned(kind, name, start, ":", field.end())
    return _Assigned(kind, name, start, sign["sign"], sign.end(), before.end() == len(name) and not sign["space"])


def _is_meant(text: str, name: str, start: int, sign: str, close: str | None) -> bool:
    """Say whether a sign assigns to this name: some do only in one language."""
    match sign:
        case ",":
            return close is not None
        case ">":
            return text[start - 1 : start] in ("<", ":")
        case "(":
            return name[0].isupper()
        case _:
            return True


def _given(text: str) -> Iterator[Hit]:
    """Find what is given after a space: `--password x`, `%env KEY x`."""
    for begins, pattern in (("--", _OPTION), ("%", _MAGIC)):
        at = text.find(begins)
        while at >= 0:
            found = pattern.match(text, at)
            if found is not None and (kind := kind_of(found["name"])) is not None:
                yield from _value(text, _Assigned(kind, found[0], at, " ", found.end(), is_tight=True))
            at = text.find(begins, at + len(begins))


def _value(text: str, name: _Assigned) -> Iterator[Hit]:
    at = name.at
    if name.sign == ":" and (typed := _ANNOTATION.match(text, at)) and _OPEN.match(text, typed.end()):
        at = typed.end()
    opened = _OPEN.match(text, at)
    if opened is not None:
        yield from _quoted(text, name, opened)
    elif name.sign not in (",", "("):
        yield from _listed(text, name, at) if text[at] in "[(" else _bare(text, name)


def _quoted(text: str, name: _Assigned, opened: re.Match[str]) -> Iterator[Hit]:
    start = opened.end()
    end = end_of(text, start, opened["quote"])
    value = text[start:end]
    part = secret_part(name.kind, value)
    if part is not None and (name.sign != "," or has_shape("api-key", value)):
        yield Hit(start + part[0], start + part[1], _rule(name.kind))


def _listed(text: str, name: _Assigned, at: int) -> Iterator[Hit]:
    """Look at the texts of a list."""
    at += 1
    for _ in range(_LIST):
        while text[at : at + 1] in (" ", ",", "\n", "\t"):
            at += 1
        opened = _OPEN.match(text, at)
        if opened is None:
            return
        yield from _quoted(text, name, opened)
        at = end_of(text, opened.end(), opened["quote"]) + len(opened["quote"])


def _bare(text: str, name: _Assigned) -> Iterator[Hit]:
    """Look at a value without quotes, which may be code as well."""
    start = name.at
    if name.kind in ("authorization", "cookie"):
        line = _LINE.match(text, start, start + _LOOK)
        if line is not None and name.sign == ":" and (part := secret_part(name.kind, line[0])) is not None:
            yield Hit(start + part[0], _to_end(text, start + part[1], _LINE), _rule(name.kind))
        return
    found = _BARE.match(text, start, start + _LOOK)
    if found is None or text[found.end() : found.end() + 1] in ("(", "["):
        return
    value = found[0].rstrip(".:") if name.sign == ":" else found[0]
    is_setting, is_line = _is_setting(text, name, found.end()), _is_line(text, name, found.end())
    if value and is_bare_secret(name.kind, value, is_setting=is_setting, is_line=is_line):
        end = start + len(value)
        yield Hit(start, _to_end(text, end, _BARE) if len(value) == _LOOK else end, _rule(name.kind))


def _to_end(text: str, end: int, pattern: re.Pattern[str]) -> int:
    """Give the end of a value of which only the beginning was looked at."""
    more = pattern.match(text, end)
    return more.end() if more is not None else end


def _is_setting(text: str, name: _Assigned, end: int) -> bool:
    """Say whether a value is given as to a shell, in an URL, a connection's settings or XML, where all is text."""
    if name.sign in (" ", ">"):
        return True
    return (
        name.sign == "="
        and name.is_tight
        and (
            name.name.isupper()
            or name.name.startswith("--")
            or text[name.start - 1 : name.start] in ("?", "&", ";")
            or text[end : end + 1] in ("&", ";")
        )
    )


def _is_line(text: str, name: _Assigned, end: int) -> bool:
    """Say whether name and value are all of their line."""
    before = text[max(0, name.start - 41) : name.start]
    return _LINE_START.search(before) is not None and _LINE_END.match(text, end) is not None


def _rule(kind: Kind) -> str:
    return "api-key" if kind == "maybe" else kind
