/** A span's attributes in the order in which a reader wants them. */

import type { SpanDetail } from "./columns.ts";

export interface Section {
  readonly title: string;
  /** Names and values; a value is text. */
  readonly entries: readonly (readonly [string, string])[];
  /** A section that is one block of code. */
  readonly code?: string;
}

const SOURCE = "nbtrace.cell.source";
const TEMPLATE = "nbtrace.prompt.template";
const PROMPT = ["gen_ai.prompt.name", "gen_ai.prompt.version"];
const VARIABLE = "gen_ai.prompt.variable.";

export function sectionsOf(span: SpanDetail): Section[] {
  const attributes = objectOf(span.attributes);
  const isPrompt = (name: string): boolean => PROMPT.includes(name) || name.startsWith(VARIABLE);
  const own = Object.entries(attributes).filter(([name]) => name !== SOURCE && name !== TEMPLATE && !isPrompt(name));
  const prompt = Object.entries(attributes).filter(([name]) => isPrompt(name));
  const sections: Section[] = [
    { title: "Source", entries: [], code: valueText(attributes[SOURCE] ?? "") },
    { title: "Prompt", entries: prompt.map(([name, value]) => [promptLabel(name), valueText(value)]) },
    { title: "Template", entries: [], code: valueText(attributes[TEMPLATE] ?? "") },
    { title: "Attributes", entries: own.map(([name, value]) => [name, valueText(value)]) },
    { title: "Tool definitions", entries: [], code: laidOut(span.toolDefinitions) },
    ...eventSections(span.events),
    { title: "Links", entries: [], code: span.links === "[]" ? "" : (span.links ?? "") },
    { title: "Span", entries: identity(span) },
    { title: "Resource", entries: entriesOf(span.resource) },
    { title: "Scope", entries: entriesOf(span.scope) },
  ];
  return sections.filter((section) => section.entries.length > 0 || section.code);
}

function promptLabel(name: string): string {
  return name.startsWith(VARIABLE) ? `{${name.slice(VARIABLE.length)}}` : name.slice("gen_ai.prompt.".length);
}

function identity(span: SpanDetail): [string, string][] {
  const facts: [string, string | null][] = [
    ["span id", span.spanId],
    ["trace id", span.traceId],
    ["start", span.startTime],
    ["status", span.statusMessage ? `${span.status}: ${span.statusMessage}` : span.status],
  ];
  return facts.filter((fact): fact is [string, string] => fact[1] !== null);
}

function eventSections(json: string | null): Section[] {
  const events = parse(json);
  if (!Array.isArray(events)) return [];
  return events.map((event) => ({
    title: `Event: ${String(event.name)}`,
    entries: [
      ["after", `${String(event.after_ms)} ms`],
      ...Object.entries(event.attributes ?? {}).map(([name, value]): [string, string] => [name, valueText(value)]),
    ],
  }));
}

function entriesOf(json: string | null): [string, string][] {
  const { attributes, ...rest } = objectOf(json);
  const inner = typeof attributes === "object" && attributes !== null ? attributes : {};
  return Object.entries({ ...rest, ...inner }).map(([name, value]) => [name, valueText(value)]);
}

function valueText(value: unknown): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

function laidOut(json: string | null): string {
  const parsed = parse(json);
  if (parsed === undefined) return json ?? "";
  return JSON.stringify(parsed, null, 2);
}

function objectOf(json: string | null): Record<string, unknown> {
  const parsed = parse(json);
  return typeof parsed === "object" && parsed !== null ? (parsed as Record<string, unknown>) : {};
}

function parse(json: string | null): unknown {
  try {
    return json === null ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
