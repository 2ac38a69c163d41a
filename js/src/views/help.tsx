/** The keys, over the view, until one has seen them. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Labels } from "../model/labels.ts";
import { visibleName } from "../model/visible.ts";
import { CloseIcon, HelpIcon } from "../ui/icons.tsx";

/** Keys that belong together, in words. */
export interface Described {
  readonly title: string;
  readonly bindings: readonly { readonly shown: string; readonly does: string }[];
}

/** What one's own labels mean, a key each. */
export function labelKeys(labels: Labels | null): readonly Described[] {
  if (!labels || labels.isRating) return [];
  const bindings = labels.words.map((word, at) => ({ shown: String(at + 1), does: visibleName(word) }));
  return [{ title: visibleName(labels.name), bindings }];
}

export function Help({ groups, onClose }: { groups: readonly Described[]; onClose: () => void }): JSX.Element {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const root = panel.current?.getRootNode() as ShadowRoot | undefined;
    const before = root?.activeElement;
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <div
      class="help"
      role="dialog"
      aria-modal="true"
      aria-label="Keys"
      tabIndex={-1}
      ref={panel}
      onKeyDown={(event) => {
        if (event.key === "Tab") event.preventDefault();
        else if (event.key === "Escape" || event.key === "?") onClose();
        else return;
        event.stopPropagation();
      }}
    >
      <header>
        <h3>Keys</h3>
        <button type="button" class="button icon-button" title="Close" aria-label="Close" onClick={onClose}>
          <CloseIcon />
        </button>
      </header>
      <div class="key-groups">
        {groups.map(({ title, bindings }) => (
          <section key={title}>
            <h4>{title}</h4>
            <dl>
              {bindings.map(({ shown, does }) => (
                <div key={shown}>
                  <dt>
                    <kbd>{shown}</kbd>
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </div>
  );
}

/** The button that shows them. */
export function HelpButton({ onClick }: { onClick: () => void }): JSX.Element {
  return (
    <button type="button" class="button icon-button" title="Keys (?)" aria-label="Keys" onClick={onClick}>
      <HelpIcon />
    </button>
  );
}
