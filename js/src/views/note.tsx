/** The field for a note on a span: Enter keeps it, Escape leaves it as it was. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";

export interface NoteOptions {
  text: string;
  onKeep: (text: string) => void;
  onLeave: () => void;
}

export function NoteField({ text, onKeep, onLeave }: NoteOptions): JSX.Element {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => field.current?.focus(), []);
  return (
    <div class="note-field">
      <textarea
        ref={field}
        rows={2}
        maxLength={10_000}
        defaultValue={text}
        aria-label="Note. Enter keeps it, Shift and Enter begin a line, Escape leaves it as it was."
        placeholder="Why, in a few words"
        onKeyDown={(event) => {
          event.stopPropagation();
          if (event.key === "Escape") onLeave();
          else if (event.key === "Enter" && !event.shiftKey && !event.isComposing) onKeep(event.currentTarget.value);
          else return;
          event.preventDefault();
        }}
      />
      <span>
        <button type="button" class="button" onClick={() => onKeep(field.current?.value ?? "")}>
          Keep <kbd>Enter</kbd>
        </button>
        <button type="button" class="button" onClick={onLeave}>
          Cancel <kbd>Esc</kbd>
        </button>
      </span>
    </div>
  );
}
