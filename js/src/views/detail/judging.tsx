/** The line below a span where a reader says what it is: labels and a note. */

import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { Explorer } from "../../model/explorer.ts";
import { visibleName } from "../../model/visible.ts";
import { Choices, Note } from "../choices.tsx";

/** Stars that nobody has asked for are not in the way: only labels of one's own are there before something is said. */
export function Judging({ explorer }: { explorer: Explorer }): JSX.Element | null {
  const line = useRef<HTMLElement>(null);
  const { labels } = explorer.judging;
  const said = explorer.judging.judgement.value;
  const isNoting = explorer.judging.isNoting.value;
  if (!labels || !explorer.judging.judge || (labels.isRating && !isNoting && !said.choice && !said.note)) return null;
  const onNoting = (isOpen: boolean): void => {
    explorer.judging.isNoting.value = isOpen;
    if (!isOpen) (line.current?.getRootNode() as ShadowRoot | undefined)?.querySelector<HTMLElement>(".tree")?.focus();
  };
  return (
    <footer class="judging" ref={line}>
      <div class="judging-line">
        <span class="caption">{labels.isRating ? "Rating" : visibleName(labels.name)}</span>
        <Choices
          labels={labels}
          said={said}
          onLabel={(number) => explorer.labelRow(explorer.cursor.value, number)}
          onNoting={onNoting}
        />
      </div>
      <Note
        said={said}
        isNoting={isNoting}
        onNoting={onNoting}
        onNote={(text) => {
          explorer.noteRow(explorer.cursor.value, text);
          onNoting(false);
        }}
      />
    </footer>
  );
}
