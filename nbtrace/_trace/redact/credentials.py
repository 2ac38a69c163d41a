"""Credentials that are known by what stands around them: private keys, bearer and basic authorization, URLs."""

from __future__ import annotations

import re
from base64 import b64decode
from binascii import Error
from collections.abc import Iterator
from typing import Final

from nbtrace._trace.redact.hits import Hit
from nbtrace._trace.redact.shape import BEGINNING, long_words

_KEY: Final = r"[A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----"
_KEY_BEGIN: Final = re.compile(rf"-----BEGIN {_KEY}")
_KEY_END: Final = re.compile(rf"-----END {_KEY}")
_KEY_CUT: Final = re.compile(r"[\"'`]|\Z")
_BEARER: Final = re.compile(rf"(?i){BEGINNING}bearer(?:[ \t+]|%20){{1,3}}([\w.~/+-]{{1,8192}}=*)")
_BASIC: Final = re.compile(rf"(?i){BEGINNING}basic(?:[ \t+]|%20){{1,3}}([\w/+-]{{6,4096}}={{0,2}})")
_USER: Final = re.compile(r"(?<=://)[^\s/:@\"'\\<>]{0,400}:[^\s/\"'\\<>]{1,400}(?=@)")
_USER_TOKEN: Final = re.compile(r"(?<=://)(?=[\w.~+-]{0,200}\d)[\w.~+-]{16,200}(?=@)")
_WEBHOOK: Final = re.compile(
    r"(?<=hooks\.slack\.com)/[a-z]{1,20}/[\w/+-]{20,}"
    r"|(?<=discord\.com)/api/webhooks/\d{1,30}/[\w-]{30,}"
    r"|(?<=discordapp\.com)/api/webhooks/\d{1,30}/[\w-]{30,}"
    r"|(?<=\.webhook\.office\.com)/webhookb2/[\w/@-]{40,}"
)
_SIGNATURE: Final = re.compile(r"(?<=[?&])(?:sig|[Ss]ignature|X-(?:Amz|Goog)-Signature)=([\w%.~+/-]{8,2000})")
_CURL_USER: Final = re.compile(r"(?<=\s)(?:-u|--user)(?:[ \t]{1,4}|=)[\"']?[^\s:\"'$]{1,200}:([^\s\"'$]{1,400})")

RULES: Final = ("private-key", "url-password", "bearer-token", "basic-auth", "webhook-url", "url-signature")

_SMALL: Final = "bearer "
_QUOTES: Final = "\"'`\\"
_LONG: Final = 20
_SHORT: Final = 6


def find(text: str, shape: bytes) -> Iterator[Hit]:
    """Find private keys, tokens and passwords by the words and signs around them."""
    # To look for one character costs a fiftieth of looking for a word.
    if "-" in text and "-----BEGIN" in text:
        yield from _private_keys(text)
    if "/" in text and "://" in text:
        yield from _in_urls(text)
    if "B" in text:
        yield from _authorized(text)
    for start, _ in long_words(shape):
        found = (
            _BEARER.match(text, start - len(_SMALL)) if text[max(0, start - len(_SMALL)) : start] == _SMALL else None
        )
        if found is not None and _is_token(text, found):
            yield Hit(*found.span(1), "bearer-token")
    if "-" in text and ":" in text and "curl " in text:
        yield from (Hit(*found.span(1), "basic-auth") for found in _CURL_USER.finditer(text))


def _private_keys(text: str) -> Iterator[Hit]:
    ends, done = _KEY_END.finditer(text), 0
    end = next(ends, None)
    for begin in _KEY_BEGIN.finditer(text):
        while end is not None and end.start() < begin.end():
            end = next(ends, None)
        if begin.start() < done:
            continue
        cut = _KEY_CUT.search(text, begin.end())
        done = end.end() if end is not None else cut.start() if cut is not None else len(text)
        yield Hit(begin.start(), done, "private-key")


def _authorized(text: str) -> Iterator[Hit]:
    if "Bearer" in text or "BEARER" in text:
        yield from (Hit(*found.span(1), "bearer-token") for found in _BEARER.finditer(text) if _is_token(text, found))
    if "Basic" in text or "BASIC" in text:
        yield from (Hit(*found.span(1), "basic-auth") for found in _BASIC.finditer(text) if _is_pair(found[1]))


def _in_urls(text: str) -> Iterator[Hit]:
    if "@" in text:
        for pattern in (_USER, _USER_TOKEN):
            for found in pattern.finditer(text):
                yield Hit(*found.span(), "url-password")
    if "?" in text:
        yield from (Hit(*found.span(1), "url-signature") for found in _SIGNATURE.finditer(text))
    if "hook" in text:
        yield from (Hit(*found.span(), "webhook-url") for found in _WEBHOOK.finditer(text))


def _is_token(text: str, found: re.Match[str]) -> bool:
    """Tell a bearer token from a bearer of news: by its digits, its length, or the quotes around it."""
    token = found[1]
    if any(map(str.isdigit, token)):
        return len(token) >= _SHORT or _stands_alone(text, found)
    return (len(token) >= _LONG and not token.isalpha()) or _stands_alone(text, found)


def _stands_alone(text: str, found: re.Match[str]) -> bool:
    """Say whether the word and its token are all of a quoted text, or a header's value to the end of its line."""
    before, after = text[max(0, found.start() - 2) : found.start()], text[found.end() : found.end() + 1]
    quoted = before[-1:] in _QUOTES and bool(before) and after in _QUOTES and bool(after)
    return quoted or (before == ": " and (not after or after in "\r\n\\\"'"))


def _is_pair(encoded: str) -> bool:
    """Say whether this is `user:password` in base64."""
    try:
        decoded = b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_" if set(encoded) & set("-_") else None)
    except (Error, ValueError):
        return False
    return b":" in decoded and all(byte >= ord(" ") for byte in decoded)
