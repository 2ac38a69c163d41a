"""Sweeps: versions of prompts by inputs, models and settings, called at the same time, each of them paid once."""
