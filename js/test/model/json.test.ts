import { expect, test } from "vitest";
import { children, own, parse, parseTree, pretty, size } from "../../src/model/json.ts";

const DEEP = "[".repeat(50_000) + "]".repeat(50_000);

test("what is no JSON is nothing, and what is may be of any depth", () => {
  expect([parse(null), parse(""), parse("{"), parse("null")]).toEqual([undefined, undefined, undefined, null]);
  expect([parseTree("7"), parseTree(' {"a":1}'), parseTree("[nope]")]).toEqual([undefined, { a: 1 }, undefined]);
  const deep = parse(DEEP);
  expect([size(deep ?? null), pretty(deep ?? null)]).toEqual([1, "[ 1 elements, nested too deeply to be laid out ]"]);
});

test("JSON is laid out where indents help", () => {
  const nested = (depth: number) => parse("[".repeat(depth) + "]".repeat(depth)) ?? null;
  expect([pretty({ a: "[{" }), pretty(nested(3)), pretty(nested(65))]).toEqual([
    '{\n  "a": "[{"\n}',
    "[\n  [\n    []\n  ]\n]",
    "[".repeat(65) + "]".repeat(65),
  ]);
});

test("keys that objects have by themselves are no values", () => {
  const value = parse('{"__proto__": {"polluted": true}, "constructor": 1}');
  expect([own(value, "__proto__"), own(value, "constructor"), own(value, "toString"), own(7, "x")]).toEqual([
    { polluted: true },
    1,
    undefined,
    undefined,
  ]);
  expect(Reflect.get({}, "polluted")).toBeUndefined();
});

test("children come in pages", () => {
  expect(children(["a", "b", "c"], 1, 3)).toEqual([
    ["1", "b"],
    ["2", "c"],
  ]);
  expect([children({ a: 1, b: 2 }, 0, 1), children("text", 0, 9)]).toEqual([[["a", 1]], []]);
});
