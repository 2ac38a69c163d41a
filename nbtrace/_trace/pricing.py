"""What a call cost: asked of genai-prices when the span is stored, and never guessed.

A call is `priced` (what was reported, at the table's price), `estimated` or `unpriced`; the last two say why. How the
cost was computed is kept on the span with the version of the table, so that it can be told later by what held then.
Only a server whose provider is known has prices: by its address, since a local server that calls its model `gpt-4o` is
not billed by OpenAI, or by a client that talks to Azure alone, wherever it is. Prices of the user's own come first.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv
from nbtrace._imports import load, version
from nbtrace._trace import arithmetic
from nbtrace._trace.arithmetic import Arithmetic, Bucket
from nbtrace._trace.prices import Prices
from nbtrace._trace.used import caveats, context, counts

if TYPE_CHECKING:
    from genai_prices.types import PriceCalculation

Attributes = Mapping[str, AttributeValue]

ROUNDING: Final = 1e-12
"""US dollars: less than any charge."""
REPORTED: Final = ("openrouter.ai", "api.perplexity.ai")
"""Hosts whose answers say what they cost, in US dollars."""
_HOSTS: Final = (
    (".api.openai.com", "api.openai.com", "of another region than the table's"),
    (".together.ai", "api.together.xyz", None),
)
"""Ends of hosts that the table knows under another name, and what may differ there."""
_AZURE: Final = "azure.ai.openai"
_AZURES: Final = ".azure.com"
_LOOPBACK: Final = ("localhost", "127.0.0.1", "::1")
_IDS: Final = {
    _AZURE: "azure",
    "azure.ai.inference": "azure",
    "moonshot_ai": "moonshotai",
    "x_ai": "x-ai",
}
"""Providers whose name in the conventions says nothing to the table."""


class _Found(NamedTuple):
    """A price."""

    price: Arithmetic
    source: str
    """Whose it is, with the version of a table."""
    doubts: tuple[str, ...] = ()
    """Why it may not be the one that is charged."""
    calculated: PriceCalculation | None = None
    """The table's entry."""


class _NoPriceError(Exception):
    """Why a call has no price."""


def cost(
    attributes: Attributes, *, at_ns: int | None = None, prices: Prices | None = None
) -> dict[str, AttributeValue]:
    """Price a call from its attributes.

    Args:
        attributes: those of its span.
        at_ns: when it was made, in nanoseconds since the epoch; now, if that is not known.
        prices: the user's own.

    Returns:
        The cost attributes to add: US dollars with state, source and arithmetic, or the state `unpriced` or `replayed`,
        with the reason. Empty for a span that is not an LLM call or has a cost already.
    """
    asked, answered = attributes.get(semconv.REQUEST_MODEL), attributes.get(semconv.RESPONSE_MODEL)
    if attributes.get(semconv.OPERATION_NAME) not in semconv.LLM_OPERATIONS or (asked is None and answered is None):
        return {}
    if semconv.REPLAYED_FROM in attributes:
        return {semconv.COST_STATE: "replayed", semconv.COST_REASON: "answered from a recording: nobody is charged"}
    if semconv.USAGE_COST in attributes:
        return {} if semconv.COST_STATE in attributes else {semconv.COST_STATE: "priced"}
    try:
        own = prices.find(answered, asked) if prices is not None else None
        return _computed(attributes, own, at_ns) if own is not None else _charged(attributes, at_ns)
    except _NoPriceError as reason:
        return {semconv.COST_STATE: "unpriced", semconv.COST_REASON: str(reason)}


def _charged(attributes: Attributes, at_ns: int | None) -> dict[str, AttributeValue]:
    """Take what the provider says that it charged, or else compute it."""
    told = attributes.get(semconv.COST_REPORTED)
    if isinstance(told, float) and str(attributes.get(semconv.SERVER_ADDRESS, "")).endswith(REPORTED):
        return {
            semconv.USAGE_COST: told,
            semconv.COST_STATE: "priced",
            semconv.COST_SOURCE: "reported by the provider",
        }
    return _computed(attributes, None, at_ns)


def _computed(attributes: Attributes, own: Arithmetic | None, at_ns: int | None) -> dict[str, AttributeValue]:
    used = counts(attributes)
    if not used:
        is_elsewhere = attributes.get(semconv.OPENAI_REQUEST_BACKGROUND) is True
        message = "no token counts" + ": those of a background response come when it is fetched" * is_elsewhere
        raise _NoPriceError(message)
    model = str(attributes.get(semconv.RESPONSE_MODEL) or attributes[semconv.REQUEST_MODEL])
    found = _Found(own, "custom") if own is not None else _of_table(attributes, model, at_ns)
    try:
        made = found.price.buckets(used)
        made += _smallest_charge(found, used, made)
    except ValueError as error:
        raise _NoPriceError(str(error)) from error  # counts that cannot be, such as more cached tokens than tokens
    total = arithmetic.total(made)
    if total is None:
        message = f"no price for {', '.join(bucket.unit for bucket in made)} of {model}"
        raise _NoPriceError(message)
    doubts = [*found.doubts, *caveats(attributes, found.price, made)]
    priced: dict[str, AttributeValue] = {
        semconv.USAGE_COST: total,
        semconv.COST_STATE: "estimated" if doubts else "priced",
        semconv.COST_SOURCE: found.source,
        semconv.COST_BUCKETS: json.dumps({unit: how for unit, *how in made}, separators=(",", ":")),
    }
    return {**priced, semconv.COST_REASON: "; ".join(doubts)} if doubts else priced


def _smallest_charge(found: _Found, used: arithmetic.Counts, made: list[Bucket]) -> list[Bucket]:
    """Add what a short recording costs more than its seconds, which the table knows and does not state as a price."""
    if found.calculated is None or "audio_seconds" not in used:
        return []
    from genai_prices import Usage

    usage: Any = Usage(**used)
    charged = found.calculated.model.calc_price(usage, found.calculated.provider)
    rest = float(charged.total_price) - (arithmetic.total(made) or 0.0)
    return [Bucket("smallest_charge", 1, rest, 1)] if rest > ROUNDING else []


def _of_table(attributes: Attributes, model: str, at_ns: int | None) -> _Found:
    where, doubts = _where(attributes)
    at = datetime.now(UTC) if at_ns is None else datetime.fromtimestamp(at_ns // 10**9, UTC)
    found = _looked_up(where, model, tuple(context(attributes).items()), at.replace(second=0, microsecond=0))
    if found is None:
        message = f"no price for {model} at {attributes.get(semconv.SERVER_ADDRESS) or 'an unknown server'}"
        raise _NoPriceError(message)
    return found._replace(doubts=(*doubts, *found.doubts))


@lru_cache(maxsize=256)
def _looked_up(
    where: tuple[str, str], model: str, asked: tuple[tuple[str, str], ...], minute: datetime
) -> _Found | None:
    """Look a price up in the table, once a minute at most: some hold at some hours only."""
    load("genai_prices")  # which imports httpx2, that openai 2 looks for with every request
    from genai_prices import calc_price

    server: Any = {where[0]: where[1]}
    try:
        found = calc_price({}, model, genai_request_timestamp=minute, price_context=dict(asked), **server)
    except LookupError:
        return None
    missing = [f"{name} {tier}" for name, tier in asked if not _has(found, name, tier, minute)]
    doubts = (f"no price for {', '.join(missing)}: at the standard one",) if missing else ()
    updated = f", updated {found.auto_update_timestamp:%Y-%m-%d}" if found.auto_update_timestamp else ""
    source = f"genai-prices {version('genai-prices')}{updated}"
    return _Found(Arithmetic(found.model_price), source, doubts, found)


def _where(attributes: Attributes) -> tuple[tuple[str, str], list[str]]:
    """Tell the table whose prices are wanted, by the server or, where a span names none, by the provider."""
    address = attributes.get(semconv.SERVER_ADDRESS)
    if address is None:
        name = str(attributes.get(semconv.PROVIDER_NAME) or "unknown")
        return ("provider_id", _IDS.get(name, name)), [f"no server is named: at the price of {name}"]
    for end, known, doubt in _HOSTS:
        if str(address).endswith(end):
            return ("provider_api_url", f"https://{known}"), [f"{address} is {doubt}"] if doubt else []
    own = not str(address).endswith(_AZURES) and address not in _LOOPBACK
    if own and attributes.get(semconv.PROVIDER_NAME) == _AZURE:
        return ("provider_id", _IDS[_AZURE]), [f"{address} is an address of your own: at the price of Azure"]
    return ("provider_api_url", f"https://{address}"), []


def _has(found: PriceCalculation, name: str, value: str, at: datetime) -> bool:
    """Say whether the table has prices for a tier: it falls back on the standard ones in silence."""
    if not any(found.model is known for known in found.provider.models):
        return False
    return any(
        variant.when == {name: value} and (variant.constraint is None or variant.constraint.active(at))
        for variant in found.model.price_variants or ()
    )
