/** A button that puts text on the clipboard and shows for a moment that it did. */

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { CheckIcon, CopyIcon } from "./icons.tsx";

export function CopyButton({ text, label }: { text: () => string; label: string }): JSX.Element {
  const [isCopied, setCopied] = useState(false);
  const copy = async (event: MouseEvent): Promise<void> => {
    await copyText(text(), event.currentTarget as HTMLElement);
    setCopied(true);
    setTimeout(() => setCopied(false), 1200);
  };
  return (
    <button type="button" class="button icon-button" title={label} aria-label={label} onClick={copy}>
      {isCopied ? <CheckIcon /> : <CopyIcon />}
    </button>
  );
}

export async function copyText(text: string, near: HTMLElement): Promise<void> {
  // Over plain http, as on a remote JupyterLab, browsers offer no clipboard.
  if (navigator.clipboard) return navigator.clipboard.writeText(text);
  const area = document.createElement("textarea");
  area.value = text;
  near.after(area);
  area.select();
  document.execCommand("copy");
  area.remove();
  near.focus();
}
