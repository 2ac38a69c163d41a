/** JSON of any size and depth as a tree: children are made when they are asked for, a hundred at a time. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { children, type Json, size } from "../../model/json.ts";
import { visibleName, visibleText } from "../../model/visible.ts";

const PAGE = 100;

/** Characters of a text that are shown at first. */
const CLIP = 400;

/** Levels and elements that are open at first: what one sees at a glance. */
const OPEN_LEVELS = 2;
const OPEN_SIZE = 12;

export function JsonTree({ value, label }: { value: Json; label?: string }): JSX.Element {
  return (
    <div class="json" {...(label ? { role: "group", "aria-label": label } : {})}>
      <Node name={null} value={value} level={0} />
    </div>
  );
}

function Node({ name, value, level }: { name: string | null; value: Json; level: number }): JSX.Element {
  const [isOpen, setOpen] = useState(level < OPEN_LEVELS && size(value) <= OPEN_SIZE);
  if (typeof value !== "object" || value === null) {
    return (
      <div class="json-line">
        <Name name={name} />
        <Leaf value={value} />
      </div>
    );
  }
  const count = size(value);
  if (count === 0) {
    return (
      <div class="json-line">
        <Name name={name} />
        <span class="json-null">{Array.isArray(value) ? "[]" : "{}"}</span>
      </div>
    );
  }
  return (
    <details class="json-node" open={isOpen} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="json-count">{Array.isArray(value) ? `[${count}]` : `{${count}}`}</span>
        {!isOpen && <span class="json-peek">{peek(value)}</span>}
      </summary>
      {isOpen && <Children value={value} count={count} level={level + 1} />}
    </details>
  );
}

function Children({ value, count, level }: { value: Json; count: number; level: number }): JSX.Element {
  const [shown, setShown] = useState(PAGE);
  return (
    <div class="json-children">
      {children(value, 0, shown).map(([key, child]) => (
        <Node key={key} name={key} value={child} level={level} />
      ))}
      {count > shown && (
        <button type="button" class="button" onClick={() => setShown(shown + PAGE)}>
          {(count - shown).toLocaleString("en-US")} more
        </button>
      )}
    </div>
  );
}

function Name({ name }: { name: string | null }): JSX.Element | null {
  return name === null ? null : (
    <bdi class="json-name" title={visibleName(name)}>
      {visibleName(name.slice(0, CLIP)) || '""'}
    </bdi>
  );
}

function Leaf({ value }: { value: string | number | boolean | null }): JSX.Element {
  const [isFull, setFull] = useState(false);
  if (typeof value !== "string")
    return <span class={`json-${value === null ? "null" : typeof value}`}>{String(value)}</span>;
  const isLong = value.length > CLIP && !isFull;
  return (
    <>
      <bdi class="json-string">{visibleText(isLong ? value.slice(0, CLIP) : value) || '""'}</bdi>
      {isLong && (
        <button type="button" class="button" onClick={() => setFull(true)}>
          {(value.length - CLIP).toLocaleString("en-US")} more characters
        </button>
      )}
    </>
  );
}

/** The first values in one line, so that one need not open what one does not look for. */
function peek(value: Json): string {
  const first = children(value, 0, 4).map(([key, child]) => {
    const shown = typeof child === "object" && child !== null ? (Array.isArray(child) ? "[…]" : "{…}") : String(child);
    const short = shown.length > 24 ? `${shown.slice(0, 23)}…` : shown;
    return Array.isArray(value) ? short : `${key.slice(0, 24)}: ${short}`;
  });
  return visibleName(first.join(", "));
}
