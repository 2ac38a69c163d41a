"""Writes a snapshot out: OTLP over HTTP, OTLP JSON lines, or Parquet, chosen by the destination."""
