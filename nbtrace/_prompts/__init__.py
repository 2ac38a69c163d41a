"""Prompts: templates with versions, and texts that remember which of them they were rendered from."""
