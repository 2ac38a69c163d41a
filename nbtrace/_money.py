"""How an amount of money is worded, wherever one is shown."""

from __future__ import annotations

import math


def dollars(amount: float) -> str:
    """Word US dollars: two significant digits below a dollar, cents above.

    Examples:
        >>> dollars(0.00312), dollars(0.000012), dollars(12.5), dollars(0), dollars(-2)
        ('$0.0031', '$0.000012', '$12.50', '$0.00', '-$2.00')
    """
    size = abs(amount)
    decimals = 2 if size >= 1 or size == 0 else max(2, 1 - math.floor(math.log10(float(f"{size:.1e}"))))
    return f"{'-' if amount < 0 else ''}${size:,.{decimals}f}"
