/** The keys, over the view, until one has seen them. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import type { Explorer } from "../model/explorer.ts";
import { CloseIcon } from "../ui/icons.tsx";
import { KEYS } from "./keys.ts";

export function Help({ explorer }: { explorer: Explorer }): JSX.Element {
  const panel = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => {
    const root = panel.current?.getRootNode() as ShadowRoot | undefined;
    const before = root?.activeElement;
    panel.current?.focus();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const close = (): void => {
    explorer.isHelpOpen.value = false;
  };
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
        else if (event.key === "Escape" || event.key === "?") close();
        else return;
        event.stopPropagation();
      }}
    >
      <header>
        <h3>Keys</h3>
        <button type="button" class="button icon-button" title="Close" aria-label="Close" onClick={close}>
          <CloseIcon />
        </button>
      </header>
      <div class="key-groups">
        {KEYS.map(({ title, bindings }) => (
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
