/** What the views draw, as columns: a tree of one row a span in depth-first order, and one span in full. */

export interface Cells<T> {
  at(row: number): T;
}

export type SpanType =
  | "cell"
  | "llm"
  | "embedding"
  | "tool"
  | "retrieval"
  | "agent"
  | "chain"
  | "guardrail"
  | "evaluation"
  | "attempt"
  | "span";

export interface TreeColumns {
  readonly length: number;
  readonly spanId: Cells<string>;
  readonly depth: Int32Array;
  readonly childCount: Int32Array;
  readonly name: Cells<string>;
  readonly type: Cells<SpanType>;
  readonly model: Cells<string | null>;
  /** Milliseconds after the earliest start. */
  readonly startMs: Float64Array;
  /** End of the span and all below it. */
  readonly endMs: Float64Array;
  /** Null while the span runs. */
  readonly durationMs: Cells<number | null>;
  /** Milliseconds after the span's own start. */
  readonly firstChunkMs: Cells<number | null>;
  readonly inputTokens: Cells<number | null>;
  readonly outputTokens: Cells<number | null>;
  readonly costUsd: Cells<number | null>;
  readonly costState: Cells<string | null>;
  readonly usageState: Cells<string | null>;
  readonly error: Cells<boolean>;
  readonly errorType: Cells<string | null>;
  readonly finishReasons: Cells<string | null>;
  /** Who would not go on: `model`, `content_filter` or `prompt`. */
  readonly refusal: Cells<string | null>;
  readonly sumCalls: Cells<number>;
  readonly sumInputTokens: Cells<number | null>;
  readonly sumOutputTokens: Cells<number | null>;
  readonly sumCostUsd: Cells<number | null>;
  readonly sumUnpriced: Cells<number>;
  readonly sumEstimated: Cells<number>;
  readonly sumErrors: Cells<number>;
}

/** One span for reading. Everything but the ids and the name is JSON text, as it came. */
export interface SpanDetail {
  readonly spanId: string;
  readonly traceId: string;
  readonly name: string;
  readonly status: string;
  readonly statusMessage: string | null;
  readonly startTime: string | null;
  readonly systemInstructions: string | null;
  readonly inputMessages: string | null;
  readonly outputMessages: string | null;
  readonly toolDefinitions: string | null;
  readonly attributes: string | null;
  readonly events: string | null;
  readonly links: string | null;
  readonly resource: string | null;
  readonly scope: string | null;
}
