import { expect, test } from "vitest";
import { sectionsOf } from "../../src/model/attributes.ts";
import { decodeSpan } from "../../src/wire/decode.ts";
import { fixture } from "../fixtures.ts";

const titles = (name: string) => sectionsOf(decodeSpan(fixture(name))).map((section) => section.title);

test("a cell begins with its source", () => {
  const [source] = sectionsOf(decodeSpan(fixture("span-cell.arrow")));
  expect(source?.code).toContain("answer = agent.run(question)");
  expect(titles("span-cell.arrow")).toEqual(["Source", "Attributes", "Span", "Resource", "Scope"]);
});

test("a prompt comes with name, version, variables and template", () => {
  const sections = sectionsOf(decodeSpan(fixture("span-prompt.arrow")));
  expect(sections.slice(0, 2)).toEqual([
    {
      title: "Prompt",
      entries: [
        ["name", "summarise"],
        ["{words}", "five"],
        ["version", "2"],
      ],
    },
    { title: "Template", entries: [], code: "Summarise in {words} words: {text}" },
  ]);
});

test("an error comes with its event and its status", () => {
  const sections = sectionsOf(decodeSpan(fixture("span-failed.arrow")));
  const entries = Object.fromEntries(sections.flatMap((section) => section.entries));
  expect(titles("span-failed.arrow")).toContain("Event: exception");
  expect(entries).toMatchObject({
    after: "81 ms",
    "error.type": "RateLimitError",
    "http.response.status_code": "429",
    status: "error: Rate limit reached for gpt-4o: try again in 20 s",
  });
});

test("text where JSON was due is no obstacle", () => {
  const span = { ...decodeSpan(fixture("span-cell.arrow")), attributes: "{", events: "?", resource: null, scope: "1" };
  expect(sectionsOf(span).map((section) => section.title)).toEqual(["Span"]);
});
