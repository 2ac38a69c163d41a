import { expect, test } from "vitest";
import { visibleName, visibleText } from "../../src/model/visible.ts";

test.each([
  ["plain", "plain"],
  ["two\n  lines\t", "two lines"],
  ["a\u202eb\u2066c\u0000d\u001b[31m", "a\ufffdb\ufffdc\ufffdd\ufffd[31m"],
  ["zero\u200bwidth\u{e0041}", "zero\ufffdwidth\ufffd"],
  ["👩‍👩‍👧", "👩\ufffd👩\ufffd👧"],
])("a name is one line of visible characters: %j", (text, expected) => {
  expect(visibleName(text)).toBe(expected);
});

test.each([
  ["lines\r\nstay\tlines", "lines\nstay\tlines"],
  ["\u001b[31mred\u0007\u007f", "␛[31mred␇␡"],
  ["\u202egnp.exe\u202c", "⟨U+202E⟩gnp.exe⟨U+202C⟩"],
  ["a\u200bb\ufeffc", "a⟨U+200B⟩b⟨U+FEFF⟩c"],
  ["look\u{e0048}\u{e0069}\u{e0001}!", "look⟨hidden: Hi\ufffd⟩!"],
  ["👩‍👩‍👧 می‌شود ‏", "👩‍👩‍👧 می‌شود ‏"],
])("a text shows what hides in it: %j", (text, expected) => {
  expect(visibleText(text)).toBe(expected);
});
