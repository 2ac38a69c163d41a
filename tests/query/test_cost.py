"""What a call cost, as it is read: every part, and what is not known."""

from __future__ import annotations

import json
from typing import Any

import pytest
from inline_snapshot import snapshot

from nbtrace import semconv
from nbtrace._query.cost import Cost, unpriced
from tests.query.tables import chat, table

CALL: dict[str, Any] = {
    semconv.REQUEST_MODEL: "claude",
    semconv.RESPONSE_MODEL: "claude-sonnet-4-5",
    semconv.USAGE_COST: 0.030215,
    semconv.COST_STATE: "priced",
    semconv.COST_SOURCE: "genai-prices 1",
    semconv.COST_BUCKETS: json.dumps({
        "input_tokens": [1250, 3.0, 1_000_000],
        "cache_read_tokens": [500, 0.3, 1_000_000],
        "cache_write_1h_tokens": [300, 6.0, 1_000_000],
        "output_tokens": [301, 15.0, 1_000_000],
        "web_searches": [2, 10.0, 1_000],
    }),
}  # fmt: skip
ESTIMATED: dict[str, Any] = {
    semconv.REQUEST_MODEL: "whisper",
    semconv.USAGE_COST: 0.0003,
    semconv.COST_STATE: "estimated",
    semconv.COST_REASON: "no price for <output>_tokens",
    semconv.COST_SOURCE: "custom",
    semconv.COST_BUCKETS: '{"input_audio_seconds":[3.0,0.36,3600],"<output>_tokens":[5,null,1000000]}',
}


def test_the_parts_of_a_cost_add_up() -> None:
    cost = Cost.of(CALL)
    assert sum(bucket.amount_usd or 0 for bucket in cost.buckets) == cost.total_usd
    assert repr(cost) == snapshot("""\
$0.030215 · claude-sonnet-4-5 · genai-prices 1
  uncached input         1,250 at $3.00 / M   $0.00375
  cache read               500 at $0.30 / M   $0.00015
  cache write, kept 1 h    300 at $6.00 / M   $0.0018
  output                   301 at $15.00 / M  $0.004515
  web searches               2 at $10.00 / K  $0.02\
""")


def test_an_estimate_says_why_and_what_has_no_price() -> None:
    cost = Cost.of(ESTIMATED)
    assert repr(cost) == snapshot("""\
~$0.0003 · whisper · custom · no price for <output>_tokens
  seconds of audio  3.0 at $0.36 / h  $0.0003
  <output> tokens     5 at no price\
""")
    rows = cost._repr_html_().replace("><", ">\n<").split("</tr>")
    assert rows[2] == snapshot("""\

<tr>
<td>&lt;output&gt; tokens</td>
<td>5</td>
<td>no price</td>
<td>
</td>
""")
    assert cost.to_dict() == snapshot(
        {
            "model": "whisper",
            "state": "estimated",
            "total_usd": 0.0003,
            "buckets": [
                {
                    "unit": "input_audio_seconds",
                    "name": "seconds of audio",
                    "quantity": 3.0,
                    "price_usd": 0.36,
                    "per": 3600,
                    "amount_usd": 0.0003,
                },
                {
                    "unit": "<output>_tokens",
                    "name": "<output> tokens",
                    "quantity": 5,
                    "price_usd": None,
                    "per": 1000000,
                    "amount_usd": None,
                },
            ],
            "reason": "no price for <output>_tokens",
            "source": "custom",
        }
    )


def test_what_is_not_known_is_not_nothing() -> None:
    unknown = Cost.of({
        semconv.REQUEST_MODEL: "mine", semconv.COST_STATE: "unpriced", semconv.COST_REASON: "no price for mine at x"
    })  # fmt: skip
    assert (unknown.total_usd, unknown.buckets, repr(unknown)) == (None, (), "unpriced · mine · no price for mine at x")
    assert unknown._repr_html_() == "<div><p>unpriced · mine · no price for mine at x</p></div>"
    running = Cost.of({semconv.REQUEST_MODEL: "mine"})
    assert (running.state, repr(running)) == (None, "unpriced · mine · the call has not ended")
    reported = Cost.of({semconv.USAGE_COST: 0.5, semconv.COST_STATE: "priced", semconv.COST_SOURCE: "the provider"})
    assert repr(reported) == "$0.50 · the provider"


@pytest.mark.parametrize(
    "buckets", ["x", "[1]", '{"a":5}', '{"a":["x",null,1]}', '{"a":[5,1.5,0]}', '{"a":[5,"x",1]}', 7]
)
def test_what_a_file_has_in_the_place_of_a_cost_is_none(buckets: object) -> None:
    odd = {semconv.COST_BUCKETS: buckets, semconv.USAGE_COST: "much", semconv.COST_SOURCE: 7, semconv.COST_REASON: [1]}
    cost = Cost.of({**odd, semconv.COST_STATE: "priced", semconv.REQUEST_MODEL: "mine"})
    assert (cost.total_usd, cost.buckets, cost.reason, cost.source) == (None, (), None, None)
    assert repr(cost).endswith(" · mine")


def test_unpriced_models_are_counted() -> None:
    none: dict[str, Any] = {"cost_usd": None, "cost_state": "unpriced"}
    spans = table(
        chat(1, response_model="a", **none),
        chat(2, response_model=None, request_model="b", **none),
        chat(3, response_model="b", **none),
        chat(4, response_model="c"),
        chat(5, response_model="d", ms=None, **none),
    )
    assert unpriced(spans) == {"b": 2, "a": 1}
