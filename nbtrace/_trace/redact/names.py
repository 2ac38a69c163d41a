"""Names that announce a secret: of variables, parameters, fields, headers, settings.

`AZURE_OPENAI_API_KEY`, `dbPassword`, `x-api-key`, `client.secret`: the last words decide. What is named after a secret
without being one (`max_tokens`, `token_count`, `password_field`, `primary_key`) has other last words.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

Kind = Literal["password", "secret", "api-key", "token", "authorization", "cookie", "maybe"]
"""What a name announces; `maybe` is a name that announces a secret only if its value looks like one."""

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")
_PARTS: Final = 200
"""Characters of a name that are looked at: its end."""

_LEFT_OUT: Final = frozenset(
    """
    b backup base current default dev encoded live main new old plain primary prod production raw secondary stage
    staging str string test testing tests text v val value
    """.split()  # noqa: SIM905 - one word each, read as a text
)
"""Last words that say which one, and nothing of what it is."""

_PASSWORDS: Final = frozenset(
    """
    contrasena contraseña kennwort motdepasse passcode passphrase passwd password passwort pwd senha
    """.split()  # noqa: SIM905 - as above
)
_DIRECTORIES: Final = ("PWD", "OLDPWD")
_SECRETS: Final = ("secret", "secretkey", "secretaccesskey")
_KEYS: Final = ("apikey", "accesskey", "authkey", "accountkey", "privatekey", "subscriptionkey")
_OF_KEYS: Final = frozenset(
    """
    access account admin ai api app application auth client deploy deployment encryption function functions license
    master private secret security service session shared signing storage subscription webhook x xi
    """.split()  # noqa: SIM905 - as above
)
"""What makes a key a secret one when it stands before it."""
_OF_PASS: Final = frozenset(
    """
    admin database db email ftp login mail mongo mysql pg postgres redis root smtp user
    """.split()  # noqa: SIM905 - as above
)
_NO_KEYS: Final = frozenset(
    """
    answer arrow attr attribute cache column composite config data dict dictionary enter field foreign group hash header
    hot i18n idempotency index json lang lookup map metadata musical natural object param parameter partition press
    primary public query row settings short sort state store surrogate trans translation unique
    """.split()  # noqa: SIM905 - as above
)
"""What a key that opens nothing is called."""


@lru_cache(maxsize=4096)
def kind_of(name: str) -> Kind | None:
    """Say what kind of secret a name announces.

    Examples:
        >>> kind_of("AZURE_OPENAI_API_KEY"), kind_of("dbPassword"), kind_of("X-Auth-Token")
        ('api-key', 'password', 'token')
        >>> kind_of("max_tokens"), kind_of("token_count"), kind_of("primary_key")
        (None, None, None)
    """
    if name in _DIRECTORIES:
        return None
    words = [word.lower() for word in _WORDS.findall(name[-_PARTS:])]
    while len(words) > 1 and words[-1] in _LEFT_OUT:
        words.pop()
    if not words:
        return None
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last.endswith("s") and last[:-1] in ("password", "secret", "key", "credential", "passphrase"):
        last = last[:-1]
    return _kind(last, before)


def _kind(last: str, before: str) -> Kind | None:
    if last in _PASSWORDS or last.endswith(("password", "passwd")) or (last == "pass" and before in _OF_PASS):
        return "password"
    if last.endswith(_SECRETS):
        return "secret"
    if last == "key" or last.endswith(_KEYS):
        if last != "key" or before in _OF_KEYS:
            return "secret" if before == "secret" else "api-key"
        return None if before in _NO_KEYS else "maybe"
    if last.endswith("token") or last in ("credential", "jwt"):
        return "token"
    if last in ("authorization", "cookie"):
        return last
    return "maybe" if last == "auth" else None
