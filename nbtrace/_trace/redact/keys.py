"""Keys and tokens that are known by their form: a prefix that their provider chose, and what follows it.

The forms are those that providers document and that secret scanners look for. Every one of them has a long word (see
`shape`), which ordinary text has not, so a hundred of them cost a text without one nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from typing import Final

from nbtrace._trace.redact.hits import Hit
from nbtrace._trace.redact.shape import BEGINNING, long_words

_HEX: Final = r"[0-9a-f]"
_WORD: Final = r"[A-Za-z0-9]"

FORMS: Final[tuple[tuple[str, str, str], ...]] = (
    # models
    ("anthropic-key", r"sk-ant-", r"[\w-]{16,}"),
    ("openrouter-key", r"sk-or-", r"[\w-]{16,}"),
    ("langfuse-key", r"sk-lf-", r"[\w-]{16,}"),
    ("openai-key", r"sk-", r"(?:(?=[\w-]{0,80}\d)|(?=[A-Za-z]{20}))[\w-]{16,}"),
    ("google-key", r"AIza", r"[\w-]{35}"),
    ("google-key", r"AQ\.Ab", r"[\w-]{30,}"),
    ("groq-key", r"gsk_", r"\w{30,}"),
    ("xai-key", r"xai-", r"\w{30,}"),
    ("perplexity-key", r"pplx-", r"\w{30,}"),
    ("nvidia-key", r"nvapi-", r"[\w-]{30,}"),
    ("cerebras-key", r"csk-", rf"{_WORD}{{30,}}"),
    ("fireworks-key", r"fw_", rf"{_WORD}{{20,}}"),
    ("together-key", r"tgp_v1_", r"[\w-]{20,}"),
    ("anyscale-key", r"esecret_", rf"{_WORD}{{20,}}"),
    ("replicate-token", r"r8_", r"[\w-]{30,}"),
    ("huggingface-token", r"(?:hf|api_org)_", rf"{_WORD}{{24,}}"),
    ("bedrock-key", r"ABSK", r"[\w+/]{60,}={0,2}"),
    ("bedrock-key", r"bedrock-api-key-", r"[\w+/-]{20,}={0,2}"),
    ("vercel-key", r"vc[kpsair]_", rf"{_WORD}{{24,}}"),
    # what is used around models
    ("voyage-key", r"pa-", r"[\w-]{40,}"),
    ("jina-key", r"jina_", r"\w{30,}"),
    ("tavily-key", r"tvly-", r"[\w-]{16,}"),
    ("firecrawl-key", r"fc-", rf"{_HEX}{{32}}"),
    ("llamacloud-key", r"llx-", r"[\w-]{30,}"),
    ("langsmith-key", r"lsv2_(?:pt|sk)_", r"\w{30,}"),
    ("langsmith-key", r"ls__", rf"{_HEX}{{30,}}"),
    ("logfire-token", r"pylf_v\d_", r"\w{20,}"),
    ("wandb-key", r"wandb_v\d_", r"\w{30,}"),
    ("posthog-key", r"phx_", r"\w{30,}"),
    ("pinecone-key", r"pcsk_", r"\w{40,}"),
    ("databricks-token", r"dapi", rf"{_HEX}{{32}}(?:-\d)?"),
    ("e2b-key", r"e2b_", rf"{_HEX}{{30,}}"),
    ("runpod-key", r"rpa_", rf"{_WORD}{{30,}}"),
    ("supabase-key", r"sb(?:p|_secret)_", r"[\w-]{20,}"),
    # clouds, code and the rest of a notebook's world
    ("aws-key", r"(?:AKIA|ASIA|ABIA|ACCA)", r"[0-9A-Z]{16}\b"),
    ("google-token", r"ya29\.", r"[\w-]{20,}"),
    ("google-token", r"1//0", r"[\w-]{30,}"),
    ("google-secret", r"GOCSPX-", r"[\w-]{20,}"),
    ("alibaba-key", r"LTAI", rf"{_WORD}{{16,}}"),
    ("digitalocean-token", r"do[opr]_v1_", rf"{_HEX}{{64}}"),
    ("heroku-key", r"HRKU-", r"[\w-]{30,}"),
    ("fly-token", r"(?:fo1|fm1[ar]|fm2)_", r"[\w+/-]{40,}={0,3}"),
    ("netlify-token", r"nfp_", r"\w{30,}"),
    ("github-token", r"gh[pousr]_", r"\w{30,}"),
    ("github-token", r"github_pat_", r"\w{30,}"),
    ("gitlab-token", r"gl(?:pat|dt|rt|cbt|ptt|ft|oas|soat|ffct|agent|imt)-", r"[\w.-]{20,}"),
    ("gitlab-token", r"GR1348941", r"[\w-]{20,}"),
    ("bitbucket-token", r"ATBB", rf"{_WORD}{{28,}}"),
    ("atlassian-token", r"ATATT3", r"[\w=-]{30,}"),
    ("linear-key", r"lin_(?:api|oauth)_", rf"{_WORD}{{30,}}"),
    ("notion-token", r"(?:ntn|secret)_", rf"{_WORD}{{43,}}"),
    ("airtable-token", r"pat", rf"{_WORD}{{14}}\.{_HEX}{{64}}"),
    ("figma-token", r"fig[dou]_", r"[\w-]{30,}"),
    ("npm-token", r"npm_", rf"{_WORD}{{36}}"),
    ("pypi-token", r"pypi-Ag", r"[\w-]{40,}"),
    ("rubygems-key", r"rubygems_", rf"{_HEX}{{48}}"),
    ("docker-token", r"dckr_(?:pat|oat)_", r"[\w-]{20,}"),
    ("artifactory-key", r"AKCp", rf"{_WORD}{{60,}}"),
    ("slack-token", r"xox[a-z](?:\.xox[bp])?-", r"[\w-]{15,}"),
    ("slack-token", r"xapp-", r"[\w-]{15,}"),
    ("telegram-token", r"(?<=\d{8}:)AA", r"[\w-]{33}\b"),
    ("stripe-key", r"(?:sk|rk)_(?:live|test)_", rf"{_WORD}{{16,}}"),
    ("stripe-key", r"whsec_", r"[\w+/]{24,}={0,2}"),
    ("elevenlabs-key", r"sk_", rf"{_HEX}{{48}}"),
    ("square-token", r"sq0(?:atp|csp)-", r"[\w-]{20,}"),
    ("shopify-token", r"shp(?:at|ca|pa|ss)_", rf"(?i:{_HEX}){{32}}"),
    ("sendgrid-key", r"SG\.", r"[\w-]{16,}\.[\w-]{30,}"),
    ("brevo-key", r"xkeysib-", rf"{_HEX}{{64}}-\w{{16}}"),
    ("mailgun-key", r"key-", rf"{_HEX}{{32}}"),
    ("vault-token", r"hv[sbr]\.", r"[\w-]{20,}"),
    ("doppler-token", r"dp\.(?:pt|st|ct|sa|scim|audit)\.", r"[\w.-]{30,}"),
    ("onepassword-token", r"ops_eyJ", r"[\w+/-]{40,}={0,3}"),
    ("age-key", r"AGE-SECRET-KEY-1", rf"{_WORD}{{40,}}"),
    ("tailscale-key", r"tskey-", r"[\w-]{16,}"),
    ("grafana-token", r"glsa_", r"\w{32,}"),
    ("grafana-token", r"glc_", r"[\w+/]{32,}={0,3}"),
    ("sentry-token", r"sntry[su]_", r"[\w+/=]{30,}"),
    ("newrelic-key", r"NRAK-", rf"{_WORD}{{20,}}"),
    ("postman-key", r"PMAK-", r"[\w-]{40,}"),
    ("planetscale-token", r"pscale_(?:tkn|oauth|pw)_", r"[\w.-]{30,}"),
    ("prefect-key", r"pn[ub]_", rf"{_WORD}{{36}}"),
    ("sourcegraph-token", r"sgp_", r"\w{40,}"),
    ("dynatrace-token", r"dt0c01\.", rf"{_WORD}{{24}}\.{_WORD}{{64}}"),
    ("jwt", r"eyJ", r"[\w-]{10,}\.[\w-]{4,}(?:\.[\w-]*){0,3}"),
)
"""Name of the rule, how what it masks begins, and how that goes on. The first that fits is it."""

_PREFIX: Final = re.compile(f"{BEGINNING}(?={'|'.join(f'({prefix})' for _, prefix, _ in FORMS)})")
_INSIDE: Final[tuple[tuple[str, str, int, re.Pattern[str]], ...]] = (
    ("azure-key", "JQQJ9", 52, re.compile(r"[A-Za-z0-9]{52}JQQJ9[9DH][A-Za-z0-9]{26}(?:[A-Za-z0-9]{2}==)?")),
    ("azure-secret", "Q~", 4, re.compile(r"[\w.~]{3}\dQ~[\w.~-]{31,34}")),
)
"""Keys with a mark inside: the rule, the mark, the characters before it, and all of it."""
_DISCORD: Final = re.compile(BEGINNING + r"[MNO][\w-]{23,27}\.[\w-]{6}\.[\w-]{27,45}")
_DISCORD_LENGTH: Final = 85
_AZURE_LENGTH: Final = 84
_BEFORE: Final = 24
"""Characters by which a key may begin before its long word, because its prefix holds a dot or a slash."""

RULES: Final = (*dict.fromkeys(rule for rule, *_ in FORMS), *(rule for rule, *_ in _INSIDE), "discord-token")


def find(text: str, shape: bytes) -> list[Hit]:
    """Find the keys and tokens of a known form."""
    hits: list[Hit] = []
    done = 0
    words = list(long_words(shape))
    for start, end in words:
        for prefix in _PREFIX.finditer(text, max(done, start - _BEFORE), end):
            if prefix.start() >= done and (hit := _whole(text, prefix)) is not None:
                hits.append(hit)
                done = hit.end
        if found := _DISCORD.search(text, start, min(len(text), end + _DISCORD_LENGTH)):
            hits.append(Hit(*found.span(), "discord-token"))
    if "~" in text or any(end - start >= _AZURE_LENGTH for start, end in words):
        hits += [hit for rule in _INSIDE for hit in _around(text, *rule)]
    return hits


def _around(text: str, rule: str, sign: str, before: int, pattern: re.Pattern[str]) -> Iterator[Hit]:
    at = text.find(sign)
    while at >= 0:
        if at >= before and (found := pattern.match(text, at - before)):
            yield Hit(*found.span(), rule)
        at = text.find(sign, at + 1)


@cache
def _alike(place: int) -> tuple[tuple[str, re.Pattern[str]], ...]:
    """Give for one of the forms what a text with its prefix may also be: `sk-` goes on in many ways.

    Made when such a prefix is met: all of them at once would be a tenth of the time that `%load_ext` takes.
    """
    begins = FORMS[place][1][:2]
    return tuple((rule, re.compile(prefix + body)) for rule, prefix, body in FORMS[place:] if prefix.startswith(begins))


def _whole(text: str, prefix: re.Match[str]) -> Hit | None:
    for rule, pattern in _alike((prefix.lastindex or 1) - 1):
        if found := pattern.match(text, prefix.start()):
            return Hit(*found.span(), rule)
    return None
