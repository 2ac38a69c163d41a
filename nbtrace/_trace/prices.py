"""Prices of the user's own: for models that no table knows, or that cost them something else.

They are named as genai-prices names its own, so that one arithmetic serves both, and hold for every server: who sets
the price of `llama3` means the one that is called here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping
from decimal import Decimal
from math import isfinite
from typing import Final, cast

from nbtrace._trace.arithmetic import Arithmetic, units
from nbtrace.errors import UsageError

Price = Mapping[str, float | Decimal]
"""US dollars by what they are for, such as `input_mtok`: a million input tokens."""

COMMON: Final = (
    "input_mtok", "output_mtok", "cache_read_mtok", "cache_write_mtok", "cache_write_1h_mtok", "input_audio_mtok",
    "output_audio_mtok", "input_image_mtok", "output_image_mtok", "audio_hours", "input_mchars",
    "web_searches_kcount", "requests_kcount",
)  # fmt: skip
"""The names that an error offers, of the sixty that there are."""


class Prices(MutableMapping[str, Price]):
    """Prices by model, as `nbtrace.prices` holds them.

    They count for the calls that are made from then on. A span that was stored without a price keeps saying so, and
    `nbtrace.cost` tells what it costs by the prices of now.

    Examples:
        >>> prices = Prices()
        >>> prices["llama3"] = {"input_mtok": 0.2, "output_mtok": 0.8}
        >>> prices
        {'llama3': {'input_mtok': 0.2, 'output_mtok': 0.8}}
    """

    def __init__(self) -> None:
        self._prices: dict[str, Arithmetic] = {}

    def __setitem__(self, model: str, price: Price) -> None:
        """Set what a model costs, in US dollars.

        Args:
            model: its name, as it is asked for or as the answer has it.
            price: `input_mtok`, `output_mtok`, `cache_read_mtok`, ... (a million tokens), `audio_hours`,
                `input_mchars` (a million characters), `requests_kcount` (a thousand requests), and the other names of
                genai-prices. What has no price of its own has that of what it is part of: reasoning that of the output.

        Raises:
            UsageError: a name is unknown, a value is no price, or a part has a price and the whole has none.
        """
        from genai_prices.types import ModelPrice

        given = dict(price) if isinstance(cast("object", price), Mapping) else {}
        if not given:
            raise UsageError.kind(f"the price of {model!r}", price, "names and US dollars, as in {'input_mtok': 0.2}")
        known = {unit.price_key for unit in units().values()}
        for name in given:
            if name not in known:
                raise UsageError.unknown("price", name, (*COMMON, "…"))
        made = ModelPrice(**{name: _dollars(name, value) for name, value in given.items()})
        try:
            made.calc_price({})
        except ValueError as error:
            message = f"the price of {model!r} is incomplete: {error}"
            raise UsageError(message) from error
        self._prices[model] = Arithmetic(made)

    def __getitem__(self, model: str) -> Price:
        return {name: float(value) for name, value in vars(self._prices[model].price).items()}

    def __delitem__(self, model: str) -> None:
        del self._prices[model]

    def __iter__(self) -> Iterator[str]:
        return iter(self._prices)

    def __len__(self) -> int:
        return len(self._prices)

    def find(self, *models: object) -> Arithmetic | None:
        """Find the price of the first of these models that has one."""
        return next((self._prices[model] for model in models if isinstance(model, str) and model in self._prices), None)

    def __repr__(self) -> str:
        return repr(dict(self))


def _dollars(name: str, value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not isfinite(value) or value < 0:
        raise UsageError.kind(f"the price {name}", value, "US dollars, 0 or more")
    return value if isinstance(value, Decimal) else Decimal(repr(value))
