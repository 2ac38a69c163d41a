import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { fillSlots } from "../../src/ui/slot.ts";

let controller: AbortController;

beforeEach(() => {
  controller = new AbortController();
  document.body.replaceChildren();
  const mount = (element: HTMLElement, signal: AbortSignal): void => {
    element.textContent = "live";
    signal.addEventListener("abort", () => ended.push("ended"));
  };
  ended = [];
  fillSlots(document, "slot-1", mount, controller.signal);
});

afterEach(() => controller.abort());

let ended: string[];

/** What one reads on the page. */
const page = (): string => document.body.innerText;

function output(): HTMLElement {
  const cell = document.createElement("div");
  cell.innerHTML = '<div class="slot-1"><p>static</p></div>';
  document.body.append(cell);
  return cell;
}

test("the live view stands in for the picture, wherever and whenever it is drawn", async () => {
  output();
  await vi.waitFor(() => expect(page()).toBe("live"));
  output();
  await vi.waitFor(() => expect(page()).toBe("live\nlive"));
});

test("the picture is back when the model goes", async () => {
  output();
  await vi.waitFor(() => expect(page()).toBe("live"));
  controller.abort();
  expect([page(), ended]).toEqual(["static", ["ended"]]);
});

test("a view ends with its output, and an output drawn anew has a new one", async () => {
  const cell = output();
  await vi.waitFor(() => expect(page()).toBe("live"));
  cell.remove();
  await vi.waitFor(() => expect(ended).toEqual(["ended"]));
  document.body.append(cell);
  await vi.waitFor(() => expect(page()).toBe("live"));
});

test("slots of others are left alone, and of a closed one none is filled", async () => {
  const other = output();
  controller.abort();
  (other.firstElementChild as HTMLElement).className = "slot-2";
  output();
  await new Promise(requestAnimationFrame);
  await new Promise((resolve) => setTimeout(resolve));
  expect(page()).toBe("static\n\nstatic");
});
