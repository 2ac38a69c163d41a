/** Trees from a few words: what a test does not name is that of a plain ended span. */

import { type TreeColumns, Words } from "../src/model/columns.ts";

export interface Row {
  /** Its parent's row; a root without one. */
  parent?: number;
  trace?: number;
  span?: number;
  name?: string;
  type?: string;
  model?: string;
  title?: string;
  errorType?: string;
  cell?: string;
  run?: number;
  start?: number;
  /** NaN while it runs. */
  ms?: number;
  flags?: number;
  tokens?: [number, number];
  cost?: number;
  rate?: number;
}

export function treeOf(rows: readonly Row[]): TreeColumns {
  const ids = (width: number, of: (row: Row, index: number) => number): Uint8Array => {
    const bytes = new Uint8Array(rows.length * width);
    const view = new DataView(bytes.buffer);
    rows.forEach((row, index) => {
      view.setUint32((index + 1) * width - 4, of(row, index));
    });
    return bytes;
  };
  const words = (of: (row: Row) => string | undefined): Words => {
    const list = [...new Set(["", ...rows.map((row) => of(row) ?? "")])];
    return new Words(
      Int32Array.from(rows, (row) => list.indexOf(of(row) ?? "")),
      list,
    );
  };
  const numbers = (of: (row: Row) => number | undefined): Float64Array =>
    Float64Array.from(rows, (row) => of(row) ?? Number.NaN);
  return {
    length: rows.length,
    startUnixMs: 1_790_000_000_000,
    nowMs: 1000,
    spanId: ids(8, (row, index) => row.span ?? index + 1),
    traceId: ids(16, (row) => row.trace ?? 1),
    parent: Int32Array.from(rows, (row) => row.parent ?? -1),
    name: words((row) => row.name ?? "span"),
    type: words((row) => row.type ?? "span"),
    model: words((row) => row.model),
    provider: words(() => undefined),
    title: words((row) => row.title),
    summary: words(() => undefined),
    errorType: words((row) => row.errorType),
    finishReasons: words(() => undefined),
    refusal: words(() => undefined),
    cellId: words((row) => row.cell),
    startMs: numbers((row) => row.start ?? 0),
    durationMs: numbers((row) => row.ms ?? 1),
    firstChunkMs: Float32Array.from(rows, () => Number.NaN),
    inputTokens: numbers((row) => row.tokens?.[0]),
    outputTokens: numbers((row) => row.tokens?.[1]),
    costUsd: numbers((row) => row.cost),
    flags: Uint16Array.from(rows, (row) => row.flags ?? 0),
    executionCount: Int32Array.from(rows, () => -1),
    cellRun: Int32Array.from(rows, (row) => row.run ?? -1),
    outputRate: Float32Array.from(rows, (row) => row.rate ?? Number.NaN),
  };
}
