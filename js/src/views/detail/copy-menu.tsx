/** Takes a span away: as a cell, Python or curl that makes the call again, or as JSON. */

import { useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useRef } from "preact/hooks";
import type { SpanDetail } from "../../model/columns.ts";
import { asCurl, asJson, asPython, asReplay, isCall } from "../../model/snippets.ts";
import { copyText } from "../../ui/copy-button.tsx";
import { CheckIcon, CopyIcon } from "../../ui/icons.tsx";

export function CopyMenu({ span }: { span: SpanDetail }): JSX.Element {
  const menu = useRef<HTMLDetailsElement>(null);
  const isCopied = useSignal(false);
  const forms: [string, (span: SpanDetail) => string][] = isCall(span)
    ? [
        ["Copy to edit and run", asReplay],
        ["Copy as Python", asPython],
        ["Copy as curl", asCurl],
        ["Copy as JSON", asJson],
      ]
    : [["Copy as JSON", asJson]];
  const close = (): void => {
    if (menu.current) menu.current.open = false;
  };
  const copy = async (form: (span: SpanDetail) => string, near: HTMLElement): Promise<void> => {
    await copyText(form(span), near);
    close();
    menu.current?.querySelector("summary")?.focus();
    isCopied.value = true;
    setTimeout(() => {
      isCopied.value = false;
    }, 1200);
  };
  return (
    <details
      class="menu"
      ref={menu}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !menu.current?.open) return;
        close();
        event.stopPropagation();
      }}
      onFocusOut={(event) => {
        if (event.relatedTarget && !event.currentTarget.contains(event.relatedTarget as Node)) close();
      }}
    >
      <summary class="button icon-button" title="Copy" aria-label="Copy the span">
        {isCopied.value ? <CheckIcon /> : <CopyIcon />}
      </summary>
      <div class="menu-items">
        {forms.map(([name, form]) => (
          <button key={name} type="button" class="button" onClick={(event) => copy(form, event.currentTarget)}>
            {name}
          </button>
        ))}
      </div>
    </details>
  );
}
