/** Search and filters, and in words what they leave. */

import type { JSX } from "preact";
import type { Explorer } from "../model/explorer.ts";
import { type Filter, IN_ATTRIBUTES, IN_EVENTS, IN_MESSAGES, IN_NAMES } from "../model/filter.ts";
import { withCalls } from "../model/runs.ts";
import * as text from "../model/text.ts";
import { CloseIcon, SearchIcon } from "../ui/icons.tsx";
import { HelpButton } from "./help.tsx";

const FILTERS: readonly (readonly [Filter, string, string])[] = [
  ["errors", "Errors", "Spans that failed"],
  ["llm", "LLM calls", "Calls of models only"],
  ["slow", "Slow", "The longest tenth of the spans of each type, if they took twice as long as usual for it"],
  ["path", "Critical path", "What would have had to be faster for the trace to end sooner"],
];

/** Buttons at the end of the first line, which is all that a small trace needs. */
export function Tools({ explorer }: { explorer: Explorer }): JSX.Element {
  const isOpen = explorer.finding.isToolbarOpen.value;
  return (
    <div class="tools">
      <button
        type="button"
        class="button icon-button toggle"
        aria-pressed={isOpen}
        title="Search and filter (/)"
        aria-label="Search and filter"
        onClick={() => explorer.finding.openToolbar(!isOpen)}
      >
        <SearchIcon />
      </button>
      <HelpButton
        onClick={() => {
          explorer.isHelpOpen.value = true;
        }}
      />
    </div>
  );
}

export function Toolbar({ explorer }: { explorer: Explorer }): JSX.Element {
  return (
    <search class="toolbar">
      <div class="search">
        <SearchIcon />
        <input
          type="search"
          placeholder="Search names, messages, attributes"
          aria-label="Search spans"
          spellcheck={false}
          autocomplete="off"
          value={explorer.finding.text.value}
          onInput={(event) => explorer.finding.lookFor(event.currentTarget.value)}
          onKeyDown={(event) => onKey(event, explorer)}
        />
        {explorer.finding.text.value && (
          <button
            type="button"
            class="button icon-button"
            title="Clear the search"
            aria-label="Clear the search"
            onClick={() => explorer.finding.lookFor("")}
          >
            <CloseIcon />
          </button>
        )}
      </div>
      <div class="filters" role="group" aria-label="Show only">
        {explorer.isListing.value ? (
          <FilterButton
            isOn={explorer.finding.isOnlyWithCalls.value}
            name="With LLM calls"
            title="Traces in which a model was called"
            onToggle={() => {
              explorer.finding.isOnlyWithCalls.value = !explorer.finding.isOnlyWithCalls.value;
            }}
          />
        ) : (
          FILTERS.map(([filter, name, title]) => (
            <FilterButton
              key={filter}
              isOn={explorer.finding.filters.value.has(filter)}
              name={name}
              title={title}
              onToggle={() => explorer.finding.toggleFilter(filter)}
            />
          ))
        )}
      </div>
    </search>
  );
}

function FilterButton(props: { isOn: boolean; name: string; title: string; onToggle: () => void }): JSX.Element {
  return (
    <button type="button" class="button toggle" aria-pressed={props.isOn} title={props.title} onClick={props.onToggle}>
      {props.name}
    </button>
  );
}

function onKey(event: KeyboardEvent, explorer: Explorer): void {
  if (event.key === "Enter") {
    const step = event.shiftKey ? -1 : 1;
    explorer.walk.seek((row) => explorer.finding.matches.value !== null && explorer.finding.isMatch(row), step);
    event.preventDefault();
  }
}

/** How many spans match, or traces of the list, and how to see the others. */
export function MatchLine({ explorer }: { explorer: Explorer }): JSX.Element | null {
  const matches = explorer.finding.matches.value;
  if (explorer.isListing.value) return <CallsLine explorer={explorer} />;
  if (!matches) return null;
  const { first, end } = explorer.range.value;
  const isOnly = explorer.finding.isOnlyMatches.value;
  return (
    <div class="match-line">
      <span role="status">{[countWords(matches.count, end - first), ...placeWords(explorer)].join(" · ")}</span>
      <span class="match-tools">
        <button
          type="button"
          class="button"
          onClick={() => {
            explorer.finding.isOnlyMatches.value = !isOnly;
          }}
        >
          {isOnly ? "Show the others too" : "Hide the others"}
        </button>
        <button type="button" class="button" onClick={() => explorer.finding.showAll()}>
          Clear
        </button>
      </span>
    </div>
  );
}

function CallsLine({ explorer }: { explorer: Explorer }): JSX.Element | null {
  const [forest, sums] = [explorer.forest.value, explorer.sums.value];
  if (!explorer.finding.isOnlyWithCalls.value || !forest || !sums) return null;
  const count = withCalls(forest, sums);
  const words = `${text.tokens(count)} of ${text.counted(forest.traces.length - 1, "trace")}`;
  return (
    <div class="match-line">
      <span role="status">{`${words} ${count === 1 ? "has" : "have"} LLM calls`}</span>
      <span class="match-tools">
        <button
          type="button"
          class="button"
          onClick={() => {
            explorer.finding.isOnlyWithCalls.value = false;
          }}
        >
          Show the others too
        </button>
      </span>
    </div>
  );
}

function countWords(count: number, of: number): string {
  return `${text.tokens(count)} of ${text.counted(of, "span")} match${count === 1 ? "es" : ""}`;
}

const PLACES: readonly (readonly [number, string])[] = [
  [IN_NAMES, "in names"],
  [IN_MESSAGES, "in messages"],
  [IN_ATTRIBUTES, "in attributes"],
  [IN_EVENTS, "in events"],
];

/** Where the text is, and whether the kernel has had its say. */
function placeWords(explorer: Explorer): string[] {
  const places = explorer.finding.places.value;
  if (!places) return [];
  const { first, end } = explorer.range.value;
  const found = PLACES.flatMap(([bit, name]) => {
    let count = 0;
    for (let row = first; row < end; row++) if ((places[row] ?? 0) & bit) count += 1;
    return count ? [`${text.tokens(count)} ${name}`] : [];
  });
  const search = explorer.finding.search.value;
  if (explorer.kernel.value === "gone") return [...found, "messages not searched: no kernel"];
  if (search.state === "failed") return [...found, `messages not searched: ${search.message}`];
  if (!explorer.finding.found.value) return [...found, "searching messages…"];
  return found;
}
