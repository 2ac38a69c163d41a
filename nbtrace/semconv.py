"""Names of span attributes and their well-known values.

The `gen_ai.*` names are those of the OpenTelemetry GenAI semantic conventions, which live in a repository of their own
(open-telemetry/semantic-conventions-genai) and are still in development, so they are stated here instead of imported:
the constants in `opentelemetry-semantic-conventions` are deprecated and lack the newer ones.
Names under `nbtrace.*` are ours, where no convention has a word.
"""

from __future__ import annotations

from typing import Final

SCHEMA_URL: Final = "https://opentelemetry.io/schemas/gen-ai-dev/1.0.0-dev"

# -- gen_ai: request ---------------------------------------------------------------------------------------------------
OPERATION_NAME: Final = "gen_ai.operation.name"
PROVIDER_NAME: Final = "gen_ai.provider.name"
CONVERSATION_ID: Final = "gen_ai.conversation.id"
OUTPUT_TYPE: Final = "gen_ai.output.type"
REQUEST_MODEL: Final = "gen_ai.request.model"
REQUEST_CHOICE_COUNT: Final = "gen_ai.request.choice.count"
REQUEST_ENCODING_FORMATS: Final = "gen_ai.request.encoding_formats"
REQUEST_FREQUENCY_PENALTY: Final = "gen_ai.request.frequency_penalty"
REQUEST_MAX_TOKENS: Final = "gen_ai.request.max_tokens"
REQUEST_PREVIOUS_RESPONSE_ID: Final = "gen_ai.request.previous_response.id"
REQUEST_PRESENCE_PENALTY: Final = "gen_ai.request.presence_penalty"
REQUEST_REASONING_LEVEL: Final = "gen_ai.request.reasoning.level"
REQUEST_SEED: Final = "gen_ai.request.seed"
REQUEST_STOP_SEQUENCES: Final = "gen_ai.request.stop_sequences"
REQUEST_STREAM: Final = "gen_ai.request.stream"
REQUEST_TEMPERATURE: Final = "gen_ai.request.temperature"
REQUEST_TOP_K: Final = "gen_ai.request.top_k"
REQUEST_TOP_P: Final = "gen_ai.request.top_p"

# -- gen_ai: prompt ----------------------------------------------------------------------------------------------------
PROMPT_NAME: Final = "gen_ai.prompt.name"
PROMPT_VERSION: Final = "gen_ai.prompt.version"
PROMPT_VARIABLE: Final = "gen_ai.prompt.variable."
"""A prefix: the variable's name follows."""

# -- gen_ai: response --------------------------------------------------------------------------------------------------
RESPONSE_FINISH_REASONS: Final = "gen_ai.response.finish_reasons"
RESPONSE_ID: Final = "gen_ai.response.id"
RESPONSE_MODEL: Final = "gen_ai.response.model"
RESPONSE_STATUS: Final = "gen_ai.response.status"
EMBEDDINGS_DIMENSIONS: Final = "gen_ai.embeddings.dimension.count"
EMBEDDINGS_COUNT: Final = "nbtrace.embeddings.count"
"""How many vectors came. They themselves are not kept."""
RESPONSE_TIME_TO_FIRST_CHUNK: Final = "gen_ai.response.time_to_first_chunk"
"""Seconds."""
USAGE_INPUT_TOKENS: Final = "gen_ai.usage.input_tokens"
USAGE_OUTPUT_TOKENS: Final = "gen_ai.usage.output_tokens"
USAGE_CACHE_READ: Final = "gen_ai.usage.cache_read.input_tokens"
USAGE_CACHE_WRITE: Final = "gen_ai.usage.cache_write.input_tokens"
USAGE_REASONING: Final = "gen_ai.usage.reasoning.output_tokens"
USAGE_COST: Final = "gen_ai.usage.cost"
"""US dollars. Not in the conventions, which have no cost; the name that most backends read."""

# -- gen_ai: content (JSON strings, opt-in in the conventions) ---------------------------------------------------------
INPUT_MESSAGES: Final = "gen_ai.input.messages"
OUTPUT_MESSAGES: Final = "gen_ai.output.messages"
SYSTEM_INSTRUCTIONS: Final = "gen_ai.system_instructions"
TOOL_DEFINITIONS: Final = "gen_ai.tool.definitions"

# -- openai, server, error, user ---------------------------------------------------------------------------------------
ANTHROPIC_REQUEST_SERVICE_TIER: Final = "anthropic.request.service_tier"
"""Not in the conventions; made as OpenAI's are."""
ANTHROPIC_RESPONSE_SERVICE_TIER: Final = "anthropic.response.service_tier"
OPENAI_API_TYPE: Final = "openai.api.type"
OPENAI_REQUEST_BACKGROUND: Final = "openai.request.background"
OPENAI_REQUEST_SERVICE_TIER: Final = "openai.request.service_tier"
OPENAI_RESPONSE_SERVICE_TIER: Final = "openai.response.service_tier"
OPENAI_RESPONSE_SYSTEM_FINGERPRINT: Final = "openai.response.system_fingerprint"
SERVER_ADDRESS: Final = "server.address"
SERVER_PORT: Final = "server.port"
ERROR_TYPE: Final = "error.type"
HTTP_METHOD: Final = "http.request.method"
URL_PATH: Final = "url.path"
HTTP_STATUS_CODE: Final = "http.response.status_code"
HTTP_RESEND_COUNT: Final = "http.request.resend_count"
HTTP_RESPONSE_HEADER: Final = "http.response.header."
"""A prefix: the header's name in lower case follows."""
USER_ID: Final = "user.id"
SESSION_ID: Final = "session.id"

# -- nbtrace -----------------------------------------------------------------------------------------------------------
SPAN_TYPE: Final = "nbtrace.span.type"
"""What a span is where no operation name says it: `cell`, `attempt`, `chain` or `guardrail`."""
CELL_ID: Final = "nbtrace.cell.id"
CELL_EXECUTION_COUNT: Final = "nbtrace.cell.execution_count"
CELL_RUN: Final = "nbtrace.cell.run"
"""The how-manieth run of this cell in this session, from 1."""
CELL_SOURCE: Final = "nbtrace.cell.source"
CELL_SOURCE_HASH: Final = "nbtrace.cell.source_hash"
CELL_OUTCOME: Final = "nbtrace.cell.outcome"
"""`ok`, `error` or `interrupted`."""
COST_STATE: Final = "nbtrace.cost.state"
"""`priced`, `estimated` (from estimated tokens) or `unpriced` (see `COST_REASON`)."""
COST_REASON: Final = "nbtrace.cost.reason"
COST_SOURCE: Final = "nbtrace.cost.source"
"""The price table and its version."""
PROMPT_TEMPLATE: Final = "nbtrace.prompt.template"
STREAM_CHUNKS: Final = "nbtrace.stream.chunks"
STREAM_OUTCOME: Final = "nbtrace.stream.outcome"
"""`exhausted`, `closed`, `abandoned`, `cancelled`, `interrupted` or `error`."""
ATTEMPTS: Final = "nbtrace.attempts"
"""How many requests went out for one call; absent if it was one."""
ATTEMPTS_WAIT: Final = "nbtrace.attempts.wait"
"""Seconds spent between attempts."""
ATTEMPTS_RATE_LIMITED: Final = "nbtrace.attempts.rate_limited"
"""Seconds of that after the server had said 429."""
ATTEMPT_WAIT: Final = "nbtrace.attempt.wait"
"""Seconds waited after an attempt."""
USAGE_STATE: Final = "nbtrace.usage.state"
"""`reported` by the provider, `estimated` from the text, or absent."""
INCOMPLETE: Final = "nbtrace.incomplete"
"""What of this span could not be recorded, and why."""
PROMPT_HASH: Final = "nbtrace.prompt.hash"
"""Start of the SHA-256 of the template's text."""

# -- steps of the user's program ---------------------------------------------------------------------------------------
TOOL_NAME: Final = "gen_ai.tool.name"
TOOL_CALL_ARGUMENTS: Final = "gen_ai.tool.call.arguments"
TOOL_CALL_RESULT: Final = "gen_ai.tool.call.result"
DATA_SOURCE_ID: Final = "gen_ai.data_source.id"
RETRIEVAL_QUERY: Final = "gen_ai.retrieval.query.text"
RETRIEVAL_DOCUMENTS: Final = "gen_ai.retrieval.documents"
AGENT_NAME: Final = "gen_ai.agent.name"
STEP_NAME: Final = "nbtrace.step.name"
INPUT_VALUE: Final = "input.value"
"""OpenInference's name, which the GenAI conventions have none for."""
OUTPUT_VALUE: Final = "output.value"
TAGS: Final = "nbtrace.tags"
METADATA: Final = "nbtrace.metadata."
"""A prefix: the user's key follows."""

# -- spans of other instrumentations -----------------------------------------------------------------------------------
DUPLICATE_OF: Final = "nbtrace.duplicate_of"
"""Id in hex of the span that has the call which this span, made by another instrumentation, repeats."""
DUPLICATE_OPERATION: Final = "nbtrace.duplicate.operation"
"""The operation that such a span had named."""
LLM_OPERATIONS: Final = frozenset({"chat", "text_completion", "generate_content", "embeddings"})
"""Operations that are LLM calls."""
