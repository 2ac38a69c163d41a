"""How guards have fared: how often each let pass, blocked, warned and fixed, and how long it took."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._query.result import Result
from nbtrace._query.rows import Rows

if TYPE_CHECKING:
    from nbtrace._query.frame import Spans

_VERDICTS: Final = {"pass": "passed", "block": "blocked", "warn": "warned", "fix": "fixed", "failed": "failed"}


def guardrails(spans: Spans) -> Result:
    """Give a row a guard and side.

    Args:
        spans: among which those of guards are looked for; others are passed over.

    Returns:
        `guardrail`, `on`, `runs`, how many `passed`, were `blocked`, `warned` of, `fixed`, or `failed` because the rule
        raised; `pass_rate`; and the 50th, 95th and 99th percentile of the seconds that it took.
    """
    import numpy as np
    import pyarrow as pa

    found = Rows(spans.filter(kind="guardrail", status=["ok", "error"]).snapshot)
    groups: dict[tuple[str, str], list[tuple[str, float]]] = {}
    columns = (found.values(name) for name in ("name", "duration_ns", "attributes"))
    for name, duration, attributes in zip(*columns, strict=True):
        key = (str(attributes.get(semconv.GUARDRAIL_NAME, name)), str(attributes.get(semconv.GUARDRAIL_ON, "")))
        groups.setdefault(key, []).append((str(attributes.get(semconv.GUARDRAIL_VERDICT, "")), duration / 1e9))
    rows: list[dict[str, Any]] = []
    for (name, on), runs in sorted(groups.items()):
        verdicts = [verdict for verdict, _ in runs]
        known = sum(verdict in _VERDICTS for verdict in verdicts)
        counts = {word: verdicts.count(verdict) for verdict, word in _VERDICTS.items()}
        p50, p95, p99 = np.quantile([seconds for _, seconds in runs], [0.5, 0.95, 0.99]).tolist()
        rows.append(
            {"guardrail": name, "on": on or None, "runs": len(runs), **counts}
            | {"pass_rate": counts["passed"] / known if known else None}
            | {"latency_p50_s": p50, "latency_p95_s": p95, "latency_p99_s": p99}
        )
    kinds: dict[str, Any] = dict.fromkeys(("guardrail", "on"), pa.string())
    kinds |= dict.fromkeys(("runs", *_VERDICTS.values()), pa.int64())
    kinds |= dict.fromkeys(("pass_rate", "latency_p50_s", "latency_p95_s", "latency_p99_s"), pa.float64())
    return Result(pa.Table.from_pylist(rows, schema=pa.schema(list(kinds.items()))))
