/** Span and trace ids: bytes in columns, hex for people and for the wire, and the rows that have them. */

import type { TreeColumns } from "./columns.ts";

export const SPAN_ID_BYTES = 8;
export const TRACE_ID_BYTES = 16;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

export function hexAt(bytes: Uint8Array, row: number, width: number): string {
  let hex = "";
  for (let at = row * width; at < (row + 1) * width; at++) hex += HEX[bytes[at] ?? 0];
  return hex;
}

export function spanIdAt(tree: TreeColumns, row: number): string {
  return hexAt(tree.spanId, row, SPAN_ID_BYTES);
}

export function traceIdAt(tree: TreeColumns, row: number): string {
  return hexAt(tree.traceId, row, TRACE_ID_BYTES);
}

/** Whether two rows of two columns of ids hold the same bytes. */
export function isSame(a: Uint8Array, rowA: number, b: Uint8Array, rowB: number, width: number): boolean {
  for (let at = 0; at < width; at++) if (a[rowA * width + at] !== b[rowB * width + at]) return false;
  return true;
}

/** Returns the first row of a span id given in hex, or -1. */
export function rowOfSpan(tree: TreeColumns, spanId: string): number {
  if (!/^[0-9a-f]{16}$/.test(spanId)) return -1;
  const wanted = Uint8Array.from(spanId.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
  for (let row = 0; row < tree.length; row++) {
    if (isSame(wanted, 0, tree.spanId, row, SPAN_ID_BYTES)) return row;
  }
  return -1;
}

/** Finds rows by their ids: a table of row numbers, so that a million of them are no million objects. */
export class RowIndex {
  readonly #tree: TreeColumns;
  readonly #slots: Int32Array;
  readonly #mask: number;

  constructor(tree: TreeColumns) {
    this.#tree = tree;
    const size = 2 ** Math.ceil(Math.log2(2 * tree.length + 2));
    this.#mask = size - 1;
    this.#slots = new Int32Array(size).fill(-1);
    for (let row = 0; row < tree.length; row++) {
      const slot = this.#slotOf(tree.spanId, tree.traceId, row);
      if (this.#slots[slot] === -1) this.#slots[slot] = row;
    }
  }

  /** Returns the row with the ids at a row of other columns, or -1; of several with the same ids the first. */
  find(spanIds: Uint8Array, traceIds: Uint8Array, row: number): number {
    return this.#slots[this.#slotOf(spanIds, traceIds, row)] ?? -1;
  }

  #slotOf(spanIds: Uint8Array, traceIds: Uint8Array, row: number): number {
    const { spanId, traceId } = this.#tree;
    let slot = hash(spanIds, row) & this.#mask;
    for (;;) {
      const held = this.#slots[slot] ?? -1;
      if (held === -1) return slot;
      const isIt =
        isSame(spanIds, row, spanId, held, SPAN_ID_BYTES) && isSame(traceIds, row, traceId, held, TRACE_ID_BYTES);
      if (isIt) return slot;
      slot = (slot + 1) & this.#mask;
    }
  }
}

/** FNV-1a over the bytes of a span id, whose bits are random unless somebody counts. */
function hash(spanIds: Uint8Array, row: number): number {
  let value = 0x811c9dc5;
  for (let at = row * SPAN_ID_BYTES; at < (row + 1) * SPAN_ID_BYTES; at++) {
    value = Math.imul(value ^ (spanIds[at] ?? 0), 0x01000193);
  }
  return value ^ (value >>> 15);
}
