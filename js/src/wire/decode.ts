/** Arrow IPC streams to the columns that the views draw: the one place where wire names become ours. */

import { type Column, type Table, tableFromIPC } from "@uwdata/flechette";
import { type Found, type SpanDetail, type TreeColumns, Words } from "../model/columns.ts";
import { FIGURES, type Figure, type Run } from "../model/comparison.ts";
import { hexAt, SPAN_ID_BYTES, TRACE_ID_BYTES } from "../model/ids.ts";

export function decodeTree(bytes: Uint8Array, startUnixMs: number, nowUnixMs = startUnixMs): TreeColumns {
  const table = tableFromIPC(bytes);
  return {
    length: table.numRows,
    startUnixMs,
    nowMs: nowUnixMs - startUnixMs,
    spanId: binary(table, "span_id"),
    traceId: binary(table, "trace_id"),
    parent: parents(values<Int32Array>(table, "parent", Int32Array)),
    name: words(table, "name"),
    type: words(table, "type"),
    model: words(table, "model"),
    provider: words(table, "provider"),
    title: words(table, "title"),
    summary: words(table, "summary"),
    errorType: words(table, "error_type"),
    finishReasons: words(table, "finish_reasons"),
    refusal: words(table, "refusal"),
    cellId: words(table, "cell_id"),
    startMs: values<Float64Array>(table, "start_ms", Float64Array).map((ms) => ms || 0),
    durationMs: values(table, "duration_ms", Float64Array),
    firstChunkMs: values(table, "first_chunk_ms", Float32Array),
    inputTokens: values(table, "input_tokens", Float64Array),
    outputTokens: values(table, "output_tokens", Float64Array),
    costUsd: values(table, "cost_usd", Float64Array),
    flags: values(table, "flags", Uint16Array),
    executionCount: values(table, "execution_count", Int32Array),
    cellRun: values(table, "cell_run", Int32Array),
    outputRate: values(table, "output_rate", Float32Array),
  };
}

export function decodeFound(bytes: Uint8Array): Found {
  const table = tableFromIPC(bytes);
  return {
    spanId: binary(table, "span_id"),
    traceId: binary(table, "trace_id"),
    places: values(table, "places", Uint8Array),
  };
}

/** Gives words by trace id and span id in hex. */
export function decodePreviews(bytes: Uint8Array): Map<string, string> {
  const table = tableFromIPC(bytes);
  const [traces, spans] = [binary(table, "trace_id"), binary(table, "span_id")];
  return new Map(
    Array.from(column(table, "summary").toArray() as ArrayLike<string | null>, (words, row) => [
      hexAt(traces, row, TRACE_ID_BYTES) + hexAt(spans, row, SPAN_ID_BYTES),
      words ?? "",
    ]),
  );
}

export function decodeSpan(bytes: Uint8Array): SpanDetail {
  const table = tableFromIPC(bytes);
  const optional = (name: string): string | null => column(table, name).at(0) as string | null;
  const required = (name: string): string => optional(name) ?? "";
  return {
    spanId: required("span_id"),
    traceId: required("trace_id"),
    name: required("name"),
    status: required("status"),
    statusMessage: optional("status_message"),
    startTime: optional("start_time"),
    systemInstructions: optional("system_instructions"),
    inputMessages: optional("input_messages"),
    outputMessages: optional("output_messages"),
    toolDefinitions: optional("tool_definitions"),
    attributes: optional("attributes"),
    cost: optional("cost"),
    events: optional("events"),
    links: optional("links"),
    resource: optional("resource"),
    scope: optional("scope"),
  };
}

export function decodeRuns(bytes: Uint8Array): Run[] {
  const table = tableFromIPC(bytes);
  const all = (name: string): ArrayLike<unknown> => column(table, name).toArray();
  const texts = (name: string): string[] => Array.from(all(name), (value) => String(value ?? ""));
  const numbers = (name: string): number[] => Array.from(all(name), Number);
  const [variant, input, leftOut] = [numbers("variant"), numbers("input"), numbers("left_out")];
  const [traceId, spanId, output, state] = [texts("trace_id"), texts("span_id"), texts("output"), texts("state")];
  const [finish, error, costState, scores] = [texts("finish"), texts("error"), texts("cost_state"), texts("scores")];
  const usageState = texts("usage_state");
  const [choice, note] = [numbers("choice"), texts("note")];
  const figures = FIGURES.map((name) => [name, numbers(name)] as const);
  return variant.map((_, row) => ({
    variant: variant[row] ?? 0,
    input: input[row] ?? 0,
    leftOut: leftOut[row] ?? 0,
    traceId: traceId[row] ?? "",
    spanId: spanId[row] ?? "",
    output: output[row] ?? "",
    state: (state[row] ?? "over") as Run["state"],
    finish: finish[row] ?? "",
    error: error[row] ?? "",
    costState: costState[row] ?? "",
    usageState: usageState[row] ?? "",
    figures: Object.fromEntries(figures.map(([name, values]) => [name, values[row]])) as Record<Figure, number>,
    choice: choice[row] ?? 0,
    note: note[row] ?? "",
    scores: JSON.parse(scores[row] || "{}") as Record<string, number>,
  }));
}

function column(table: Table, name: string): Column<unknown> {
  const found = table.getChild(name);
  if (!found) throw new Error(`the kernel's reply has no column ${name}`);
  return found;
}

/** A column without nulls as one typed array. */
function values<T>(table: Table, name: string, kind: new () => T): T {
  const found = column(table, name);
  const array = found.length ? found.toArray() : new kind();
  if (!(array instanceof kind)) throw new Error(`the kernel's reply has no whole numbers in column ${name}`);
  return array;
}

/** A column of byte strings of one width, one after another. */
function binary(table: Table, name: string): Uint8Array {
  const batches = column(table, name).data.map((batch) => batch.values as Uint8Array);
  const [first = new Uint8Array()] = batches;
  if (batches.length < 2) return first;
  return Uint8Array.from(batches.flatMap((part) => Array.from(part)));
}

/** A column of text that repeats, as numbers of words. */
function words(table: Table, name: string): Words {
  const [batch] = column(table, name).data;
  if (!batch) return new Words(new Int8Array(), [""]);
  const { values: codes, dictionary } = batch as unknown as { values: Int32Array; dictionary: Column<string> };
  return new Words(
    codes,
    Array.from(dictionary, (word) => word ?? ""),
  );
}

/** Parents that are before their children, whatever a file says. */
function parents(rows: Int32Array): Int32Array {
  return rows.every((above, row) => above < row) ? rows : rows.map((above, row) => (above < row ? above : -1));
}
