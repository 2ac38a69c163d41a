"""Private keys, bearer and basic authorization, and what is secret of a URL."""

from __future__ import annotations

import json

import pytest

from nbtrace._trace.redact.rules import Rules
from tests.trace.redact.secrets import PRIVATE_KEY

BEGUN = PRIVATE_KEY[:50]
PGP = PRIVATE_KEY.replace("RSA PRIVATE KEY", "PGP PRIVATE KEY BLOCK")
TOKEN = "abcdef" + "0123456789" * 2

MASKED = {
    f"a {PRIVATE_KEY} b": "a [redacted: private-key] b",
    f"a {PGP} b": "a [redacted: private-key] b",
    f"a {BEGUN}": "a [redacted: private-key]",
    "postgres://user:p455word!@db.example.org/x": "postgres://[redacted: url-password]@db.example.org/x",
    "redis://:p@ss:w@rd@h:1": "redis://[redacted: url-password]@h:1",
    "https://0123456789abcdef0123@sentry.example/1": "https://[redacted: url-password]@sentry.example/1",
    "https://hooks.slack.com/services/T0123/B0123/abcdefghij0123": "https://hooks.slack.com[redacted: webhook-url]",
    f"https://discord.com/api/webhooks/1234/{TOKEN}{TOKEN}": "https://discord.com[redacted: webhook-url]",
    "https://x.blob.core.windows.net/c?sv=1&sig=ab%2Bcd0123456789%3D&x=1": (
        "https://x.blob.core.windows.net/c?sv=1&sig=[redacted: url-signature]&x=1"
    ),
    "https://s3.amazonaws.com/b?X-Amz-Signature=0123456789abcdef": (
        "https://s3.amazonaws.com/b?X-Amz-Signature=[redacted: url-signature]"
    ),
    "Bearer abc123": "Bearer [redacted: bearer-token]",
    f"it says bearer {TOKEN} here": "it says bearer [redacted: bearer-token] here",
    '"Bearer abcdef"': '"Bearer [redacted: bearer-token]"',
    "Authorization: Bearer eyJhbGciOi.eyJzdWIi.SflKxw+/~-_==": "Authorization: Bearer [redacted: bearer-token]",
    "Basic dXNlcjpwYXNzd29yZA==": "Basic [redacted: basic-auth]",
}


@pytest.mark.parametrize("text", MASKED)
def test_a_credential_is_known_by_what_is_around_it(text: str) -> None:
    assert Rules().masked(text) == MASKED[text]
    assert Rules().masked(MASKED[text]) == MASKED[text]


@pytest.mark.parametrize("text", MASKED)
def test_a_credential_in_json(text: str) -> None:
    assert Rules().masked(json.dumps([[text]])) == json.dumps([[MASKED[text]]])


@pytest.mark.parametrize(
    "harmless",
    ["https://example.org/a@b", "the bearer of news", "https://example.org:8080/path", "mailto:me@example.org",
     "12:30@noon", "-----BEGIN PUBLIC KEY-----", "Bearer of bad news", "Bearer responsibilities", "Basic understanding",
     "Basic Authentication", "https://me@example.org", "https://hooks.slack.com/", "the PRIVATE KEY", "?sig=short",
     '"Bearer authentication is used"'],
)  # fmt: skip
def test_what_is_no_credential_stays(harmless: str) -> None:
    assert Rules().masked(harmless) == harmless
