/** One span in the tree: what it is, what it took, and when. */

import { Component, type JSX } from "preact";
import {
  CALL,
  ERROR,
  ESTIMATED_COST,
  ESTIMATED_USAGE,
  REPLAYED,
  type TreeColumns,
  UNPRICED,
} from "../model/columns.ts";
import type { Forest } from "../model/forest.ts";
import { isGoing, OVER, STATE_WORDS, STREAMING, stateWords } from "../model/state.ts";
import type { Sums } from "../model/sums.ts";
import * as text from "../model/text.ts";
import { barOf, type Span } from "../model/time.ts";
import { visibleName } from "../model/visible.ts";
import { ROW_HEIGHT } from "../model/window.ts";
import { ChevronIcon, KindIcon } from "../ui/icons.tsx";

/** Deeper rows stay at this indent, and say their depth: the name must have room. */
const DEEPEST_INDENT = 12;

export interface TreeRowProps {
  tree: TreeColumns;
  forest: Forest;
  sums: Sums;
  row: number;
  /** How far the span is, in the words of `state.ts`. */
  state: number;
  /** Place among the shown rows, from 0. */
  index: number;
  setSize: number;
  /** The stretch of time that bars are drawn on. */
  view: Span;
  /** Up to where the bar of a span without an end goes; of one that goes on, now. */
  endMs: number;
  /** Starts and ends of the span's parts of the critical path. */
  stretches: readonly number[] | null;
  /** What is searched for, to be marked in the name. */
  text: string;
  /** The first words of its answer, or of what was asked. */
  preview: string;
  isMatch: boolean;
  isCollapsed: boolean;
  isCursor: boolean;
  isSelected: boolean;
  isStill: boolean;
  onToggle: (row: number) => void;
  onOpen: (row: number) => void;
}

export class TreeRow extends Component<TreeRowProps> {
  override shouldComponentUpdate(next: TreeRowProps): boolean {
    return (Object.keys(next) as (keyof TreeRowProps)[]).some((name) => next[name] !== this.props[name]);
  }

  override render(props: TreeRowProps): JSX.Element {
    const { tree, forest, row, isCollapsed, isCursor, isSelected, isMatch, onToggle, onOpen } = props;
    const depth = forest.depth[row] ?? 0;
    const hasChildren = (forest.childCount[row] ?? 0) > 0;
    const facts = factsOf(props);
    const state = STATE_WORDS[props.state] ?? "";
    const name = visibleName(tree.name.at(row)) || "(no name)";
    const toggle = (event: MouseEvent): void => {
      event.stopPropagation();
      onToggle(row);
    };
    return (
      <div
        role="row"
        id={`row-${row}`}
        class={`row ${isCursor ? "cursor" : ""} ${isSelected ? "selected" : ""} ${isMatch ? "" : "no-match"}`}
        style={{ height: `${ROW_HEIGHT}px` }}
        aria-level={depth + 1}
        aria-posinset={forest.places[row] ?? 1}
        aria-setsize={props.setSize}
        aria-rowindex={props.index + 2}
        aria-selected={isSelected}
        {...(hasChildren ? { "aria-expanded": !isCollapsed } : {})}
        onClick={() => onOpen(row)}
      >
        <span role="gridcell" class="name" style={{ "--depth": Math.min(depth, DEEPEST_INDENT) }}>
          <span class={`caret ${isCollapsed ? "" : "open"}`} onClick={hasChildren ? toggle : undefined}>
            {hasChildren && <ChevronIcon />}
          </span>
          {depth > DEEPEST_INDENT && (
            <span class="depth" title={`Level ${depth + 1}`}>
              {depth + 1}
            </span>
          )}
          <KindIcon type={tree.type.at(row)} />
          <bdi class="label" title={name}>
            <Marked text={name} asked={props.text} />
          </bdi>
          <RowTitle title={visibleName(tree.title.at(row))} asked={props.text} />
          <ErrorMark {...props} />
          <RefusalMark by={tree.refusal.at(row)} />
          {props.state === STREAMING && <RatePill rate={tree.outputRate[row] ?? Number.NaN} />}
          <ModelPill name={name} model={visibleName(tree.model.at(row))} />
          <Preview words={visibleName(props.preview)} asked={props.text} />
          {isCollapsed && <FoldMark count={(forest.ends[row] ?? row) - row - 1} />}
        </span>
        <span role="gridcell" class={`time ${state}`} title={stateWords(state, props.isStill)}>
          {isGoing(props.state) && !props.isStill && <i class="pulse" role="img" aria-label={state} />}
          {facts.time}
        </span>
        <span role="gridcell" class={`tokens ${facts.isSum ? "sum" : ""}`} title={facts.tokensTitle}>
          {facts.tokens}
        </span>
        <span role="gridcell" class={`cost ${facts.isSum || NOT_PAID.includes(facts.cost) ? "sum" : ""}`}>
          {facts.cost}
        </span>
        <Bar {...props} />
      </div>
    );
  }
}

/** Text with what is searched for marked in it. */
export function Marked({ text: shown, asked }: { text: string; asked: string }): JSX.Element {
  const wanted = asked.trim().toLowerCase();
  const at = wanted ? shown.toLowerCase().indexOf(wanted) : -1;
  if (at < 0) return <>{shown}</>;
  return (
    <>
      {shown.slice(0, at)}
      <mark>{shown.slice(at, at + wanted.length)}</mark>
      {shown.slice(at + wanted.length)}
    </>
  );
}

function RowTitle({ title, asked }: { title: string; asked: string }): JSX.Element | null {
  return title ? (
    <bdi class="row-title" title={title}>
      <Marked text={title} asked={asked} />
    </bdi>
  ) : null;
}

/** What tells the rows of a loop apart: the first words of the answer. */
function Preview({ words, asked }: { words: string; asked: string }): JSX.Element | null {
  return words ? (
    <span class="preview" title={words}>
      <bdi>
        <Marked text={words} asked={asked} />
      </bdi>
    </span>
  ) : null;
}

function ErrorMark({ tree, forest, sums, row }: TreeRowProps): JSX.Element | null {
  if ((tree.flags[row] ?? 0) & ERROR) {
    const words = visibleName(tree.errorType.at(row)) || "error";
    return (
      <span class="mark own" title={words}>
        <i aria-hidden="true" />
        <bdi>{words}</bdi>
      </span>
    );
  }
  const below = sums.of(row, forest.ends[row] ?? row + 1).errors;
  if (!below) return null;
  const words = `${text.counted(below, "error")} below`;
  return (
    <span class="mark below" title={words}>
      <i role="img" aria-label={words} />
    </span>
  );
}

/** A call that was refused: an answer, and no error. */
function RefusalMark({ by }: { by: string }): JSX.Element | null {
  return by ? <span class="pill refused">refused</span> : null;
}

/** How fast a stream comes. */
function RatePill({ rate }: { rate: number }): JSX.Element | null {
  return Number.isNaN(rate) ? null : <span class="pill rate">{text.rate(rate)}</span>;
}

/** The model, unless the span's name says it already. */
function ModelPill({ name, model }: { name: string; model: string }): JSX.Element | null {
  return !model || name.includes(model) ? null : (
    <bdi class="pill" title={model}>
      {model}
    </bdi>
  );
}

function FoldMark({ count }: { count: number }): JSX.Element {
  return (
    <span class="fold" title={`${text.counted(count, "span")} folded`}>
      +{text.tokens(count)}
    </span>
  );
}

function Bar({ tree, row, state, view, endMs, stretches }: TreeRowProps): JSX.Element {
  const start = tree.startMs[row] ?? 0;
  const end = state === OVER ? start + (tree.durationMs[row] ?? 0) : Math.max(start, endMs);
  const bar = barOf(start, end, view);
  if (!bar) return <span role="gridcell" class="bar" aria-hidden="true" />;
  const firstChunk = tree.firstChunkMs[row] ?? Number.NaN;
  const isFailed = ((tree.flags[row] ?? 0) & ERROR) !== 0;
  const tick = Number.isNaN(firstChunk) ? null : barOf(start, Math.min(start + firstChunk, end), view);
  return (
    <span role="gridcell" class="bar" aria-hidden="true">
      <i
        class={`span-bar kind-${tree.type.at(row)} ${STATE_WORDS[state]} ${isFailed ? "failed" : ""}`}
        style={{ left: `${bar.left}%`, width: `${bar.width}%` }}
        title={tick ? `first chunk after ${text.duration(firstChunk * 1e6)}` : ""}
      >
        {tick && <i class="waited" style={{ width: `${Math.min(100, (tick.width / bar.width) * 100)}%` }} />}
      </i>
      {stretches && <PathLine stretches={stretches} view={view} />}
    </span>
  );
}

function PathLine({ stretches, view }: { stretches: readonly number[]; view: Span }): JSX.Element {
  const bars: JSX.Element[] = [];
  for (let at = 0; at < stretches.length; at += 2) {
    const bar = barOf(stretches[at] ?? 0, stretches[at + 1] ?? 0, view);
    if (bar) bars.push(<i key={at} class="path" style={{ left: `${bar.left}%`, width: `${bar.width}%` }} />);
  }
  return <>{bars}</>;
}

const known = (value: number | undefined): number | null => (value === undefined || Number.isNaN(value) ? null : value);

/** How long a span took, or has taken so far, or why there is no saying. */
export function timeWords(tree: TreeColumns, row: number, state: number, nowMs: number): string {
  if (isGoing(state)) return `${text.duration(Math.max(0, nowMs - (tree.startMs[row] ?? 0)) * 1e6)}…`;
  return state === OVER ? text.duration((tree.durationMs[row] ?? 0) * 1e6) : (STATE_WORDS[state] ?? "");
}

/** What stands where a cost would. */
const NOT_PAID = [text.UNPRICED, text.REPLAYED];

/** Words a row's time, tokens and cost; what is added up from below is marked as a sum. */
function factsOf({ tree, forest, sums, row, state, endMs }: TreeRowProps) {
  const flags = tree.flags[row] ?? 0;
  const isSum = (flags & CALL) === 0;
  const time = timeWords(tree, row, state, endMs);
  if (isSum) {
    const sum = sums.of(row, forest.ends[row] ?? row + 1);
    const tokens = text.flow(sum.inputTokens, sum.outputTokens);
    const cost = sum.costUsd === null ? "" : `∑ ${text.cost(sum.costUsd, sum.estimated ? "estimated" : "priced")}`;
    const tokensTitle = tokens && `sum of ${text.counted(sum.calls, "LLM call")}`;
    return { time, isSum, tokens: tokens && `∑ ${tokens}`, tokensTitle, cost };
  }
  const tokens = text.flow(known(tree.inputTokens[row]), known(tree.outputTokens[row]));
  const about = tokens && flags & ESTIMATED_USAGE ? "~" : "";
  const usd = known(tree.costUsd[row]);
  const isKnown = usd !== null || (flags & (UNPRICED | REPLAYED)) !== 0;
  const how = flags & REPLAYED ? text.REPLAYED : flags & ESTIMATED_COST ? "estimated" : "priced";
  const cost = isKnown ? text.cost(usd, how) : "";
  return { time, isSum, tokens: about + tokens, tokensTitle: about && "estimated", cost };
}
