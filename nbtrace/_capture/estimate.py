"""The tokens of a call that reported none: estimated from its texts, and marked so.

By tiktoken where that is exact: if it is installed, knows the model, and finds its vocabulary on this machine. Nothing
is ever downloaded for it. By four characters a token otherwise, OpenAI's rule of thumb for English. Which of the two it
was goes with the numbers. What cannot be told is not estimated: nobody knows the tokens of an image from its size.
"""

from __future__ import annotations

import importlib.util
import os
import sys
import tempfile
from base64 import b64decode
from collections.abc import Iterable, Mapping
from functools import cache
from hashlib import sha1, sha256
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._capture.messages import dumps, listed, loads, mapping
from nbtrace._guard import guard

if TYPE_CHECKING:
    from importlib.abc import Loader
    from importlib.machinery import ModuleSpec

    from tiktoken import Encoding

CHARACTERS: Final = "4 characters a token"
SLICE: Final = 4096
"""Characters that are encoded at once: of one endless word tiktoken's work grows faster than its length."""
MESSAGE: Final = 3
"""Tokens around a chat message, and before the answer, by OpenAI's cookbook on counting tokens."""
_ELSEWHERE: Final = (semconv.REQUEST_PREVIOUS_RESPONSE_ID, semconv.CONVERSATION_ID)
"""Attributes of a call that goes on with a conversation which the provider keeps."""
_NO_TEXT: Final = ("blob", "uri", "file", "audio")

_loaded: Final[dict[str, Encoding]] = {}


class MissingVocabularyError(LookupError):
    """A vocabulary is not on this machine."""


def estimated_usage(attributes: Mapping[str, AttributeValue]) -> dict[str, AttributeValue]:
    """Estimate the tokens of a call from its attributes; none if something in it cannot be estimated.

    Examples:
        >>> said = '[{"role":"user","parts":[{"type":"text","content":"Say hello."}]}]'
        >>> for name, value in estimated_usage({"gen_ai.input.messages": said}).items():
        ...     print(name, value)
        gen_ai.usage.input_tokens 3
        gen_ai.usage.output_tokens 0
        nbtrace.usage.state estimated
        nbtrace.usage.estimator 4 characters a token
    """
    unanswered = semconv.RESPONSE_STATUS in attributes and semconv.OUTPUT_MESSAGES not in attributes
    if unanswered or any(known in attributes for known in _ELSEWHERE):
        return {}
    known = attributes.get(semconv.USAGE_INPUT_TOKENS)  # a stream that was left may have told what it was sent
    sent, received = _sent(attributes), _texts(attributes.get(semconv.OUTPUT_MESSAGES))
    if (sent is None and known is None) or received is None:
        return {}
    encoding = _encoding(attributes)
    if encoding is None:
        input_tokens, output_tokens = _by_characters(sent or ()), _by_characters(received)
    else:
        messages = listed(loads(str(attributes.get(semconv.INPUT_MESSAGES) or "[]")))
        around = MESSAGE * (len(messages) + 1) if attributes.get(semconv.OPERATION_NAME) == "chat" else 0
        input_tokens, output_tokens = _by(encoding, sent or ()) + around, _by(encoding, received)
    return {
        semconv.USAGE_INPUT_TOKENS: known if known is not None else input_tokens,
        semconv.USAGE_OUTPUT_TOKENS: output_tokens,
        semconv.USAGE_STATE: "estimated",
        semconv.USAGE_ESTIMATOR: CHARACTERS if encoding is None else f"tiktoken {encoding.name}",
    }


def _sent(attributes: Mapping[str, AttributeValue]) -> list[str] | None:
    """Give the texts that a model was sent: instructions, messages, tools; none if one of them is no text."""
    said = _texts(attributes.get(semconv.INPUT_MESSAGES))
    system = attributes.get(semconv.SYSTEM_INSTRUCTIONS)
    told = _of_parts(listed(loads(system))) if isinstance(system, str) else []
    if said is None or told is None:
        return None
    tools = attributes.get(semconv.TOOL_DEFINITIONS)
    return [*told, *said, *([tools] if isinstance(tools, str) else [])]


def _texts(messages: AttributeValue | None) -> list[str] | None:
    """Give the texts of all parts; none if one of them is no text."""
    if not isinstance(messages, str):
        return []
    return _of_parts([part for message in loads(messages) for part in message["parts"]])


def _of_parts(parts: list[Any]) -> list[str] | None:
    if any(mapping(part).get("type") in _NO_TEXT for part in parts):
        return None
    found = [part.get("content") or part.get("arguments") or part.get("response") or "" for part in map(mapping, parts)]
    return [text if isinstance(text, str) else dumps(text) for text in found]


def _by_characters(texts: Iterable[str]) -> int:
    return -(-sum(map(len, texts)) // 4)


def _by(encoding: Encoding, texts: Iterable[str]) -> int:
    slices = (text[start : start + SLICE] for text in texts for start in range(0, len(text), SLICE))
    return sum(len(encoding.encode_ordinary(one)) for one in slices)


def _encoding(attributes: Mapping[str, AttributeValue]) -> Encoding | None:
    """Find how a call's model encodes text, if that is known here."""
    model = attributes.get(semconv.RESPONSE_MODEL) or attributes.get(semconv.REQUEST_MODEL)
    if not isinstance(model, str) or not _may_be_here():
        return None
    with guard("estimate"):
        return _of_model(model)
    return None


def _may_be_here() -> bool:
    """Look before tiktoken is imported, which takes a while, for nothing if it has no vocabulary."""
    if "tiktoken" in sys.modules:
        return True
    cached = _cache_dir()
    return cached is not None and cached.is_dir() and importlib.util.find_spec("tiktoken") is not None


def _of_model(model: str) -> Encoding | None:
    from tiktoken import Encoding, registry
    from tiktoken.model import encoding_name_for_model

    try:
        name = encoding_name_for_model(model)
    except KeyError:
        return None
    known = registry.ENCODINGS.get(name) or _loaded.get(name)
    if known is None:
        try:
            known = _loaded[name] = Encoding(**_offline().ENCODING_CONSTRUCTORS[name]())
        except MissingVocabularyError:
            return None
    return known


@cache
def _offline() -> Any:
    """Copy tiktoken's module that makes its encodings; the copy reads files where that one would ask the network."""
    spec = cast("ModuleSpec", importlib.util.find_spec("tiktoken_ext.openai_public"))
    module: Any = importlib.util.module_from_spec(spec)
    cast("Loader", spec.loader).exec_module(module)
    module.load_tiktoken_bpe = _ranks
    module.data_gym_to_mergeable_bpe_ranks = _unknown
    return module


def _ranks(url: str, expected_hash: str | None = None) -> dict[bytes, int]:
    """Read a vocabulary where tiktoken has put it before."""
    cached = _cache_dir()
    # Named as in `tiktoken.load.read_file_cached`, which fetches a file again if its hash is another.
    path = cached / sha1(url.encode()).hexdigest() if cached is not None else None  # noqa: S324 - a name, no secret
    if path is None or not path.is_file():
        raise MissingVocabularyError(url)
    content = path.read_bytes()
    if expected_hash is not None and sha256(content).hexdigest() != expected_hash:
        raise MissingVocabularyError(url)
    return {b64decode(token): int(rank) for token, rank in (line.split() for line in content.splitlines() if line)}


def _unknown(*_: object, **__: object) -> Any:
    raise MissingVocabularyError


def _cache_dir() -> Path | None:
    """Give where tiktoken keeps vocabularies; none if it was told to keep none."""
    named = os.environ.get("TIKTOKEN_CACHE_DIR", os.environ.get("DATA_GYM_CACHE_DIR"))
    if named == "":
        return None
    return Path(named) if named is not None else Path(tempfile.gettempdir()) / "data-gym-cache"
