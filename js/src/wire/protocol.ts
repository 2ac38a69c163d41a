/**
 * The messages between a widget and the kernel.
 *
 * The types are derived from `MESSAGES`, which a test compares with tests/fixtures/protocol.json; so is
 * nbtrace/_widgets/protocol.py. Nothing here is left in the bundle but the version.
 */

export const PROTOCOL_VERSION = 3;

/** Field types: `int`, `str`, or `=x` for the literal "x". */
export const MESSAGES = {
  TreeRequest: { id: "int", kind: "=tree", version: "int" },
  SpanRequest: { id: "int", kind: "=span", version: "int", trace_id: "str", span_id: "str" },
  SearchRequest: { id: "int", kind: "=search", version: "int", text: "str" },
  PreviewRequest: { id: "int", kind: "=preview", version: "int", spans: "str" },
  CompareRequest: { id: "int", kind: "=compare", version: "int", baseline: "int" },
  RateRequest: { id: "int", kind: "=rate", version: "int", trace_id: "str", span_id: "str", value: "int" },
  NoteRequest: { id: "int", kind: "=note", version: "int", trace_id: "str", span_id: "str", text: "str" },
  Cancel: { id: "int", kind: "=cancel", version: "int" },
  TreeReply: {
    id: "int",
    kind: "=tree",
    version: "int",
    revision: "int",
    start_unix_ms: "int",
    now_unix_ms: "int",
  },
  SpanReply: {
    id: "int",
    kind: "=span",
    version: "int",
    revision: "int",
    trace_id: "str",
    span_id: "str",
    choice: "int",
    note: "str",
  },
  SearchReply: { id: "int", kind: "=search", version: "int", revision: "int" },
  PreviewReply: { id: "int", kind: "=preview", version: "int", revision: "int" },
  CompareReply: { id: "int", kind: "=compare", version: "int", revision: "int", head: "str" },
  RateReply: { id: "int", kind: "=rate", version: "int", revision: "int" },
  NoteReply: { id: "int", kind: "=note", version: "int", revision: "int" },
  ErrorReply: { id: "int", kind: "str", version: "int", error: "str" },
  Changed: { kind: "=changed", version: "int", revision: "int" },
} as const;

type Value<T> = T extends "int" ? number : T extends `=${infer Literal}` ? Literal : T extends "str" ? string : never;
type Message<T> = { -readonly [Field in keyof T]: Value<T[Field]> };
type Messages = { [Name in keyof typeof MESSAGES]: Message<(typeof MESSAGES)[Name]> };

export type TreeRequest = Messages["TreeRequest"];
export type SpanRequest = Messages["SpanRequest"];
export type SearchRequest = Messages["SearchRequest"];
export type PreviewRequest = Messages["PreviewRequest"];
export type Cancel = Messages["Cancel"];
export type CompareRequest = Messages["CompareRequest"];
export type RateRequest = Messages["RateRequest"];
export type NoteRequest = Messages["NoteRequest"];
export type Request =
  | TreeRequest
  | SpanRequest
  | SearchRequest
  | PreviewRequest
  | CompareRequest
  | RateRequest
  | NoteRequest;
export type TreeReply = Messages["TreeReply"];
export type SpanReply = Messages["SpanReply"];
export type SearchReply = Messages["SearchReply"];
export type PreviewReply = Messages["PreviewReply"];
export type ErrorReply = Messages["ErrorReply"];
export type CompareReply = Messages["CompareReply"];
export type RateReply = Messages["RateReply"];
export type NoteReply = Messages["NoteReply"];
export type Reply = TreeReply | SpanReply | SearchReply | PreviewReply | CompareReply | RateReply | NoteReply;
export type Changed = Messages["Changed"];

export function isChanged(message: unknown): message is Changed {
  return hasFields(message) && message.kind === "changed" && typeof message.revision === "number";
}

export function isError(message: unknown): message is ErrorReply {
  return hasFields(message) && typeof message.id === "number" && typeof message.error === "string";
}

export function isReply(message: unknown): message is Reply {
  return hasFields(message) && typeof message.id === "number" && typeof message.revision === "number";
}

function hasFields(message: unknown): message is Record<string, unknown> {
  return typeof message === "object" && message !== null;
}
