/** The place of a view: a shadow root of its own with the style sheet, in the host's theme. */

import { keepPlainKeys } from "./keyboard.ts";
import { followTheme } from "./theme.ts";

/** Makes the frame of a view in an element; both go when the signal aborts, after `leave`. */
export function openFrame(
  element: HTMLElement,
  { css, className, signal }: { css: string; className: string; signal: AbortSignal },
  leave: (frame: HTMLElement) => void,
): HTMLElement {
  const host = document.createElement("div");
  element.append(host);
  keepPlainKeys(host, signal);
  const root = host.attachShadow({ mode: "open" });
  const style = document.createElement("style");
  style.textContent = css;
  const frame = document.createElement("div");
  frame.className = className;
  root.append(style, frame);
  followTheme(frame, signal);
  signal.addEventListener(
    "abort",
    () => {
      leave(frame);
      host.remove();
    },
    { once: true },
  );
  return frame;
}
