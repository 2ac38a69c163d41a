/** Text of any length, and JSON where a text holds any. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Content } from "../../model/messages.ts";
import { visibleText } from "../../model/visible.ts";
import { JsonTree } from "./json-tree.tsx";

/** Characters shown at first, a page or two, and how many times more each step shows. */
const CLIP = 6000;
const STEP = 10;

export function TextBlock({ text, isCode = false }: { text: string; isCode?: boolean }): JSX.Element {
  const [limit, setLimit] = useState(CLIP);
  const rest = text.length - limit;
  const next = Math.min(rest, limit * (STEP - 1));
  return (
    <>
      <pre class={isCode ? "text code" : "text"}>{visibleText(rest > 0 ? text.slice(0, limit) : text)}</pre>
      {rest > 0 && (
        <button type="button" class="button more" onClick={() => setLimit(limit + next)}>
          {next === rest
            ? `Show the other ${rest.toLocaleString("en-US")} characters`
            : `Show ${next.toLocaleString("en-US")} of the other ${rest.toLocaleString("en-US")} characters`}
        </button>
      )}
    </>
  );
}

/** What a tool was given or gave, or an attribute's value: JSON as a tree, other text as it is. */
export function ContentBlock({ content, label }: { content: Content; label?: string }): JSX.Element {
  if (content.json === undefined) return <TextBlock text={content.text} isCode />;
  return (
    <div class="code">
      <JsonTree value={content.json} {...(label ? { label } : {})} />
    </div>
  );
}
