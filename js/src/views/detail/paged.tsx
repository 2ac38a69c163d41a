/** A long list, some at a time: nobody reads five thousand messages at once, and a browser that draws them stalls. */

import type { ComponentChildren, JSX } from "preact";
import { useState } from "preact/hooks";

const PAGE = 50;

export function Paged<T>(props: {
  of: readonly T[];
  noun: string;
  draw: (one: T, index: number) => ComponentChildren;
}): JSX.Element {
  const { of, noun, draw } = props;
  const [shown, setShown] = useState(PAGE);
  const rest = of.length - shown;
  return (
    <>
      {of.slice(0, shown).map(draw)}
      {rest > 0 && (
        <button type="button" class="button more" onClick={() => setShown(shown + PAGE)}>
          Show {Math.min(PAGE, rest)} of {rest.toLocaleString("en-US")} more {noun}
        </button>
      )}
    </>
  );
}
