/** The traces of a session: the latest run of each cell, its earlier runs folded below it. Opening one shows its tree. */

import { type ReadonlySignal, useComputed, useSignal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import type { TreeColumns } from "../model/columns.ts";
import type { Explorer } from "../model/explorer.ts";
import { traceOf } from "../model/forest.ts";
import { type Entry, entriesOf, type Run, runOf, type Sort, type SortKey, sorted } from "../model/runs.ts";
import { stateWords } from "../model/state.ts";
import * as text from "../model/text.ts";
import { visibleName } from "../model/visible.ts";
import { ROW_HEIGHT, scrollTo } from "../model/window.ts";
import { ChevronIcon, KindIcon, SortIcon } from "../ui/icons.tsx";
import { isCombination } from "../ui/keyboard.ts";
import { rowsHeight, useScrollAnchor, useScroller } from "./scroller.ts";
import { Marked } from "./tree-row.tsx";

/** A line of the list: a trace, on the first level or below the latest run of its cell. */
interface Line {
  readonly trace: number;
  readonly entry: Entry;
  readonly isEarlier: boolean;
  readonly place: number;
  readonly setSize: number;
}

const COLUMNS: readonly (readonly [SortKey, string, string])[] = [
  ["name", "name", "Trace"],
  ["started", "started", "Started"],
  ["time", "time", "Time"],
  ["calls", "calls", "Calls"],
  ["tokens", "tokens", "Tokens"],
  ["cost", "cost", "Cost"],
  ["errors", "errors", "Errors"],
];

export function TreeList({ explorer }: { explorer: Explorer }): JSX.Element {
  const sort = useSignal<Sort>({ key: "started", isDescending: true });
  const unfolded = useSignal<ReadonlySet<string>>(new Set());
  const cursor = useSignal<{ tree: TreeColumns; row: number } | null>(null);
  const runs = useRuns(explorer);
  const entries = useComputed(() => shownEntries(explorer, runs.value, sort.value));
  const cellOf = ({ trace }: Entry): string => explorer.tree.value?.cellId.at(runs.value(trace).row) ?? "";
  const lines = useComputed(() => linesOf(entries.value, (entry) => unfolded.value.has(cellOf(entry))));
  const places = useComputed(() => new Map(lines.value.map(({ trace }, place) => [trace, place])));
  /** Finds the line of a row of the tree. */
  const placeOf = (row: number): number => {
    const forest = explorer.forest.value;
    return row < 0 || !forest ? -1 : (places.value.get(traceOf(forest, row)) ?? -1);
  };
  /** The cursor's line: the same trace's wherever a newer tree puts it. */
  const place = (): number => {
    const held = cursor.value;
    return Math.min(Math.max(0, held ? placeOf(explorer.rowOf(held.tree, held.row)) : 0), lines.value.length - 1);
  };
  const longest = useComputed(() =>
    entries.value.reduce((most, { trace }) => Math.max(most, runs.value(trace).durationMs), 0),
  );
  const scroller = useScroller(
    useComputed(() => lines.value.length),
    () => explorer.takeFocus(),
  );
  const index = place();
  useEffect(() => {
    const element = scroller.element.current;
    if (element && cursor.value)
      element.scrollTop = scrollTo(index, lines.value.length, element.scrollTop, rowsHeight(element));
  }, [cursor.value]);
  useScrollAnchor(explorer, scroller.element, lines.value, {
    rowAt: (at) => {
      const line = lines.value[at];
      return line && runs.value(line.trace).row;
    },
    placeOf,
  });

  const toggle = ({ entry }: Line): void => {
    const next = new Set(unfolded.value);
    if (!next.delete(cellOf(entry))) next.add(cellOf(entry));
    unfolded.value = next;
  };
  const open = ({ trace }: Line): void => explorer.enterTrace(runs.value(trace).row);
  const shown = scroller.shown.value;
  return (
    <div
      class="tree list"
      role="treegrid"
      aria-label="Traces"
      aria-rowcount={lines.value.length + 1}
      aria-colcount={COLUMNS.length}
      {...(index >= 0 ? { "aria-activedescendant": `trace-${lines.value[index]?.trace}` } : {})}
      tabIndex={0}
      ref={scroller.element}
      onScroll={scroller.onScroll}
      onKeyDown={(event) => {
        // Keys may come faster than draws.
        const at = place();
        const line = lines.value[at];
        const move = (to: number): void => {
          const next = lines.value[Math.max(0, Math.min(to, lines.value.length - 1))];
          const tree = explorer.tree.value;
          if (next && tree) cursor.value = { tree, row: runs.value(next.trace).row };
        };
        const isUnfolded = line !== undefined && unfolded.value.has(cellOf(line.entry));
        const hasEarlier = line !== undefined && !line.isEarlier && line.entry.earlier.length > 0;
        const page = scroller.rowsInPage();
        const actions = new Map<string, () => void>([
          ["ArrowUp", () => move(at - 1)],
          ["k", () => move(at - 1)],
          ["ArrowDown", () => move(at + 1)],
          ["j", () => move(at + 1)],
          ["PageUp", () => move(at - page)],
          ["PageDown", () => move(at + page)],
          ["Home", () => move(0)],
          ["End", () => move(lines.value.length - 1)],
          ["ArrowRight", () => line && (hasEarlier && !isUnfolded ? toggle(line) : open(line))],
          ["ArrowLeft", () => line && hasEarlier && isUnfolded && toggle(line)],
          [" ", () => line && hasEarlier && toggle(line)],
          ["Enter", () => line && open(line)],
        ]);
        const action = isCombination(event) || event.shiftKey ? undefined : actions.get(event.key);
        if (!action) return;
        action();
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <Heading
        sort={sort.value}
        onSort={(next) => {
          sort.value = next;
        }}
      />
      <div class="track" role="presentation" style={{ height: `${shown.height}px` }}>
        <div class="rows" role="presentation" style={{ transform: `translateY(${shown.top}px)` }}>
          {lines.value.slice(shown.first, shown.last).map((line, offset) => (
            <ListRow
              key={line.trace}
              explorer={explorer}
              line={line}
              run={runs.value(line.trace)}
              index={shown.first + offset}
              longestMs={longest.value}
              isUnfolded={unfolded.value.has(cellOf(line.entry))}
              isCursor={shown.first + offset === index}
              onToggle={() => toggle(line)}
              onOpen={() => open(line)}
            />
          ))}
        </div>
      </div>
    </div>
  );
}

/** Returns what the list says of each trace, worked out once. */
function useRuns(explorer: Explorer): ReadonlySignal<(trace: number) => Run> {
  return useComputed(() => {
    const [tree, forest, sums] = [explorer.tree.value, explorer.forest.value, explorer.sums.value];
    const known = new Map<number, Run>();
    return (trace: number): Run => {
      const found = known.get(trace);
      if (found) return found;
      if (!tree || !forest || !sums) throw new Error("there is no tree to list");
      const made = runOf(tree, forest, sums, trace);
      known.set(trace, made);
      return made;
    };
  });
}

function shownEntries(explorer: Explorer, run: (trace: number) => Run, sort: Sort): Entry[] {
  const [tree, forest, places] = [explorer.tree.value, explorer.forest.value, explorer.finding.places.value];
  if (!tree || !forest) return [];
  const { traces } = forest;
  const isOnlyWithCalls = explorer.finding.isOnlyWithCalls.value;
  const has = (trace: number): boolean =>
    (!isOnlyWithCalls || run(trace).sum.calls > 0) &&
    (places === null || places.subarray(traces[trace], traces[trace + 1]).some((place) => place !== 0));
  const entries = entriesOf(tree, forest).filter(({ trace, earlier }) => has(trace) || earlier.some(has));
  return sorted(entries, run, sort);
}

function linesOf(entries: readonly Entry[], isUnfolded: (entry: Entry) => boolean): Line[] {
  return entries.flatMap((entry, place) => {
    const first: Line = { trace: entry.trace, entry, isEarlier: false, place: place + 1, setSize: entries.length };
    if (entry.earlier.length === 0 || !isUnfolded(entry)) return [first];
    const earlier = entry.earlier.map((trace, index): Line => {
      return { trace, entry, isEarlier: true, place: index + 1, setSize: entry.earlier.length };
    });
    return [first, ...earlier];
  });
}

function Heading({ sort, onSort }: { sort: Sort; onSort: (sort: Sort) => void }): JSX.Element {
  return (
    <div class="row heading" role="row" aria-rowindex={1}>
      {COLUMNS.map(([key, look, name]) => {
        const isSorted = sort.key === key;
        const direction = isSorted ? (sort.isDescending ? "descending" : "ascending") : "none";
        return (
          <span key={key} role="columnheader" class={look} aria-sort={direction}>
            <button
              type="button"
              class="sorter"
              tabIndex={-1}
              onClick={() => onSort({ key, isDescending: isSorted ? !sort.isDescending : key !== "name" })}
            >
              {name}
              {isSorted && <SortIcon isDescending={sort.isDescending} />}
            </button>
          </span>
        );
      })}
    </div>
  );
}

interface ListRowProps {
  explorer: Explorer;
  line: Line;
  run: Run;
  index: number;
  longestMs: number;
  isUnfolded: boolean;
  isCursor: boolean;
  onToggle: () => void;
  onOpen: () => void;
}

function ListRow(props: ListRowProps): JSX.Element {
  const { explorer, line, run, isUnfolded } = props;
  const tree = explorer.tree.value;
  const { sum } = run;
  const earlier = line.isEarlier ? 0 : line.entry.earlier.length;
  const name = visibleName(run.name) || "(no name)";
  const tokens = text.flow(sum.inputTokens, sum.outputTokens);
  const usd =
    sum.costUsd === null
      ? sum.unpriced
        ? text.UNPRICED
        : sum.replayed
          ? text.REPLAYED
          : ""
      : text.cost(sum.costUsd, sum.estimated ? "estimated" : "priced");
  const state = (["streaming", "running", "interrupted", "unfinished"] as const).find((one) => sum[one] > 0);
  const isGoing = sum.streaming + sum.running > 0;
  const cellRun = tree?.cellRun[run.row] ?? -1;
  return (
    <div
      role="row"
      id={`trace-${line.trace}`}
      class={`row ${props.isCursor ? "cursor" : ""} ${line.isEarlier ? "earlier" : ""}`}
      style={{ height: `${ROW_HEIGHT}px` }}
      aria-level={line.isEarlier ? 2 : 1}
      aria-posinset={line.place}
      aria-setsize={line.setSize}
      aria-rowindex={props.index + 2}
      {...(earlier ? { "aria-expanded": isUnfolded } : {})}
      onClick={props.onOpen}
    >
      <span role="gridcell" class="name" style={{ "--depth": line.isEarlier ? 1 : 0 }}>
        <span
          class={`caret ${isUnfolded ? "open" : ""}`}
          onClick={(event) => {
            if (!earlier) return;
            event.stopPropagation();
            props.onToggle();
          }}
        >
          {earlier > 0 && <ChevronIcon />}
        </span>
        <KindIcon type={tree?.type.at(run.row) ?? "span"} />
        <bdi class="label" title={name}>
          <Marked text={line.isEarlier ? `run ${cellRun}` : name} asked={explorer.finding.text.value} />
        </bdi>
        <bdi class="row-title" title={visibleName(run.title)}>
          <Marked text={visibleName(run.title)} asked={explorer.finding.text.value} />
        </bdi>
        {run.roots > 1 && <span class="pill">{text.counted(run.roots, "root")}</span>}
        {earlier > 0 && <span class="pill">{text.counted(earlier, "earlier run")}</span>}
      </span>
      <span role="gridcell" class="started">
        {tree && text.clock(tree.startUnixMs + run.startMs)}
      </span>
      <span role="gridcell" class={`time ${state ?? ""}`} title={stateWords(state ?? "", explorer.isStill)}>
        <i class="share" style={{ width: `${props.longestMs ? (run.durationMs / props.longestMs) * 100 : 0}%` }} />
        {isGoing && !explorer.isStill && <i class="pulse" role="img" aria-label={state} />}
        {isGoing
          ? `${text.duration(Math.max(0, explorer.time.nowMs.value - run.startMs) * 1e6)}…`
          : (state ?? text.duration(run.durationMs * 1e6))}
      </span>
      <span role="gridcell" class="calls">
        {sum.calls ? text.tokens(sum.calls) : ""}
      </span>
      <span role="gridcell" class="tokens">
        {tokens}
      </span>
      <span role="gridcell" class="cost">
        {usd}
      </span>
      <span role="gridcell" class="errors">
        {sum.errors > 0 && (
          <span class="mark own">
            <i aria-hidden="true" />
            {text.tokens(sum.errors)}
          </span>
        )}
      </span>
    </div>
  );
}
