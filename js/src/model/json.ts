/** JSON of any depth, size and keys, read and worded without ever failing. */

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json };

/** Returns the value of a JSON text, or undefined if it is none. */
export function parse(text: string | null): Json | undefined {
  if (text === null || text === "") return undefined;
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

/** Returns the value of a text that holds an object or a list. */
export function parseTree(text: string): Json | undefined {
  return /^\s*[[{]/.test(text) ? asTree(parse(text)) : undefined;
}

export function asTree(value: Json | undefined): Json | undefined {
  return typeof value === "object" && value !== null ? value : undefined;
}

export function isObject(value: unknown): value is { readonly [key: string]: Json } {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Text longer, or nested deeper, than this is worded without indents: they would be most of it. */
const LONGEST_LAID_OUT = 200_000;
const DEEPEST_LAID_OUT = 64;

/** Words a value with indents where that helps to read it. */
export function pretty(value: Json): string {
  try {
    const line = JSON.stringify(value);
    const isPlain = line.length > LONGEST_LAID_OUT || depthOf(line) > DEEPEST_LAID_OUT;
    return isPlain ? line : JSON.stringify(value, null, 2);
  } catch {
    return Array.isArray(value)
      ? `[ ${value.length} elements, nested too deeply to be laid out ]`
      : "{ nested too deeply }";
  }
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  for (const sign of json.replace(/"(?:[^"\\]|\\.)*"/g, "").matchAll(/[[{\]}]/g)) {
    depth += sign[0] === "[" || sign[0] === "{" ? 1 : -1;
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}

/** Returns an own value of an object, whatever its name. */
export function own(value: Json | undefined, key: string): Json | undefined {
  return isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

export function ownText(value: Json | undefined, key: string): string | null {
  const found = own(value, key);
  return typeof found === "string" ? found : null;
}

export function size(value: Json): number {
  return Array.isArray(value) ? value.length : isObject(value) ? Object.keys(value).length : 0;
}

/** Lists some children of a list or an object. */
export function children(value: Json, first: number, end: number): [string, Json][] {
  if (Array.isArray(value)) return value.slice(first, end).map((one, index) => [String(first + index), one as Json]);
  return isObject(value) ? Object.entries(value).slice(first, end) : [];
}
