"""What a sweep would come to, told before anything is paid: a guess, with what it is based on."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._trace import pricing

if TYPE_CHECKING:
    from nbtrace._store.snapshot import Snapshot
    from nbtrace._sweep.plan import Task
    from nbtrace._trace.prices import Prices

_LONGEST: Final = ("max_tokens", "max_completion_tokens", "max_output_tokens")


@dataclass(frozen=True)
class Estimate:
    """What a sweep would come to, as `nbtrace.compare(..., dry_run=True)` gives it."""

    calls: int
    """All that the sweep consists of."""
    cached: int
    """Of these, calls that have been paid already and are not made again."""
    input_tokens: int
    """Of the calls to be made, estimated from their texts."""
    output_tokens: int
    """Of those whose length can be guessed."""
    cost_usd: float | None
    """Of those that have a price; none if none has one."""
    unpriced: Mapping[str, int]
    """Calls to be made without a price, by model."""
    guesses: Mapping[str, int]
    """What the length of the answers is guessed by, and of how many calls."""

    def __repr__(self) -> str:
        made = self.calls - self.cached
        cost = [f"~${self.cost_usd:.2g}"] if self.cost_usd is not None else []
        unpriced = [f"unpriced: {', '.join(f'{model} ({count} x)' for model, count in self.unpriced.items())}"]
        guessed = ", ".join(f"{how} ({count} x)" for how, count in self.guesses.items())
        return "; ".join(
            [
                f"{self.calls} calls, {self.cached} of them paid already, {made} to be made",
                f"about {self.input_tokens:,} tokens in and {self.output_tokens:,} out",
                *cost,
                *(unpriced if self.unpriced else []),
                *([f"output by {guessed}"] if guessed else []),
                "an estimate",
            ]
        )


def estimate(
    tasks: Iterable[Task],
    known: set[str],
    *,
    server: str | None,
    snapshot: Snapshot,
    prices: Prices,
    usage: Callable[[Mapping[str, Any]], Mapping[str, Any]],
) -> Estimate:
    """Guess what the calls will come to that are not known yet.

    Args:
        tasks: all calls.
        known: keys of those that were paid.
        server: whom they are made to, if that is known.
        snapshot: where earlier calls of the prompts are.
        prices: the user's own.
        usage: estimates tokens from a call's attributes.
    """
    past, every = _past(snapshot), list(tasks)
    sent = received = 0
    cost: float | None = None
    unpriced: Counter[str] = Counter()
    guesses: Counter[str] = Counter()
    for task in every:
        if task.key in known:
            continue
        length, how = _length(task, past)
        guesses[how] += 1
        made = _attributes(task, server)
        tokens = int(usage(made).get(semconv.USAGE_INPUT_TOKENS, 0))
        counted = {semconv.USAGE_INPUT_TOKENS: tokens, semconv.USAGE_OUTPUT_TOKENS: length}
        found = pricing.cost({**made, **counted, semconv.USAGE_STATE: "estimated"}, prices=prices)
        price = found.get(semconv.USAGE_COST)
        if isinstance(price, (int, float)):
            cost = (cost or 0.0) + price
        else:
            unpriced[task.model or "no model"] += 1
        sent += tokens
        received += length
    return Estimate(len(every), len(every) - guesses.total(), sent, received, cost, dict(unpriced), dict(guesses))


def _attributes(task: Task, server: str | None) -> dict[str, Any]:
    made = task.rendered()
    messages = [{"role": "user", "content": made}] if isinstance(made, str) else made
    said = [{"role": str(one.get("role")), "parts": list(_parts(one.get("content")))} for one in messages]
    found = {semconv.OPERATION_NAME: "chat", semconv.INPUT_MESSAGES: json.dumps(said, default=str)}
    found |= {semconv.REQUEST_MODEL: task.model} if task.model is not None else {}
    return found | ({semconv.SERVER_ADDRESS: server} if server is not None else {})


def _parts(content: Any) -> Iterable[dict[str, str]]:
    for part in content if isinstance(content, list) else [content]:
        text = part.get("text") if isinstance(part, dict) else part
        yield {"type": "text", "content": text if isinstance(text, str) else ""}


def _past(snapshot: Snapshot) -> dict[tuple[str, str | None], float]:
    """Give the mean length of the answers to a prompt, by its name and the model."""
    import pyarrow.compute as pc

    calls = snapshot.filter(pc.and_(pc.is_valid(snapshot["prompt_name"]), pc.is_valid(snapshot["output_tokens"])))
    lengths: dict[tuple[str, str | None], list[int]] = defaultdict(list)
    for row in calls.select(["prompt_name", "request_model", "output_tokens"]).to_pylist():
        lengths[row["prompt_name"], row["request_model"]].append(row["output_tokens"])
    return {known: sum(some) / len(some) for known, some in lengths.items()}


def _length(task: Task, past: Mapping[tuple[str, str | None], float]) -> tuple[int, str]:
    known = past.get((task.prompt.name, task.model))
    if known is not None:
        return round(known), "past calls of the prompt"
    most = next((task.options[name] for name in _LONGEST if isinstance(task.options.get(name), int)), None)
    return (most, "the longest allowed") if most is not None else (0, "nothing known, so none is counted")
