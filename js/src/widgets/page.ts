/** The exported page's entry: the trace widget over what is in the page. */

import { FileModel } from "../wire/file.ts";
import widget, { type TraceModel } from "./trace.ts";

const host = document.getElementById("view");
const data = document.getElementById("data");
if (host && data) {
  const height = (): number => Math.max(320, window.innerHeight - 150);
  const traits = { height: height(), selected_span: null, selected_trace: null, _slot: "nbtrace-none", _view: "list" };
  const model = new FileModel(data, traits);
  widget.render({ model: model as unknown as TraceModel, el: host, signal: new AbortController().signal });
  window.addEventListener("resize", () => model.set("height", height()));
}
