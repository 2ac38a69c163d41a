"""Grafana Tempo, one's own or Grafana Cloud's: https://grafana.com/docs/grafana-cloud/send-data/otlp/send-data-otlp/.

Its pages give users the standard variables, `OTEL_EXPORTER_OTLP_ENDPOINT` and `_HEADERS`; the three that begin with
`GRAFANA_CLOUD_` are those that its users set for its collector (Alloy). Spans are kept as they are. What Tempo cuts
without a word is cut here and said:
https://grafana.com/docs/tempo/latest/troubleshooting/out-of-memory-errors/ (`max_attribute_bytes`).
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from nbtrace._export.backends.backend import Address, Backend, Limits, Variables, basic
from nbtrace._export.backends.otlp import queried_at, standard
from nbtrace._export.there import Question, There, UnreadError, from_otlp, span_id

if TYPE_CHECKING:
    from nbtrace._export.delivery import Receiver

QUERY_PORT: Final = 3200
CLOUD: Final = ".grafana.net"


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


def read(question: Question) -> dict[bytes, There]:
    """Read a trace: https://grafana.com/docs/tempo/latest/api_docs/#query-v2.

    The answer is shown at https://grafana.com/docs/tempo/latest/api_docs/pushing-spans-with-http/, and what it says of
    a trace that is larger than it tells in https://github.com/grafana/tempo/blob/main/pkg/tempopb/tempo.proto.

    Raises:
        UnreadError: it tells a part only.
    """
    told = question.get(f"/api/v2/traces/{question.trace}") or {}
    found = from_otlp((told.get("trace") or {}).get("resourceSpans", ()))
    if told.get("status") == "PARTIAL" and not found.keys() >= {*map(span_id, question.spans)}:
        raise UnreadError("it told a part of the trace only", HTTPStatus.PARTIAL_CONTENT)
    return found


def read_at(variables: Variables, to: Receiver) -> Address | None:
    """Give Tempo's own port. Grafana Cloud's Tempo has another address and user, which nothing here tells."""
    return None if to.endpoint.host.endswith(CLOUD) else Address(queried_at(to.endpoint, QUERY_PORT))


BACKEND: Final = Backend("grafana", address, limits=Limits(attribute_bytes=2048), read=read, read_at=read_at)
