import { afterEach, expect, test, vi } from "vitest";
import { followTheme, hostTheme } from "../../src/ui/theme.ts";

const { body, documentElement: html } = document;
const ATTRIBUTES = ["data-jp-theme-light", "data-vscode-theme-kind", "data-theme", "theme", "class"];

afterEach(() => {
  for (const name of ATTRIBUTES) {
    body.removeAttribute(name);
    html.removeAttribute(name);
  }
});

test.each([
  [body, "data-jp-theme-light", "false", "dark"],
  [body, "data-jp-theme-light", "true", "light"],
  [body, "data-vscode-theme-kind", "vscode-dark", "dark"],
  [body, "data-vscode-theme-kind", "vscode-high-contrast", "dark"],
  [body, "data-vscode-theme-kind", "vscode-high-contrast-light", "light"],
  [html, "theme", "dark", "dark"],
  [body, "data-theme", "light", "light"],
  [body, "class", "app dark", "dark"],
  [body, "class", "app", null],
])("%s with %s=%s is %s", (element, name, value, theme) => {
  element.setAttribute(name, value);
  expect(hostTheme(document)).toBe(theme);
});

test("an element follows the host until its signal aborts", async () => {
  const controller = new AbortController();
  const element = document.createElement("div");
  body.dataset.jpThemeLight = "true";
  followTheme(element, controller.signal);
  expect(element.dataset.theme).toBe("light");
  body.dataset.jpThemeLight = "false";
  await vi.waitFor(() => expect(element.dataset.theme).toBe("dark"));
  controller.abort();
  body.dataset.jpThemeLight = "true";
  await new Promise(requestAnimationFrame);
  expect(element.dataset.theme).toBe("dark");
});
