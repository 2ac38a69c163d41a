"""Secrets without a form are known by the name they are given to, in any language, and code about secrets stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nbtrace._trace.redact.rules import Rules

KEY = "0123456789abcdef" * 2

MASKED = {
    # Python
    f'os.environ["AZURE_OPENAI_API_KEY"] = "{KEY}"': 'os.environ["AZURE_OPENAI_API_KEY"] = "[redacted: api-key]"',
    f"os.environ.setdefault('X_API_KEY', '{KEY}')": "os.environ.setdefault('X_API_KEY', '[redacted: api-key]')",
    f'os.getenv("X_API_KEY", "{KEY}")': 'os.getenv("X_API_KEY", "[redacted: api-key]")',
    'password="hunter2"': 'password="[redacted: password]"',
    "password = 'correct horse battery staple'": "password = '[redacted: password]'",
    'password = "a\\"b" + rest': 'password = "[redacted: password]" + rest',
    "password = '''hunter2'''": "password = '''[redacted: password]'''",
    f'api_key: str = "{KEY}"': 'api_key: str = "[redacted: api-key]"',
    f'api_key: str | None = "{KEY}"': 'api_key: str | None = "[redacted: api-key]"',
    'if password == "hunter2":': 'if password == "[redacted: password]":',
    'password=SecretStr("hunter2")': 'password=SecretStr("[redacted: password]")',
    f'AzureKeyCredential("{KEY}")': 'AzureKeyCredential("[redacted: token]")',
    'requests.get(url, auth=("me", "hunter2"))': 'requests.get(url, auth=("me", "[redacted: basic-auth]"))',
    "HTTPBasicAuth('me', 'hunter2')": "HTTPBasicAuth('me', '[redacted: basic-auth]')",
    'API_KEYS = ["abcdef1234", "abcdef12345"]': 'API_KEYS = ["[redacted: api-key]", "[redacted: api-key]"]',
    f'cohere_key = "{KEY}01234567"': 'cohere_key = "[redacted: api-key]"',
    'token = "abcdef1234567890"': 'token = "[redacted: token]"',
    "client_secret=f'abcdef1234'": "client_secret=f'[redacted: secret]'",
    'password="cut off': 'password="[redacted: password]',
    'password="cut off\nnext': 'password="[redacted: password]\nnext',
    # shells and settings
    "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG": "AWS_SECRET_ACCESS_KEY=[redacted: api-key]",
    "export DB_PASSWORD=hunter; ls": "export DB_PASSWORD=[redacted: password]; ls",
    "%env OPENAI_API_KEY abcdef123": "%env OPENAI_API_KEY [redacted: api-key]",
    "%env OPENAI_API_KEY=abcdef123": "%env OPENAI_API_KEY=[redacted: api-key]",
    "tool --password hunter2 --verbose": "tool --password [redacted: password] --verbose",
    "tool --api-key=abcdef123": "tool --api-key=[redacted: api-key]",
    "curl -u me:hunter2 https://x": "curl -u me:[redacted: basic-auth] https://x",
    "Server=x;Password=hunter;User=y": "Server=x;Password=[redacted: password];User=y",
    "AccountKey=abcd1234efgh5678==;Suffix=x": "AccountKey=[redacted: api-key];Suffix=x",
    "spring.datasource.password=hunter2": "spring.datasource.password=[redacted: password]",
    # data
    '{"password": "hunter2"}': '{"password": "[redacted: password]"}',
    '{\\"password\\": \\"hunter2\\"}': '{\\"password\\": \\"[redacted: password]\\"}',
    '{\\\\\\"pwd\\\\\\": \\\\\\"a\\\\\\\\\\\\\\"b\\\\\\"}': '{\\\\\\"pwd\\\\\\": \\\\\\"[redacted: password]\\\\\\"}',
    '{"name": "DB_PASSWORD", "value": "hunter2"}': '{"name": "DB_PASSWORD", "value": "[redacted: password]"}',
    "password: hunter2": "password: [redacted: password]",
    "db:\n  password: correcthorse\n  port: 1": "db:\n  password: [redacted: password]\n  port: 1",
    "<password>hunter2</password>": "<password>[redacted: password]</password>",
    # requests
    f'headers={{"x-api-key": "{KEY}"}}': 'headers={"x-api-key": "[redacted: api-key]"}',
    '("x-api-key", "abcdef123")': '("x-api-key", "[redacted: api-key]")',
    "x-api-key: abcdef123": "x-api-key: [redacted: api-key]",
    "Authorization: Basic dXNlcjpwYXNzd29yZA==": "Authorization: Basic [redacted: basic-auth]",
    '{"Authorization": "Bearer abc"}': '{"Authorization": "Bearer [redacted: bearer-token]"}',
    "curl -H 'authorization: token abc' x": "curl -H 'authorization: token [redacted: authorization]' x",
    "Cookie: session=abc; b=c": "Cookie: [redacted: cookie]",
    "https://x/y?api_key=abcdef&z=1": "https://x/y?api_key=[redacted: api-key]&z=1",
    f"https://x/y?key={KEY}": "https://x/y?key=[redacted: api-key]",
    "API key: abcdef1234": "API key: [redacted: api-key]",
}


@pytest.mark.parametrize("text", MASKED)
def test_a_secret_is_known_by_its_name(text: str) -> None:
    assert Rules().masked(text) == MASKED[text]


@pytest.mark.parametrize("text", MASKED)
def test_what_is_masked_stays_as_it_is(text: str) -> None:
    masked = Rules().masked(text)
    assert Rules().masked(masked) == masked


@pytest.mark.parametrize("depth", [1, 2, 3])
@pytest.mark.parametrize("text", MASKED)
def test_a_secret_in_json_in_json(text: str, depth: int) -> None:
    value, expected = f"see:\n{text}\n\tend", Rules().masked(f"see:\n{text}\n\tend")
    assert "[redacted: " in expected
    for _ in range(depth):
        value, expected = json.dumps({"content": value}), json.dumps({"content": expected})
    assert Rules().masked(value) == expected


HARMLESS = """
max_tokens=5
password = getpass()
password = getpass.getpass("Enter your password: ")
api_key=os.environ["OPENAI_API_KEY"]
api_key=os.environ.get("OPENAI_API_KEY")
api_key=os.getenv("OPENAI_API_KEY", "")
client = OpenAI(api_key=api_key)
client = OpenAI(api_key="local")
client = OpenAI(api_key="EMPTY")
client = OpenAI(api_key="not-needed")
password: str
password: str = None
password: Optional[str] = None
def login(user: str, password: str) -> None:
{"password": {"type": "string"}}
{"type": "string", "description": "The password of the user"}
{"token": "Hello", "logprob": -0.1}
token_count: 12
tokens = tokenizer.encode("hi")
eos_token="</s>"
pad_token = "[PAD]"
stop_token="<|im_end|>"
primary_key="id"
key = "value"
sorted(items, key=lambda x: x[1])
d = {"key": "value", "key2": "value2"}
for key, value in d.items():
api_key="YOUR_API_KEY"
api_key="your-api-key-here"
api_key="<your key>"
api_key="sk-..."
api_key="..."
password="********"
password=${PASSWORD}
PASSWORD=$PASSWORD
password="{password}"
f"Bearer {token}"
{"Authorization": f"Bearer {token}"}
{"Authorization": "Bearer " + token}
Authorization: Bearer $TOKEN
Authorization: Bearer <token>
The bearer of this news is 2024 years old
bearer responsibilities
Basic understanding of Python
basic authentication
The key is to practice: every day, 10 minutes.
The key: practice.
Secret: the cake is a lie
the token is invalid
password is required
Your password must be at least 8 characters
Password: required
author = "Jane Doe"
authentication: none
auth="basic"
cookie: chocolate
cookies: 12
passed: 12, failed: 3
pass = 5
monkey=12345678
keyboard: qwerty123
tokenizer="cl100k_base"
SECRET_NAME=projects/1/secrets/x
token_type: bearer
"token_type": "bearer"
PWD=/home/user/x
print("API key:", api_key)
if not api_key: raise ValueError("api_key is required")
raise ValueError("password must not be empty")
KeyError: 'password'
AuthenticationError: Incorrect API key provided
completion_tokens=12, prompt_tokens=9
secrets.token_hex(16)
import secrets
cache_key="user:123:profile:456789"
"key": "user_profile_2024_settings"
https://example.org/a@b
token = self.tokens[i]
secret = config.secret
password=password, user=user
password=pw
api_key=key
"tokens": 12, "key": 5
SSH_AUTH_SOCK=/tmp/x
TOKENIZERS_PARALLELISM=false
The API key: it opens doors
--max-tokens 512 --temperature 0.7
--key-file ~/.ssh/id --token-limit 4096
{"name": "api_key", "type": "string"}
""".strip().splitlines()


@pytest.mark.parametrize("text", HARMLESS)
def test_code_and_prose_about_secrets_stay(text: str) -> None:
    assert Rules().masked(text) == text


NAMES = ["password", "DB_PASSWORD", "apiKey", "x-api-key", "client_secret", "AZURE_OPENAI_API_KEY", "accessToken"]
BODY = st.text(alphabet="ABCDEFghijkl0123456789", min_size=14, max_size=40)


@given(st.sampled_from(NAMES), BODY, st.sampled_from(["=", ": ", " = ", "=>", ":"]), st.sampled_from("\"'"), st.text())
def test_any_value_in_quotes(name: str, body: str, sign: str, quote: str, before: str) -> None:
    secret = f"1a{body}"
    text = f"{before}\n{name}{sign}{quote}{secret}{quote} end"
    assert secret not in Rules().masked(text)


@given(st.sampled_from(NAMES), BODY, st.integers(0, 4), st.text())
def test_any_value_in_json_at_any_depth(name: str, body: str, depth: int, other: str) -> None:
    secret = f"1a{body}"
    value: object = {"a": other, name: secret, "z": [other]}
    for _ in range(depth):
        value = json.dumps({"content": value, "more": other})
    assert secret not in Rules().masked(json.dumps(value))
