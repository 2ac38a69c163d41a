"""Grafana Tempo, one's own or Grafana Cloud's: https://grafana.com/docs/grafana-cloud/send-data/otlp/send-data-otlp/.

Its pages give users the standard variables, `OTEL_EXPORTER_OTLP_ENDPOINT` and `_HEADERS`; the three that begin with
`GRAFANA_CLOUD_` are those that its users set for its collector (Alloy). Spans are kept as they are. What Tempo cuts
without a word is cut here and said:
https://grafana.com/docs/tempo/latest/troubleshooting/out-of-memory-errors/ (`max_attribute_bytes`).
"""

from __future__ import annotations

from typing import Final

from nbtrace._export.backends.backend import Address, Backend, Limits, Variables, basic
from nbtrace._export.backends.otlp import standard


def address(variables: Variables) -> Address:
    """Give Grafana Cloud's gateway where its variables are set, else where the standard ones lead."""
    cloud = variables.get("GRAFANA_CLOUD_OTLP_ENDPOINT")
    if not cloud:
        return standard(variables)
    user = variables.need("GRAFANA_CLOUD_INSTANCE_ID", what="the number of the stack")
    token = variables.need(
        "GRAFANA_CLOUD_API_KEY", "GRAFANA_CLOUD_API_TOKEN", what="an access policy's token that may write traces"
    )
    return Address(cloud, {"authorization": basic(user, token)})


BACKEND: Final = Backend("grafana", address, limits=Limits(attribute_bytes=2048))
