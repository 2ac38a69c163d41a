"""Where in a notebook's code a call is made.

What a cell says, and the functions it defines, run with the globals of `__main__`; libraries do not, nor do modules of
the user's, which are then left for the line that called them.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Final

from nbtrace import semconv
from nbtrace._trace.provider import inherited
from nbtrace._traceback import OURS, is_users
from nbtrace.errors import NotFoundError

if TYPE_CHECKING:
    from types import FrameType

    from opentelemetry.context import Context
    from opentelemetry.util.types import AttributeValue


_RUNNER: Final = "run_code"
"""The function of IPython's that runs a cell: beyond it are the kernel's own frames, many."""


def users_frame() -> FrameType:
    """Give the frame of the user's line that led here; without one, the innermost that is not nbtrace's."""
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    outside = last = frame
    is_ours = True
    while frame is not None:
        last, file = frame, frame.f_code.co_filename
        if is_users(file):
            return frame
        if is_ours and not file.startswith(OURS):
            outside, is_ours = frame, False
        frame = frame.f_back
    return last if is_ours else outside


def cell_run() -> tuple[str, int]:
    """Name the cell that runs here and which run of it this is.

    Raises:
        NotFoundError: no cell does.
    """
    here: Any = inherited()
    if semconv.CELL_ID not in here:
        message = "no cell is running here; give the cell's id or the number in its brackets"
        raise NotFoundError(message)
    return here[semconv.CELL_ID], here[semconv.CELL_RUN]


def call_site(context: Context) -> dict[str, AttributeValue]:
    """Give the function and line that are making a call, and the line of the cell that led there.

    By the conventions' `code.*`; empty outside of cells, and in a thread that runs only a library's code.

    Args:
        context: where the call is made.
    """
    if semconv.CELL_ID not in inherited(context):
        return {}
    main = sys.modules["__main__"].__dict__
    found: dict[str, AttributeValue] = {}
    # `inspect.stack` reads sources, which takes milliseconds.
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
    outermost = None
    while frame is not None and frame.f_code.co_name != _RUNNER:
        if frame.f_globals is main:
            if outermost is None:
                found = {semconv.CODE_FUNCTION_NAME: frame.f_code.co_qualname, semconv.CODE_LINE_NUMBER: frame.f_lineno}
            outermost = frame
        frame = frame.f_back
    if outermost is not None:
        found[semconv.CELL_LINE] = outermost.f_lineno
    return found
