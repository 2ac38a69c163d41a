"""Reads spans back: files and data frames of ours and of others, all of them hostile until proven otherwise.

A reader turns what it finds into spans as OpenTelemetry's SDK has them, and from there they go the way that recorded
ones go: canonical names, the session's policy, prices, rows. What a reader had to repair it marks on the span, and
counts; what it cannot read it counts and names.
"""
