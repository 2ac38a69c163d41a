/** Arrow IPC streams to the columns that the views draw: the one place where wire names become ours. */

import { type Column, type Table, tableFromIPC } from "@uwdata/flechette";
import type { Cells, SpanDetail, TreeColumns } from "../model/columns.ts";

export function decodeTree(bytes: Uint8Array): TreeColumns {
  const table = tableFromIPC(bytes);
  return {
    length: table.numRows,
    spanId: cells(table, "span_id"),
    depth: Int32Array.from(numbers(table, "depth")),
    childCount: Int32Array.from(numbers(table, "child_count")),
    name: cells(table, "name"),
    type: cells(table, "type"),
    model: cells(table, "model"),
    startMs: numbers(table, "start_ms"),
    endMs: numbers(table, "end_ms"),
    durationMs: cells(table, "duration_ms"),
    firstChunkMs: cells(table, "first_chunk_ms"),
    inputTokens: cells(table, "input_tokens"),
    outputTokens: cells(table, "output_tokens"),
    costUsd: cells(table, "cost_usd"),
    costState: cells(table, "cost_state"),
    usageState: cells(table, "usage_state"),
    error: cells(table, "error"),
    errorType: cells(table, "error_type"),
    finishReasons: cells(table, "finish_reasons"),
    refusal: cells(table, "refusal"),
    sumCalls: cells(table, "sum_calls"),
    sumInputTokens: cells(table, "sum_input_tokens"),
    sumOutputTokens: cells(table, "sum_output_tokens"),
    sumCostUsd: cells(table, "sum_cost_usd"),
    sumUnpriced: cells(table, "sum_unpriced"),
    sumEstimated: cells(table, "sum_estimated"),
    sumErrors: cells(table, "sum_errors"),
  };
}

export function decodeSpan(bytes: Uint8Array): SpanDetail {
  const table = tableFromIPC(bytes);
  const required = (name: string): string => cells<string>(table, name).at(0);
  const optional = (name: string): string | null => cells<string | null>(table, name).at(0);
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
    events: optional("events"),
    links: optional("links"),
    resource: optional("resource"),
    scope: optional("scope"),
  };
}

function column(table: Table, name: string): Column<unknown> {
  const found = table.getChild(name);
  if (!found) throw new Error(`the kernel's reply has no column ${name}`);
  return found;
}

function cells<T>(table: Table, name: string): Cells<T> {
  return column(table, name) as unknown as Cells<T>;
}

/** A column of numbers as one array; a null, which only a span without a start has, becomes 0. */
function numbers(table: Table, name: string): Float64Array {
  return Float64Array.from(column(table, name).toArray() as ArrayLike<number | null>, (value) => value ?? 0);
}
