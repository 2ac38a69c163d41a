/** What the views draw, as columns: a tree of one row a span in depth-first order, and one span in full. */

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

/** A column of text that repeats; the empty text is none. */
export class Words {
  readonly codes: Int8Array | Int16Array | Int32Array;
  readonly list: readonly string[];

  constructor(codes: Int8Array | Int16Array | Int32Array, list: readonly string[]) {
    this.codes = codes;
    this.list = list;
  }

  at(row: number): string {
    return this.list[this.codes[row] ?? 0] ?? "";
  }
}

/** Bits of `TreeColumns.flags`: nbtrace/_query/tree.py says what they mean. */
export const ERROR = 1;
export const FAILURE = 2;
export const CALL = 4;
export const UNPRICED = 8;
export const ESTIMATED_COST = 16;
export const ESTIMATED_USAGE = 32;
export const UNFINISHED = 64;
export const INTERRUPTED = 128;
export const REPLAYED = 256;

/** Unknown is NaN in fractions, -1 in counts. */
export interface TreeColumns {
  readonly length: number;
  /** When the earliest span started: milliseconds since the epoch. */
  readonly startUnixMs: number;
  /** When this was how things were: milliseconds after the earliest start. */
  readonly nowMs: number;
  /** Eight bytes a row. */
  readonly spanId: Uint8Array;
  /** Sixteen bytes a row. */
  readonly traceId: Uint8Array;
  /** The parent's row, which is before the row, or -1. */
  readonly parent: Int32Array;
  readonly name: Words;
  readonly type: Words;
  readonly model: Words;
  readonly provider: Words;
  /** The first line of a cell's source. */
  readonly title: Words;
  /** The first words of the answer, or else of the last input; of the latest spans only. */
  readonly summary: Words;
  readonly errorType: Words;
  readonly finishReasons: Words;
  /** Who would not go on: `model`, `content_filter` or `prompt`. */
  readonly refusal: Words;
  readonly cellId: Words;
  /** Milliseconds after the earliest start; 0 where there is no start. */
  readonly startMs: Float64Array;
  /** NaN as long as no end is known. */
  readonly durationMs: Float64Array;
  /** Milliseconds after the span's own start. */
  readonly firstChunkMs: Float32Array;
  readonly inputTokens: Float64Array;
  readonly outputTokens: Float64Array;
  readonly costUsd: Float64Array;
  readonly flags: Uint16Array;
  readonly executionCount: Int32Array;
  readonly cellRun: Int32Array;
  /** Tokens a second of a stream that has not ended. */
  readonly outputRate: Float32Array;
}

/** What a search found: where in which spans a text is. */
export interface Found {
  readonly spanId: Uint8Array;
  readonly traceId: Uint8Array;
  /** Bits: 1 messages, 2 attributes, 4 events. */
  readonly places: Uint8Array;
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
  /** The arithmetic of a call's cost, in words. */
  readonly cost: string | null;
  readonly events: string | null;
  readonly links: string | null;
  readonly resource: string | null;
  readonly scope: string | null;
}
