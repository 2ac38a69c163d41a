"""The one failure that a replay raises: a call that it has no answer for."""

from __future__ import annotations

from typing import Self

from nbtrace.errors import NbtraceError


class ReplayMiss(NbtraceError):  # noqa: N818 - it is no error of the code: the recording has no answer
    """A call was not made, because a replay has no recording to answer it from."""

    __module__ = "nbtrace"  # where users find it

    @classmethod
    def no_recording(cls, asked: str, calls: str, nearest: str, *, can_record: bool) -> Self:
        """Say what was asked, and how the nearest recording differs."""
        how = "mode='record-missing' makes such calls and adds them" if can_record else "record it again"
        return cls(f"no recording answers this call ({asked}); {calls}. {nearest}. Undo the change, or {how}")

    @classmethod
    def not_kept(cls, asked: str, reason: str) -> Self:
        """Say why a recording that fits cannot be given again."""
        return cls(
            f"the recording of this call ({asked}) cannot be replayed: {reason}; mode='refresh' makes the calls again"
        )

    @classmethod
    def ended(cls, outcome: str, chunks: int) -> Self:
        """Say that more is read of a stream than was recorded."""
        return cls(
            f"the recording of this stream ends here, after {chunks} chunks: it was {outcome} when it was recorded; "
            "mode='refresh' makes the calls again"
        )

    @classmethod
    def unanswerable(cls, reason: str) -> Self:
        """Say why a call could not be looked for, and that nothing was sent."""
        return cls(f"this call cannot be answered from the recording: {reason}; so nothing was sent")

    @classmethod
    def failed(cls, error: Exception) -> Self:
        """Say that the recordings could not be searched, and that nothing was sent."""
        return cls(f"the recordings could not be searched ({type(error).__name__}; see the log), so nothing was sent")
