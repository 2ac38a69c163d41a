/**
 * Hostile text made visible.
 *
 * Some characters cannot be seen and yet change what is: they turn the order of the text around them, move a terminal's
 * cursor, or carry words that only a model reads. A name on one line shows each of them as a replacement character; a
 * text shows what they are.
 */

/** What a name must not contain: controls, marks of direction, and whatever takes no room. */
const IN_NAMES =
  /\p{Cc}|[\u00ad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e01ef}]/gu;

/** What a text may not hide: as above, but for line ends, tabs, and the joiners and marks that scripts need. */
const IN_TEXTS =
  /(?![\n\t])\p{Cc}|[\u180e\u200b\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|[\u{e0000}-\u{e01ef}]+/gu;

/** Puts text on one line, every character in it a visible one. */
export function visibleName(text: string): string {
  return text
    .replace(/[\s\u0085]+/gu, " ")
    .trim()
    .replace(IN_NAMES, "\ufffd");
}

/** Shows a text's hidden characters as what they are; lines stay lines. */
export function visibleText(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(IN_TEXTS, sign);
}

const TAGS = 0xe0000;

function sign(found: string): string {
  const code = found.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(0x2400 + code);
  if (code === 0x7f) return "\u2421";
  if (code < TAGS) return `\u27e8U+${code.toString(16).toUpperCase().padStart(4, "0")}\u27e9`;
  // Tags spell ASCII that no font draws: words that only a model reads.
  const letters = Array.from(found, (tag) => (tag.codePointAt(0) ?? 0) - TAGS);
  const words = letters.map((letter) => (letter >= 0x20 && letter < 0x7f ? String.fromCodePoint(letter) : "\ufffd"));
  return `\u27e8hidden: ${words.join("")}\u27e9`;
}
