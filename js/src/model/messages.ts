/**
 * Conversations from the JSON of the GenAI conventions.
 *
 * Whatever does not fit the convention (a policy's placeholder, another library's shape, a part type of tomorrow) is
 * kept and shown as text: a reader must never lose content to a parser.
 */

import type { SpanDetail } from "./columns.ts";

export type Part =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "toolCall"; name: string; id: string | null; text: string }
  | { kind: "toolResponse"; id: string | null; text: string }
  | { kind: "media"; label: string }
  | { kind: "other"; label: string; text: string };

export interface Message {
  readonly role: string;
  readonly name: string | null;
  /** Whether the model said it in this call. */
  readonly isAnswer: boolean;
  readonly parts: readonly Part[];
}

export function conversationOf(span: SpanDetail): Message[] {
  return [
    ...systemOf(span.systemInstructions),
    ...messagesOf(span.inputMessages, false),
    ...messagesOf(span.outputMessages, true),
  ];
}

/** The text of a message as one copies it. */
export function textOf(message: Message): string {
  return message.parts.map((part) => (part.kind === "media" ? `[${part.label}]` : part.text)).join("\n\n");
}

function systemOf(json: string | null): Message[] {
  const parsed = parse(json);
  if (parsed === undefined) return [];
  const parts = Array.isArray(parsed) ? parsed.map(partOf) : [textPart(parsed)];
  return parts.length ? [{ role: "system", name: null, isAnswer: false, parts }] : [];
}

function messagesOf(json: string | null, isAnswer: boolean): Message[] {
  const parsed = parse(json);
  if (parsed === undefined) return [];
  const role = isAnswer ? "assistant" : "user";
  if (!Array.isArray(parsed)) return [{ role, name: null, isAnswer, parts: [textPart(parsed)] }];
  return parsed.map((message: unknown) => {
    if (!isObject(message)) return { role, name: null, isAnswer, parts: [textPart(message)] };
    const { parts, content } = message;
    return {
      role: asString(message.role) ?? role,
      name: asString(message.name),
      isAnswer,
      parts: Array.isArray(parts) ? parts.map(partOf) : [textPart(content ?? message)],
    };
  });
}

function partOf(part: unknown): Part {
  if (!isObject(part)) return textPart(part);
  const content = asString(part.content);
  switch (part.type) {
    case "text":
      return textPart(part.content ?? "");
    case "reasoning":
      return { kind: "reasoning", text: content ?? pretty(part) };
    case "tool_call":
      return {
        kind: "toolCall",
        name: asString(part.name) ?? "tool",
        id: asString(part.id),
        text: pretty(part.arguments ?? null),
      };
    case "tool_call_response":
      return { kind: "toolResponse", id: asString(part.id), text: pretty(part.response ?? part.result ?? null) };
    case "blob":
    case "file":
    case "uri":
      return { kind: "media", label: mediaLabel(part) };
    default:
      return { kind: "other", label: asString(part.type) ?? "part", text: content ?? pretty(part) };
  }
}

function mediaLabel(part: Record<string, unknown>): string {
  const content = asString(part.content);
  const size = content === null ? null : `${Math.ceil((content.length * 3) / 4 / 1024)} KB`;
  const facts = [part.modality, part.mime_type, size, part.file_id, part.uri];
  return facts.filter((fact): fact is string => typeof fact === "string").join(" · ");
}

function textPart(value: unknown): Part {
  return { kind: "text", text: typeof value === "string" ? value : pretty(value) };
}

/** JSON with indents; a string that is JSON itself, as tool arguments often are, is laid out too. */
export function pretty(value: unknown): string {
  const inner = typeof value === "string" ? parse(value) : value;
  return typeof inner === "string" ? inner : JSON.stringify(inner, null, 2);
}

function parse(json: string | null): unknown {
  if (json === null || json === "") return undefined;
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function asString(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}
