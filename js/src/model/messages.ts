/**
 * Conversations from the JSON of the GenAI conventions.
 *
 * Whatever does not fit the convention (a policy's placeholder, another library's shape, a part type of tomorrow) is
 * kept and shown as text: a reader must never lose content to a parser. A tool's answer is put below the call that it
 * answers.
 */

import type { SpanDetail } from "./columns.ts";
import { imageOf } from "./images.ts";
import { isObject, type Json, own, ownText, parse, pretty } from "./json.ts";

/** Text, or what a text of JSON holds. */
export type Content = { text: string; json?: Json };

export type Part =
  | { kind: "text"; text: string }
  | { kind: "reasoning"; text: string }
  | { kind: "toolCall"; name: string; id: string | null; given: Content; answers: Content[] }
  | { kind: "toolResponse"; id: string | null; answer: Content }
  | { kind: "image"; src: string; label: string }
  | { kind: "media"; label: string }
  | { kind: "other"; label: string; content: Content };

export interface Message {
  readonly role: string;
  readonly name: string | null;
  /** Whether the model said it in this call. */
  readonly isAnswer: boolean;
  readonly finishReason: string | null;
  readonly parts: readonly Part[];
}

export function conversationOf(span: SpanDetail): Message[] {
  return joined([
    ...systemOf(span.systemInstructions),
    ...messagesOf(span.inputMessages, false),
    ...messagesOf(span.outputMessages, true),
  ]);
}

/** The text of a message as one copies it. */
export function textOf(message: Message): string {
  return message.parts.map(partText).join("\n\n");
}

function partText(part: Part): string {
  switch (part.kind) {
    case "text":
    case "reasoning":
      return part.text;
    case "toolCall":
      return [`${part.name}(${part.given.text})`, ...part.answers.map((answer) => answer.text)].join("\n");
    case "toolResponse":
      return part.answer.text;
    case "image":
    case "media":
      return `[${part.label}]`;
    case "other":
      return part.content.text;
  }
}

/** Puts each tool's answer below its call; a message with nothing left is left out. */
function joined(messages: readonly Message[]): Message[] {
  const calls = new Map<string, Content[]>();
  const whole: Message[] = [];
  for (const message of messages) {
    const parts = message.parts.filter((part) => {
      if (part.kind === "toolCall" && part.id !== null) calls.set(part.id, part.answers);
      const answers = part.kind === "toolResponse" && part.id !== null ? calls.get(part.id) : undefined;
      if (answers && part.kind === "toolResponse") answers.push(part.answer);
      return !answers;
    });
    if (parts.length > 0 || message.parts.length === 0) whole.push({ ...message, parts });
  }
  return whole;
}

function systemOf(json: string | null): Message[] {
  const parsed = heldBy(json);
  if (parsed === undefined) return [];
  const parts = Array.isArray(parsed) ? parsed.map(partOf) : [textPart(parsed)];
  return parts.length ? [{ role: "system", name: null, isAnswer: false, finishReason: null, parts }] : [];
}

function messagesOf(json: string | null, isAnswer: boolean): Message[] {
  const parsed = heldBy(json);
  if (parsed === undefined) return [];
  const role = isAnswer ? "assistant" : "user";
  const plain = (value: Json): Message => ({
    role,
    name: null,
    isAnswer,
    finishReason: null,
    parts: [textPart(value)],
  });
  if (!Array.isArray(parsed)) return [plain(parsed)];
  return parsed.map((message: Json): Message => {
    if (!isObject(message)) return plain(message);
    const parts = own(message, "parts");
    return {
      role: ownText(message, "role") ?? role,
      name: ownText(message, "name"),
      isAnswer,
      finishReason: ownText(message, "finish_reason"),
      parts: Array.isArray(parts) ? parts.map(partOf) : [textPart(own(message, "content") ?? message)],
    };
  });
}

function partOf(part: Json): Part {
  if (!isObject(part)) return textPart(part);
  const content = ownText(part, "content");
  const id = ownText(part, "id");
  const type = ownText(part, "type");
  switch (type) {
    case "text":
      return textPart(own(part, "content") ?? "");
    case "reasoning":
      return { kind: "reasoning", text: content ?? pretty(part) };
    case "tool_call":
      return {
        kind: "toolCall",
        name: ownText(part, "name") ?? "tool",
        id,
        given: contentOf(own(part, "arguments") ?? null),
        answers: [],
      };
    case "tool_call_response":
      return {
        kind: "toolResponse",
        id,
        answer: contentOf(own(part, "response") ?? own(part, "result") ?? null),
      };
    case "blob":
    case "file":
    case "uri": {
      const [src, label] = [imageOf(part), mediaLabel(part)];
      return src === null ? { kind: "media", label } : { kind: "image", src, label };
    }
    default:
      return { kind: "other", label: type ?? "part", content: content === null ? contentOf(part) : { text: content } };
  }
}

function mediaLabel(part: Json): string {
  const content = ownText(part, "content");
  const bytes = own(part, "size") ?? (content === null ? null : Math.ceil((content.length * 3) / 4));
  const size = typeof bytes === "number" ? `${Math.ceil(bytes / 1024)} KB` : null;
  const uri = ownText(part, "uri");
  const facts = [
    ownText(part, "modality"),
    ownText(part, "mime_type"),
    ownText(part, "filename"),
    size,
    ownText(part, "file_id"),
    uri?.startsWith("data:") ? "inline data" : uri && `${uri} (not loaded)`,
    content === null && uri === null ? "content not kept" : null,
  ];
  return facts.filter((fact): fact is string => Boolean(fact)).join(" · ");
}

/** Reads a value as text, and as JSON where it holds any; tools' arguments are often JSON inside a string. */
export function contentOf(value: Json): Content {
  const inner = typeof value === "string" ? parse(value) : value;
  if (typeof inner === "object" && inner !== null) return { text: pretty(inner), json: inner };
  return { text: typeof value === "string" ? value : JSON.stringify(value) };
}

function textPart(value: Json): Part {
  return { kind: "text", text: typeof value === "string" ? value : pretty(value) };
}

/** Returns what JSON text holds, or the text itself if it is none. */
function heldBy(json: string | null): Json | undefined {
  if (json === null || json === "") return undefined;
  return parse(json) ?? json;
}
