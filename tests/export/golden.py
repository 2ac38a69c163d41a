"""What each backend gets of the rich session, beside the plain OTLP of it; `python -m tests.export.golden` writes it.

A golden file holds headers, resource, the requests that scores go by, and by span the attributes that only this
backend gets or gets otherwise; null stands for one that it does not get. Which documented mapping each of them meets is
in `servers/vendors.py`. A change of an overlay shows as a change of these files, to be read before it is committed.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from nbtrace._export.backends import NAMES
from nbtrace._export.destination import export
from tests.export.loopback import Received, Scripted, spans_of
from tests.export.rich import session

FOLDER = Path(__file__).with_name("backends")

CANARY = "canary-0123456789"
VARIABLES: dict[str, dict[str, str]] = {
    "arize": {"ARIZE_API_KEY": CANARY, "ARIZE_SPACE_ID": "space", "ARIZE_PROJECT_NAME": "library"},
    "datadog": {"DD_API_KEY": CANARY, "DD_LLMOBS_ML_APP": "library"},
    "grafana": {
        "GRAFANA_CLOUD_OTLP_ENDPOINT": "https://otlp-gateway-prod-eu-west-0.grafana.net/otlp",
        "GRAFANA_CLOUD_INSTANCE_ID": "123456",
        "GRAFANA_CLOUD_API_KEY": CANARY,
    },
    "honeycomb": {"HONEYCOMB_API_KEY": CANARY, "HONEYCOMB_DATASET": "library"},
    "jaeger": {},
    "langfuse": {
        "LANGFUSE_PUBLIC_KEY": "pk-lf-1",
        "LANGFUSE_SECRET_KEY": CANARY,
        "LANGFUSE_TRACING_ENVIRONMENT": "staging",
        "LANGFUSE_RELEASE": "r1",
    },
    "langsmith": {"LANGSMITH_API_KEY": CANARY, "LANGSMITH_PROJECT": "library"},
    "logfire": {"LOGFIRE_TOKEN": f"pylf_v1_eu_{CANARY}"},
    "mlflow": {"MLFLOW_TRACKING_URI": "https://mlflow.example.org", "MLFLOW_TRACKING_TOKEN": CANARY},
    "otlp": {"OTEL_EXPORTER_OTLP_HEADERS": f"authorization={CANARY}"},
    "phoenix": {"PHOENIX_API_KEY": CANARY, "PHOENIX_PROJECT_NAME": "library"},
    "weave": {"WANDB_API_KEY": CANARY, "WANDB_ENTITY": "ada", "WANDB_PROJECT": "library"},
}
"""What the users of each have set."""

Attributes = dict[str, Any]
COMMON = {"host", "content-length", "content-type", "accept-encoding", "connection", "user-agent"}


def exported(name: str) -> tuple[Received, list[Received]]:
    """Export the rich session to a backend's stand-in; give the requests of the spans and of the scores."""
    server = Scripted()
    try:
        report = export(session(), name, endpoint=server.url)
    finally:
        server.close()
    assert report.spans == len(session())
    received, *judged = server.received
    return received, judged


def sent(name: str) -> dict[str, Any]:
    """Say what a backend gets of the rich session."""
    received, judged = exported(name)
    (group,) = received.otlp.resource_spans
    plain = _plain()
    return {
        "headers": {key: value for key, value in received.headers.items() if key not in COMMON},
        "resource": attributes(group.resource.attributes),
        "scores": [[one.path, json.loads(one.body)] for one in judged],
        "spans": {
            span.name: _unlike(attributes(span.attributes), plain[span.name]) for span in spans_of(received.otlp)
        },
    }


def attributes(pairs: Any) -> Attributes:
    """Read attributes as Python values."""
    return {pair.key: _value(pair.value) for pair in pairs}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return None if kind is None else getattr(value, kind)


def _plain() -> dict[str, Attributes]:
    """Give the attributes of a receiver that is only an endpoint."""
    server = Scripted()
    try:
        export(session(), server.url)
    finally:
        server.close()
    return {span.name: attributes(span.attributes) for span in spans_of(server.received[0].otlp)}


def _unlike(got: Attributes, plain: Attributes) -> Attributes:
    missing = dict.fromkeys(plain.keys() - got.keys())
    added = {key: value for key, value in got.items() if key not in plain or plain[key] != value}
    return dict(sorted((missing | added).items()))


def kept(name: str) -> dict[str, Any]:
    """Read a golden file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def main() -> None:
    """Write the golden files."""
    for name in NAMES:
        os.environ |= VARIABLES[name]
        path = FOLDER / f"{name}.json"
        path.write_text(json.dumps(sent(name), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        for variable in VARIABLES[name]:
            del os.environ[variable]


if __name__ == "__main__":
    main()
