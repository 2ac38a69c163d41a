"""Judges spans that are there: checks, who runs them, and what they came to."""
