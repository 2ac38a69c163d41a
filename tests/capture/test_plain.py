"""Where a text is cut, nothing is left that a rule would have masked whole."""

from __future__ import annotations

import pytest

from nbtrace._capture import plain
from nbtrace._trace.redact.policy import Policy

SECRETS = {
    "sk-proj-0123456789abcdef0123456789abcdef": "0123456789abcdef",
    "https://ada:Tr0ub4dor@example.org/path": "Tr0ub4dor",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jiNIEsg5kfWIFRcqqd5s": "dozjgNryP4J3jiNIEsg5kfWIFRcqqd5s",
    "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhki\n-----END PRIVATE KEY-----": "MIIEvQIBADANBgkqhki",
    "password='correct horse battery staple'": "correct horse battery staple",
}
"""What has to be masked of each."""


@pytest.mark.parametrize("secret", SECRETS)
@pytest.mark.parametrize("before", ["", " ", '{"a":"'])
def test_no_secret_is_left_in_part_where_a_text_is_cut(secret: str, before: str) -> None:
    policy = Policy()
    assert SECRETS[secret] not in policy.text(secret)
    for end in range(1, len(secret)):
        filling = "word " * 100 + before
        cut = plain.cut(filling + secret + " and more", len(filling) + end)
        assert "word word " in cut
        assert SECRETS[secret][:4] not in policy.text(cut)
