/** The files that the Python side writes, as a widget receives them. */

import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { TreeColumns } from "../src/model/columns.ts";
import { decodeTree } from "../src/wire/decode.ts";

export function fixture(name: string): Uint8Array {
  return new Uint8Array(readFileSync(fileURLToPath(new URL(`../../tests/fixtures/${name}`, import.meta.url))));
}

export function jsonFixture<T>(name: string): T {
  return JSON.parse(new TextDecoder().decode(fixture(name))) as T;
}

export function treeFixture(): TreeColumns {
  return decodeTree(fixture("tree.arrow"));
}
