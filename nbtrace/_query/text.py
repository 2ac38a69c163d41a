"""The one wording of numbers for people, used by static views and the command line.

What is not known is said to be unknown; it is never shown as zero.
"""

from __future__ import annotations

import math
from typing import Any, Final

from nbtrace._money import dollars
from nbtrace._query.endings import is_exported, is_interrupted
from nbtrace._query.scored import CHECK, SCORE

UNPRICED: Final = "unpriced"
REPLAYED: Final = "replayed"
"""The cost state of a call that was answered from a recording, and the word for it."""
SECOND: Final = 1e9
MINUTE_S: Final = 60


def cost(usd: float | None, state: str | None = None) -> str:
    """Word a cost: two significant digits below a dollar, cents above; `~` marks an estimate.

    Examples:
        >>> cost(0.00312), cost(0.00312, "estimated"), cost(12.5), cost(None), cost(None, "replayed")
        ('$0.0031', '~$0.0031', '$12.50', 'unpriced', 'replayed')
    """
    if usd is None or not math.isfinite(usd):
        return REPLAYED if state == REPLAYED else UNPRICED
    return f"{'~' if state == 'estimated' else ''}{dollars(usd)}"


def duration(nanoseconds: float | None, message: str | None = None) -> str:
    """Word a duration with three significant digits; of a span without one, how it stands by its status's message.

    Examples:
        >>> duration(1_240_000_000), duration(312_400_000), duration(83_000_000_000), duration(None)
        ('1.24 s', '312 ms', '1 min 23 s', 'running')
    """
    if nanoseconds is None:
        return "interrupted" if is_interrupted(message) else "unfinished" if is_exported(message) else "running"
    if round(nanoseconds / SECOND) >= MINUTE_S:
        minutes, seconds = divmod(round(nanoseconds / SECOND), MINUTE_S)
        hours, minutes = divmod(minutes, 60)
        return f"{hours} h {minutes:02} min" if hours else f"{minutes} min {seconds:02} s"
    for unit, size in (("s", SECOND), ("ms", 1e6), ("µs", 1e3)):
        # Three digits are kept, so what rounds up to a unit is worded in it: 999.7 ms is 1.00 s.
        if nanoseconds >= 0.9995 * size:
            return f"{_three_digits(nanoseconds / size)} {unit}"
    return f"{nanoseconds:.0f} ns"


def tokens(count: int | None) -> str:
    """Word a number of tokens.

    Examples:
        >>> tokens(12345), tokens(None)
        ('12,345', 'unknown')
    """
    return "unknown" if count is None else f"{count:,}"


def counted(number: int, noun: str) -> str:
    """Count a noun.

    Examples:
        >>> counted(1, "span"), counted(1200, "span")
        ('1 span', '1,200 spans')
    """
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def figure(name: str, value: Any) -> str:
    """Word the value of a figure, in the unit that its name says; what is not there or not known is `none`.

    Examples:
        >>> figure("error_rate", 0.04), figure("latency_p95_s", 1.5), figure("cost_usd", 2.0), figure("calls", 1200)
        ('4.0%', '1.50 s', '$2.00', '1,200')
    """
    if value is None:
        return "none"
    if name.startswith("cost") and name.endswith("_usd"):
        return cost(value)
    if name.startswith(SCORE):
        return f"{value:.4g}" if isinstance(value, float) else str(value)
    if is_share(name):
        return f"{value:.1%}"
    if name.endswith("_s") and isinstance(value, float):
        return duration(value * SECOND)
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def is_share(name: str) -> bool:
    """Say whether a figure is a share, which is worded in percent.

    Examples:
        >>> is_share("error_rate"), is_share("check.correct"), is_share("score.hit_rate")
        (True, True, False)
    """
    return name.startswith(CHECK) or (name.endswith(("_rate", "_share")) and not name.startswith(SCORE))


def _three_digits(value: float) -> str:
    decimals = max(0, 2 - math.floor(math.log10(float(f"{value:.2e}"))))
    return f"{value:.{decimals}f}"
