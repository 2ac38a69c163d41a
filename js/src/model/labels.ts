/** What a reader may say of a span by hand: labels that digits choose, and a note beside them. */

import type { SpanKey } from "./explorer.ts";

export interface Labels {
  /** What is judged. */
  readonly name: string;
  readonly words: readonly string[];
  /** Whether they are the stars that are there without labels of one's own. */
  readonly isRating: boolean;
}

/** What the reader has said of a span. */
export interface Judgement {
  /** The number of the label, from 1, or 0. */
  readonly choice: number;
  readonly note: string;
}

export const UNJUDGED: Judgement = { choice: 0, note: "" };

/** Keeps what a reader says. */
export interface Judge {
  readonly label: (key: SpanKey, number: number) => void;
  readonly note: (key: SpanKey, text: string) => void;
}

export function labelWords({ name, words, isRating }: Labels, number: number): string {
  return isRating ? `Rated ${number}` : `${name}: ${words[number - 1] ?? ""}`;
}

export function noteWords(text: string): string {
  return text.trim() ? "Note kept" : "Note taken back";
}
