/** The labels that can be given by hand, as stars or as words, and the note: the same beside a span and in a cell. */

import type { JSX } from "preact";
import type { Judgement, Labels } from "../model/labels.ts";
import { visibleName, visibleText } from "../model/visible.ts";
import { NoteField } from "./note.tsx";

export interface ChoicesOptions {
  labels: Labels;
  said: Judgement;
  isNoting: boolean;
  onLabel: (number: number) => void;
  onNoting: (isNoting: boolean) => void;
  onNote: (text: string) => void;
}

export function Choices({ labels, said, onLabel, onNoting }: Omit<ChoicesOptions, "isNoting" | "onNote">): JSX.Element {
  const { name, words, isRating } = labels;
  return (
    <>
      <span class="choices" role="group" aria-label={isRating ? "Rating" : visibleName(name)}>
        {words.map((word, at) => (
          <button
            key={word}
            type="button"
            class={isRating ? (at < said.choice ? "star on" : "star") : "button toggle choice"}
            aria-pressed={said.choice === at + 1}
            aria-label={isRating ? `Rate ${word}` : `${visibleName(name)}: ${visibleName(word)}`}
            title={isRating ? `Rate ${word} of ${words.length} (${at + 1})` : `${visibleName(name)} (${at + 1})`}
            tabIndex={-1}
            onClick={() => onLabel(at + 1)}
          >
            {isRating ? (at < said.choice ? "★" : "☆") : visibleName(word)}
          </button>
        ))}
      </span>
      <button
        type="button"
        class="button make-note"
        tabIndex={-1}
        title={said.note ? "Change the note (n)" : "Note why (n)"}
        onClick={() => onNoting(true)}
      >
        Note
      </button>
    </>
  );
}

export function Note({
  said,
  isNoting,
  onNoting,
  onNote,
}: Omit<ChoicesOptions, "labels" | "onLabel">): JSX.Element | null {
  if (isNoting) return <NoteField text={said.note} onKeep={onNote} onLeave={() => onNoting(false)} />;
  return said.note ? <p class="note">{visibleText(said.note)}</p> : null;
}
