"""Who answers: the provider's name from the client's address, and where that says nothing, from the answer.

The names are the well-known ones of `gen_ai.provider.name`, and for others the provider's own in the same manner. A
server that nothing is known of has the name of the API it speaks, as the conventions ask for.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from opentelemetry.util.types import AttributeValue

from nbtrace import semconv

_HOSTS: Final = (
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure.ai.openai"),
    ("cognitiveservices.azure.com", "azure.ai.openai"),
    ("services.ai.azure.com", "azure.ai.inference"),
    ("inference.ai.azure.com", "azure.ai.inference"),
    ("api.groq.com", "groq"),
    ("api.deepseek.com", "deepseek"),
    ("mistral.ai", "mistral_ai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.x.ai", "x_ai"),
    ("api.moonshot.ai", "moonshot_ai"),
    ("api.moonshot.cn", "moonshot_ai"),
    ("api.anthropic.com", "anthropic"),
    ("generativelanguage.googleapis.com", "gcp.gemini"),
    ("aiplatform.googleapis.com", "gcp.vertex_ai"),
    ("api.cohere.com", "cohere"),
    ("api.cohere.ai", "cohere"),
    ("ml.cloud.ibm.com", "ibm.watsonx.ai"),
    ("together.ai", "together"),
    ("together.xyz", "together"),
    ("api.cerebras.ai", "cerebras"),
    ("openrouter.ai", "openrouter"),
    ("api.fireworks.ai", "fireworks"),
    ("deepinfra.com", "deepinfra"),
    ("ollama.com", "ollama"),
)
"""The host, or the end of it, to the provider."""
_BEDROCK: Final = re.compile(r"bedrock[\w-]*\.[\w-]+\.(?:amazonaws\.com(?:\.cn)?|api\.aws)")
"""Other hosts of Amazon's are anybody's."""
_VERTEX: Final = re.compile(r"[\w-]+-aiplatform\.googleapis\.com")
_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "::1", "0.0.0.0", "host.docker.internal"))  # noqa: S104 - as a user writes it
_OLLAMA: Final = 11434
"""The port that it listens on by default, and nothing else does."""
_LM_STUDIO: Final = 1234
_AZURE: Final = "BaseAzureClient"
_VLLM: Final = ("prompt_logprobs", "kv_transfer_params")
"""Fields of vLLM's answers only, which are there if they are null too."""
_MODELS: Final = 256
"""Names of models that are remembered of a server; some programs make them up."""

Identity = tuple[str, dict[str, AttributeValue]]
"""The name of a call's span, and the attributes that it begins with."""


@dataclass(slots=True)
class Server:
    """Whom a client talks to."""

    provider: str
    """`gen_ai.provider.name`."""
    host: str
    port: int | None
    client: tuple[str, str] = ("", "")
    """The package that asks, and its version."""
    keeps_connections: bool = field(default=False, compare=False)
    """Whether a connection to it is known to stay open, and a request to be out with its body."""
    connected_until_ns: int = field(default=0, compare=False)
    """Until when a connection to it is likely to be open and free; 0 where none is, or a call has it."""
    is_out_at_once: bool = field(default=False, compare=False)
    """Whether the last request that could use such a connection was heard to be out at once."""
    _asked: dict[tuple[str, str | None], Identity] = field(default_factory=dict[Any, Any], repr=False, compare=False)

    def identity(self, operation: str, model: str | None) -> Identity:
        """Name a call's span and say whose it is: made once for all calls of a model, and not to be changed."""
        found = self._asked.get((operation, model))
        if found is None:
            told = {
                semconv.OPERATION_NAME: operation,
                semconv.PROVIDER_NAME: self.provider,
                semconv.SERVER_ADDRESS: self.host,
                semconv.REQUEST_MODEL: model,
                semconv.SERVER_PORT: self.port,
            }
            given: dict[str, AttributeValue] = {key: value for key, value in told.items() if value is not None}
            found = operation if model is None else f"{operation} {model}", given
            if len(self._asked) >= _MODELS:  # threads may have passed it
                self._asked.clear()
            self._asked[operation, model] = found
        return found


def of_client(client: Any, speaks: str) -> str:
    """Name the provider that a client talks to.

    Args:
        client: an SDK's client; those made for Azure may talk to any host.
        speaks: the provider whose API it speaks.
    """
    if any(kind.__name__ == _AZURE for kind in type(client).__mro__):
        return "azure.ai.openai"
    url = client._base_url  # noqa: SLF001 - the property imports a module each time it is asked
    return of_server(url.host, url.port) or speaks


def of_server(host: str, port: int | None = None) -> str | None:
    """Name the provider at an address, if the address tells.

    Examples:
        >>> of_server("api.groq.com"), of_server("localhost", 11434), of_server("127.0.0.1", 8000)
        ('groq', 'ollama', None)
    """
    for end, provider in _HOSTS:
        if host == end or host.endswith(f".{end}"):
            return provider
    if _BEDROCK.fullmatch(host):
        return "aws.bedrock"
    if _VERTEX.fullmatch(host):
        return "gcp.vertex_ai"
    if port == _OLLAMA:
        return "ollama"
    return "lm_studio" if port == _LM_STUDIO and host in _LOOPBACK else None


def of_answer(server: str, body: Mapping[str, Any]) -> str | None:
    """Name the provider by what only its answers have.

    Args:
        server: what the response's header of that name says.
        body: the response.
    """
    if server == "llama.cpp":
        return "llama_cpp"
    if body.get("system_fingerprint") == "fp_ollama":
        return "ollama"
    return "vllm" if all(name in body for name in _VLLM) else None
