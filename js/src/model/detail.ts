/** What is known of a span, in the order in which a reader wants it: its content, then facts by theme, then all raw. */

import type { SpanDetail } from "./columns.ts";
import { asTree, isObject, type Json, own, ownText, parse, pretty } from "./json.ts";
import { type Content, contentOf } from "./messages.ts";
import { duration } from "./text.ts";

export type Fact = readonly [name: string, value: Content];

export interface Section {
  readonly title: string;
  readonly facts: readonly Fact[];
  /** A section that is one block of text. */
  readonly block?: Content;
  readonly isCode?: boolean;
  readonly table?: Table;
}

/** Words in rows and columns; all columns but the first are numbers. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export type Attributes = ReadonlyMap<string, Json>;

export function attributesOf(span: SpanDetail): Attributes {
  return mapOf(parse(span.attributes));
}

/** What a span that is no conversation is about: a cell's source, a tool's input and output, what was retrieved. */
export function blocksOf(span: SpanDetail): Section[] {
  const attributes = attributesOf(span);
  const block = (title: string, key: string, isCode = false): Section => ({
    title,
    facts: [],
    ...(attributes.has(key) ? { block: contentOf(attributes.get(key) ?? null) } : {}),
    isCode,
  });
  return [
    block("Source", "nbtrace.cell.source", true),
    block("Arguments", "gen_ai.tool.call.arguments", true),
    block("Result", "gen_ai.tool.call.result", true),
    block("Query", "gen_ai.retrieval.query.text"),
    block("Input", "input.value"),
    block("Output", "output.value"),
  ].filter((section) => section.block !== undefined);
}

/** A document that a retrieval found. */
export interface Found {
  readonly id: string | null;
  readonly score: number | null;
  readonly content: Content;
}

export function documentsOf(span: SpanDetail): Found[] {
  const given = attributesOf(span).get("gen_ai.retrieval.documents");
  const documents = typeof given === "string" ? parse(given) : given;
  if (!Array.isArray(documents))
    return given === undefined ? [] : [{ id: null, score: null, content: contentOf(given) }];
  return documents.map((document: Json) => {
    const score = own(document, "score");
    const id = own(document, "id");
    return {
      id: id === undefined || id === null ? null : String(id),
      score: typeof score === "number" ? score : null,
      content: contentOf(own(document, "content") ?? document),
    };
  });
}

/** Themes of the Details tab: a title, and which attributes belong there, by name or by the start of the name. */
const THEMES: readonly (readonly [title: string, names: readonly string[]])[] = [
  ["Parameters", ["gen_ai.request.", "gen_ai.output.type", "openai.request.", "anthropic.request.", "openai.api.type"]],
  [
    "Response",
    ["gen_ai.response.", "openai.response.", "anthropic.response.", "nbtrace.stream.", "gen_ai.embeddings."],
  ],
  ["Usage", ["gen_ai.usage.", "nbtrace.usage.", "nbtrace.fetched.usage"]],
  ["Attempts", ["nbtrace.attempt.", "nbtrace.attempts.", "nbtrace.attempts", "http.request.resend_count"]],
  ["Error", ["error.", "http.response.status_code", "nbtrace.error"]],
  ["Tool", ["gen_ai.tool.", "gen_ai.agent.", "gen_ai.retrieval.", "gen_ai.data_source.", "nbtrace.step."]],
  ["Context", ["user.", "session.", "gen_ai.conversation.", "nbtrace.tags", "nbtrace.metadata.", "nbtrace.cell."]],
  ["Server", ["server.", "url.", "http.", "gen_ai.provider.name", "gen_ai.operation.name"]],
];

/** Attributes in seconds. */
const SECONDS = new Set([
  "gen_ai.response.time_to_first_chunk",
  "nbtrace.stream.gap.p50",
  "nbtrace.stream.gap.p95",
  "nbtrace.stream.gap.max",
  "nbtrace.attempts.wait",
  "nbtrace.attempts.rate_limited",
  "nbtrace.attempt.wait",
]);

/** Attributes that have a place of their own. */
const ELSEWHERE = new Set([
  "nbtrace.cell.source",
  "nbtrace.prompt.template",
  "gen_ai.tool.call.arguments",
  "gen_ai.tool.call.result",
  "gen_ai.retrieval.query.text",
  "gen_ai.retrieval.documents",
  "input.value",
  "output.value",
  "gen_ai.usage.cost",
]);

const VARIABLE = "gen_ai.prompt.variable.";
const PROMPT = "gen_ai.prompt.";

export function sectionsOf(span: SpanDetail): Section[] {
  const attributes = attributesOf(span);
  const themed = new Map<string, Fact[]>(THEMES.map(([title]) => [title, []]));
  for (const [name, value] of attributes) {
    if (ELSEWHERE.has(name) || name.startsWith(PROMPT)) continue;
    const theme = THEMES.find(([, names]) => names.some((start) => name === start || name.startsWith(start)));
    if (theme) themed.get(theme[0])?.push([label(name, theme[1]), shownValue(name, value)]);
  }
  const sections = [...themed].map(([title, facts]): Section => ({ title, facts }));
  sections.splice(THEMES.findIndex(([title]) => title === "Usage") + 1, 0, costOf(span));
  return [...promptOf(attributes), ...sections, ...seenTooOf(attributes)].filter(
    (section) => section.facts.length > 0 || section.block || section.table,
  );
}

/** The arithmetic of a cost, as the kernel words it, so that its numbers are those of `nbtrace.cost`. */
function costOf(span: SpanDetail): Section {
  const cost = parse(span.cost);
  const total = ownText(cost, "total");
  if (total === null) return { title: "Cost", facts: [] };
  const parts = own(cost, "rows");
  const rows = Array.isArray(parts) ? parts.map((row) => (Array.isArray(row) ? row.map(String) : [])) : [];
  const facts = [
    ["total", rows.length > 0 ? null : total],
    ["why", ownText(cost, "reason")],
    ["prices", ownText(cost, "source")],
  ].flatMap(([name, value]): Fact[] => (name && value ? [[name, { text: value }]] : []));
  if (rows.length === 0) return { title: "Cost", facts };
  return {
    title: "Cost",
    facts,
    table: { head: ["", "quantity", "price", "amount"], rows: [...rows, ["total", "", "", total]] },
  };
}

function shownValue(name: string, value: Json): Content {
  if (typeof value === "string") return contentOf(value);
  return typeof value === "number" && SECONDS.has(name) ? { text: duration(value * 1e9) } : fact(value);
}

/** The rest of a name after the prefix that its section says. */
function label(name: string, starts: readonly string[]): string {
  const start = starts.find((one) => one.endsWith(".") && name.startsWith(one) && name.length > one.length);
  return start && !start.startsWith("http") ? name.slice(start.length) : name;
}

function promptOf(attributes: Attributes): Section[] {
  const facts: Fact[] = [];
  for (const [name, value] of attributes) {
    if (!name.startsWith(PROMPT)) continue;
    const shown = name.startsWith(VARIABLE) ? `{${name.slice(VARIABLE.length)}}` : name.slice(PROMPT.length);
    facts.push([shown, contentOf(value)]);
  }
  const template = attributes.get("nbtrace.prompt.template");
  return [
    { title: "Prompt", facts },
    { title: "Template", facts: [], ...(typeof template === "string" ? { block: { text: template } } : {}) },
  ];
}

/** Who saw the call too, under which name and id, and what they said otherwise. */
function seenTooOf(attributes: Attributes): Section[] {
  const told = attributes.get("nbtrace.also_said");
  const spans = typeof told === "string" ? parse(told) : undefined;
  return (Array.isArray(spans) ? spans : []).map((span: Json): Section => {
    const identity = [
      ["name", ownText(span, "name")],
      ["span id", ownText(span, "span_id")],
      ["status", ownText(span, "status_message")],
    ].flatMap(([name, text]): Fact[] => (name && text ? [[name, { text }]] : []));
    const who = ownText(span, "scope") || "another instrumentation";
    const others = factsOf(own(span, "attributes")).filter(([name]) => !ELSEWHERE.has(name));
    return { title: `Also seen by ${who}`, facts: [...identity, ...others] };
  });
}

/** Something that happened during a span, or another span that it points to. */
export interface Occurrence {
  readonly name: string;
  readonly afterMs: number | null;
  readonly facts: readonly Fact[];
}

export function eventsOf(span: SpanDetail): Occurrence[] {
  const events = parse(span.events);
  if (!Array.isArray(events)) return [];
  return events.map((event: Json) => {
    const after = own(event, "after_ms");
    return {
      name: ownText(event, "name") ?? "event",
      afterMs: typeof after === "number" ? after : null,
      facts: factsOf(own(event, "attributes")),
    };
  });
}

export function linksOf(span: SpanDetail): Occurrence[] {
  const links = parse(span.links);
  if (!Array.isArray(links)) return [];
  return links.map((link: Json) => ({
    name: `trace ${ownText(link, "trace_id") ?? "?"} span ${ownText(link, "span_id") ?? "?"}`,
    afterMs: null,
    facts: factsOf(own(link, "attributes")),
  }));
}

/** Everything, under the names that OpenTelemetry has for it. */
export function rawOf(span: SpanDetail): Section[] {
  const identity: [string, string | null][] = [
    ["name", span.name],
    ["span id", span.spanId],
    ["trace id", span.traceId],
    ["start", span.startTime],
    ["status", span.statusMessage ? `${span.status}: ${span.statusMessage}` : span.status],
  ];
  const tools = span.toolDefinitions === null ? [] : [contentOf(span.toolDefinitions)];
  return [
    { title: "Span", facts: identity.flatMap(([name, text]): Fact[] => (text === null ? [] : [[name, { text }]])) },
    { title: "Attributes", facts: factsOf(parse(span.attributes)) },
    ...tools.map((block): Section => ({ title: "Tool definitions", facts: [], block, isCode: true })),
    { title: "Resource", facts: described(span.resource) },
    { title: "Scope", facts: described(span.scope) },
  ].filter((section) => section.facts.length > 0 || "block" in section);
}

function described(json: string | null): Fact[] {
  const whole = mapOf(parse(json));
  return [...whole].flatMap(([name, value]): Fact[] =>
    name === "attributes" && isObject(value) ? factsOf(value) : [[name, contentOf(value)]],
  );
}

/** A list that is no longer than this is read as one line. */
const SHORT_LINE = 80;

function factsOf(value: Json | undefined): Fact[] {
  return [...mapOf(value)].map(([name, one]): Fact => [name, typeof one === "string" ? contentOf(one) : fact(one)]);
}

function fact(value: Json): Content {
  const json = asTree(value);
  if (Array.isArray(json) && json.every((one) => typeof one !== "object" || one === null)) {
    const line = json.join(", ");
    if (json.length > 0 && line.length <= SHORT_LINE) return { text: line };
  }
  return json === undefined ? { text: JSON.stringify(value) } : { text: pretty(json), json };
}

function mapOf(value: Json | undefined): Map<string, Json> {
  return new Map(typeof value === "object" && value !== null && !Array.isArray(value) ? Object.entries(value) : []);
}
