/**
 * Places in the page that belong to a widget without naming it.
 *
 * The kernel puts a widget's static picture into an element of a class of its own. As long as the widget's model lives
 * the live view stands in for that picture; when the model goes, with the kernel, the picture is back. The host may
 * draw an output late, twice, or anew, so the page is watched.
 */

import { watchPage } from "./page.ts";

export function fillSlots(
  page: Document,
  className: string,
  mount: (element: HTMLElement, signal: AbortSignal) => void,
  signal: AbortSignal,
): void {
  const filled = new Map<Element, AbortController>();

  const look = (): void => {
    for (const [slot, controller] of filled) {
      if (!slot.isConnected) {
        controller.abort();
        filled.delete(slot);
      }
    }
    for (const slot of page.getElementsByClassName(className)) {
      if (!filled.has(slot)) filled.set(slot, fill(slot, mount));
    }
  };

  watchPage(page, look, signal);
  signal.addEventListener(
    "abort",
    () => {
      for (const controller of filled.values()) controller.abort();
      filled.clear();
    },
    { once: true },
  );
}

function fill(slot: Element, mount: (element: HTMLElement, signal: AbortSignal) => void): AbortController {
  const controller = new AbortController();
  const picture = Array.from(slot.children).filter((child) => child instanceof HTMLElement);
  const element = document.createElement("div");
  for (const child of picture) child.style.display = "none";
  slot.append(element);
  controller.signal.addEventListener("abort", () => {
    element.remove();
    for (const child of picture) child.style.display = "";
  });
  mount(element, controller.signal);
  return controller;
}
