"""Shows a span as telemetry: what each part and attribute is, as OTLP has it, and what each backend makes of it."""
