/** One span in the tree: what it is, what it took, and when. */

import type { JSX } from "preact";
import type { TreeColumns } from "../model/columns.ts";
import * as text from "../model/text.ts";
import { barOf } from "../model/time.ts";
import { ROW_HEIGHT } from "../model/window.ts";
import { ChevronIcon, KindIcon } from "../ui/icons.tsx";

/** Deeper rows stay at this indent: the name must have room. */
const DEEPEST_INDENT = 12;

export interface TreeRowProps {
  tree: TreeColumns;
  row: number;
  /** Place among the shown rows, from 0. */
  index: number;
  place: number;
  setSize: number;
  axisEndMs: number;
  isCollapsed: boolean;
  isCursor: boolean;
  isSelected: boolean;
  onToggle: (row: number) => void;
  onOpen: (row: number) => void;
}

export function TreeRow(props: TreeRowProps): JSX.Element {
  const { tree, row, index, isCollapsed, isCursor, isSelected, onToggle, onOpen } = props;
  const depth = tree.depth[row] ?? 0;
  const hasChildren = (tree.childCount[row] ?? 0) > 0;
  const facts = factsOf(tree, row);
  const toggle = (event: MouseEvent): void => {
    event.stopPropagation();
    onToggle(row);
  };
  return (
    <div
      role="row"
      id={`row-${tree.spanId.at(row)}`}
      class={`row ${isCursor ? "cursor" : ""} ${isSelected ? "selected" : ""}`}
      style={{ height: `${ROW_HEIGHT}px` }}
      aria-level={depth + 1}
      aria-posinset={props.place}
      aria-setsize={props.setSize}
      aria-rowindex={index + 2}
      aria-selected={isSelected}
      {...(hasChildren ? { "aria-expanded": !isCollapsed } : {})}
      onClick={() => onOpen(row)}
    >
      <span role="gridcell" class="name" style={{ "--depth": Math.min(depth, DEEPEST_INDENT) }}>
        <span class={`caret ${isCollapsed ? "" : "open"}`} onClick={hasChildren ? toggle : undefined}>
          {hasChildren && <ChevronIcon />}
        </span>
        <KindIcon type={tree.type.at(row)} />
        <bdi class="label" title={tree.name.at(row)}>
          {tree.name.at(row)}
        </bdi>
        <ErrorMark tree={tree} row={row} />
        <ModelPill name={tree.name.at(row)} model={tree.model.at(row)} />
      </span>
      <span role="gridcell" class={`time ${facts.isRunning ? "running" : ""}`}>
        {facts.time}
      </span>
      <span role="gridcell" class={`tokens ${facts.isSum ? "sum" : ""}`}>
        {facts.tokens}
      </span>
      <span role="gridcell" class={`cost ${facts.isSum || facts.cost === text.UNPRICED ? "sum" : ""}`}>
        {facts.cost}
      </span>
      <Bar tree={tree} row={row} axisEndMs={props.axisEndMs} />
    </div>
  );
}

function ErrorMark({ tree, row }: { tree: TreeColumns; row: number }): JSX.Element | null {
  if (tree.error.at(row)) {
    const words = tree.errorType.at(row) ?? "error";
    return (
      <span class="mark own" title={words}>
        <i aria-hidden="true" />
        <bdi>{words}</bdi>
      </span>
    );
  }
  const below = tree.sumErrors.at(row);
  if (!below) return null;
  const words = `${text.counted(below, "error")} below`;
  return (
    <span class="mark below" title={words}>
      <i role="img" aria-label={words} />
    </span>
  );
}

/** The model, unless the span's name says it already. */
function ModelPill({ name, model }: { name: string; model: string | null }): JSX.Element | null {
  return model === null || name.includes(model) ? null : (
    <bdi class="pill" title={model}>
      {model}
    </bdi>
  );
}

function Bar({ tree, row, axisEndMs }: { tree: TreeColumns; row: number; axisEndMs: number }): JSX.Element {
  const start = tree.startMs[row] ?? 0;
  const duration = tree.durationMs.at(row);
  const isRunning = duration === null;
  const end = isRunning ? axisEndMs : start + duration;
  const bar = barOf(start, end, axisEndMs);
  const firstChunk = tree.firstChunkMs.at(row);
  const waited = firstChunk === null || !(end > start) ? null : Math.min(100, (firstChunk / (end - start)) * 100);
  const look = `${isRunning ? "running" : ""} ${tree.error.at(row) ? "failed" : ""}`;
  return (
    <span role="gridcell" class="bar" aria-hidden="true">
      <i
        class={`span-bar kind-${tree.type.at(row)} ${look}`}
        style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
        title={firstChunk === null ? "" : `first chunk after ${text.duration(firstChunk * 1e6)}`}
      >
        {waited !== null && <i class="waited" style={{ width: `${waited}%` }} />}
      </i>
    </span>
  );
}

/** Words a row's time, tokens and cost; what is added up from below is marked as a sum. */
function factsOf(tree: TreeColumns, row: number) {
  const ms = tree.durationMs.at(row);
  const type = tree.type.at(row);
  const isSum = type !== "llm" && type !== "embedding";
  const time = text.duration(ms === null ? null : ms * 1e6);
  if (isSum) {
    const tokens = text.flow(tree.sumInputTokens.at(row), tree.sumOutputTokens.at(row));
    const usd = tree.sumCostUsd.at(row);
    const cost = usd === null ? "" : `∑ ${text.cost(usd, tree.sumEstimated.at(row) ? "estimated" : "priced")}`;
    return { time, isRunning: ms === null, isSum, tokens: tokens && `∑ ${tokens}`, cost };
  }
  const tokens = text.flow(tree.inputTokens.at(row), tree.outputTokens.at(row));
  const about = tokens && tree.usageState.at(row) === "estimated" ? "~" : "";
  const usd = tree.costUsd.at(row);
  const isKnown = usd !== null || tree.sumUnpriced.at(row) > 0;
  const cost = isKnown ? text.cost(usd, tree.costState.at(row)) : "";
  return { time, isRunning: ms === null, isSum, tokens: about + tokens, cost };
}
