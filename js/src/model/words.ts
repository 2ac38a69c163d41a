/** What changed between two texts, word by word. */

import { diffWordsWithSpace } from "diff";

export interface Part {
  readonly kind: "same" | "removed" | "added";
  readonly text: string;
}

/** Texts longer than this together are not compared: nobody reads that, and it would hold up the page. */
const LONGEST = 40_000;
/** Words that may differ; more than that is another text. */
const MOST_CHANGES = 500;

/** Compares two texts, or gives null where they are too long or too different to be compared by words. */
export function changes(before: string, after: string): readonly Part[] | null {
  if (before === after) return after ? [{ kind: "same", text: after }] : [];
  if (before.length + after.length > LONGEST) return null;
  const found = diffWordsWithSpace(before, after, { maxEditLength: MOST_CHANGES });
  return (
    found?.map(({ value, added, removed }) => ({
      kind: added ? "added" : removed ? "removed" : "same",
      text: value,
    })) ?? null
  );
}
