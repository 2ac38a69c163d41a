/** What the reader says of spans by hand. */

import { signal } from "@preact/signals";
import type { SpanKey } from "./explorer.ts";
import { type Judge, type Judgement, type Labels, UNJUDGED } from "./labels.ts";

export class Judging {
  /** What the reader may say of a span, and who keeps it; none where nobody does. */
  labels: Labels | null = null;
  judge: Judge | null = null;
  /** What the reader has said of the open span. */
  readonly judgement = signal<Judgement>(UNJUDGED);
  /** Whether the reader is writing a note on the open span. */
  readonly isNoting = signal(false);
  /** What the reader has last said of a span, for a moment's confirmation. */
  readonly rated = signal<string | null>(null);

  /** Gives a span a label by its number. */
  label(key: SpanKey, number: number): void {
    if (number <= (this.labels?.words.length ?? 0)) this.judge?.label(key, number);
  }
}
