"""What a call cost: asked of genai-prices when the span is stored, and never guessed.

A call is `priced` (reported tokens times the table's price), `estimated` (tokens estimated from the text) or
`unpriced`, with the reason. The price table's version is kept on the span. Only a server whose provider is known by
its address has prices: a local server that calls its model `gpt-4o` is not billed by OpenAI.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.metadata import version

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv

Attributes = Mapping[str, AttributeValue]


def cost(attributes: Attributes) -> dict[str, AttributeValue]:
    """Price a call from its attributes.

    Returns:
        The cost attributes to add: US dollars with state and source, or the state `unpriced` with its reason. Empty for
        a span that is not an LLM call or has a cost already.
    """
    if semconv.OPERATION_NAME not in attributes or semconv.REQUEST_MODEL not in attributes:
        return {}
    if semconv.USAGE_COST in attributes:
        return {} if semconv.COST_STATE in attributes else {semconv.COST_STATE: "priced"}
    usage = tuple(
        value if isinstance(value := attributes.get(key), int) else None
        for key in (
            semconv.USAGE_INPUT_TOKENS,
            semconv.USAGE_OUTPUT_TOKENS,
            semconv.USAGE_CACHE_READ,
            semconv.USAGE_CACHE_WRITE,
        )
    )
    if usage[0] is None and usage[1] is None:
        return _unpriced("no token counts")
    model = str(attributes.get(semconv.RESPONSE_MODEL) or attributes[semconv.REQUEST_MODEL])
    address = str(attributes.get(semconv.SERVER_ADDRESS, ""))
    price = _price(address, model, usage)
    if isinstance(price, str):
        return _unpriced(price)
    estimated = attributes.get(semconv.USAGE_STATE) == "estimated"
    return {
        semconv.USAGE_COST: price,
        semconv.COST_STATE: "estimated" if estimated else "priced",
        semconv.COST_SOURCE: _source(),
    }


def _unpriced(reason: str) -> dict[str, AttributeValue]:
    return {semconv.COST_STATE: "unpriced", semconv.COST_REASON: reason}


def _price(address: str, model: str, usage: tuple[int | None, ...]) -> float | str:
    """US dollars, or the reason why there is no price."""
    from genai_prices import Usage, calc_price

    tokens = Usage(
        input_tokens=usage[0], output_tokens=usage[1], cache_read_tokens=usage[2], cache_write_tokens=usage[3]
    )
    try:
        found = calc_price(tokens, model, provider_api_url=f"https://{address}")
    except LookupError:
        return f"no price for {model} at {address or 'an unknown server'}"
    except ValueError as error:
        return str(error)  # counts that cannot be, such as more cached tokens than tokens
    return float(found.total_price)


@cache
def _source() -> str:
    return f"genai-prices {version('genai-prices')}"
