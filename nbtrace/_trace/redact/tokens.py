"""The secrets in texts that come in tokens, with their log-probabilities: each is split over several.

So they are looked for in what the tokens are together. Of a token that has a part in one its probability is left, and
the mask stands where the secret began; what else might have stood there is not kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from nbtrace._trace.redact.hits import Hit, disjoint, mask, replaced

JSON = dict[str, Any]
Walk = Callable[[Any], Any]
Find = Callable[[str], list[Hit]]


def masked(written: str, walk: Walk, find: Find) -> str:
    """Mask the secrets in `nbtrace.logprobs`.

    Args:
        written: the attribute, JSON.
        walk: masks any value by itself, a text too.
        find: finds secrets in a text.
    """
    try:
        answers: Any = json.loads(written)
    except (ValueError, RecursionError):
        return walk(written)
    if not isinstance(answers, list):
        return walk(written)
    made = [_answer(one, walk, find) for one in cast("list[Any]", answers)]
    return written if made == answers else json.dumps(made, ensure_ascii=False, separators=(",", ":"))


def _answer(given: Any, walk: Walk, find: Find) -> Any:
    if not isinstance(given, dict):
        return walk(given)
    return {
        name: _tokens(cast("list[Any]", some), walk, find) if isinstance(some, list) else walk(some)
        for name, some in cast("JSON", given).items()
    }


def _tokens(tokens: list[Any], walk: Walk, find: Find) -> list[Any]:
    texts = [_text(one) for one in tokens]
    joined = "".join(texts)
    secrets = _secrets(joined, walk, find)
    made: list[Any] = []
    end = 0
    for token, text in zip(tokens, texts, strict=True):
        start, end = end, end + len(text)
        theirs = [(secret, stands) for secret, stands in secrets if secret.start < end and start < secret.end]
        if theirs:
            made.append({"token": "".join(_left(text, start, theirs)), "logprob": walk(token.get("logprob"))})
        elif text:
            made.append({"token": text, **{name: walk(one) for name, one in token.items() if name != "token"}})
        else:
            made.append(walk(token))
    return made


def _text(token: Any) -> str:
    text = cast("JSON", token).get("token") if isinstance(token, dict) else None
    return text if isinstance(text, str) else ""


def _secrets(joined: str, walk: Walk, find: Find) -> list[tuple[Hit, str]]:
    """Give where the secrets are and what stands for each; one is all of the text where that cannot be told."""
    stands: Any = walk(joined)
    if stands == joined:
        return []
    try:
        hits = disjoint(find(joined))
    except Exception:  # noqa: BLE001 - a rule fails, which `walk` has told
        hits = []
    if replaced(joined, hits) == stands:
        return [(hit, mask(hit.rule)) for hit in hits]
    return [(Hit(0, len(joined), ""), str(stands))]


def _left(text: str, start: int, secrets: list[tuple[Hit, str]]) -> Iterator[str]:
    """Give what is left of a token that begins at `start` of the whole."""
    done = 0
    for secret, stands in secrets:
        yield text[done : max(0, secret.start - start)]
        if secret.start >= start:
            yield stands
        done = secret.end - start
    yield text[done:]
