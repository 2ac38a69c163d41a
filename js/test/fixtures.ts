/** The files that the Python side writes, as a widget receives them. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { spansOf } from "../dev/memory-model.ts";
import type { SpanDetail, TreeColumns } from "../src/model/columns.ts";
import { decodeSpan, decodeTree } from "../src/wire/decode.ts";

export const START = 1_790_000_000_000;

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fileURLToPath(new URL(`../../tests/fixtures/${name}`, import.meta.url))));
}

export function jsonFixture<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(fixture(name))) as T;
}

export function treeFixture(name = "tree.arrow"): TreeColumns {
  return decodeTree(fixture(name), START);
}

/** Every span of the session in full, in the order of its tree. */
export function sessionSpans(): SpanDetail[] {
  return Object.values(spansOf(fixture("session-spans.arrow"))).map(decodeSpan);
}
