"""Replay: calls answered from what was recorded, below the client, so that all it makes of an answer is its own."""
