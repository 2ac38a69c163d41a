/** The selected span: what it is about, facts by theme, what happened in it, and all of it raw. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { useMemo, useRef } from "preact/hooks";
import type { SpanDetail } from "../../model/columns.ts";
import { blocksOf, documentsOf, eventsOf, linksOf, rawOf, sectionsOf } from "../../model/detail.ts";
import type { Explorer } from "../../model/explorer.ts";
import { conversationOf } from "../../model/messages.ts";
import { isGoing, OVER, STATE_WORDS, stateWords } from "../../model/state.ts";
import * as text from "../../model/text.ts";
import { visibleName } from "../../model/visible.ts";
import { CloseIcon, KindIcon } from "../../ui/icons.tsx";
import { timeWords } from "../tree-row.tsx";
import { CopyMenu } from "./copy-menu.tsx";
import { DocumentView, OccurrenceView, SectionView } from "./facts.tsx";
import { Judging } from "./judging.tsx";
import { MessageView } from "./message.tsx";
import { Paged } from "./paged.tsx";

interface Tab {
  readonly key: string;
  readonly name: string;
  readonly draw: () => JSX.Element;
}

export function DetailPanel({ explorer }: { explorer: Explorer }): JSX.Element {
  const detail = explorer.detail.value;
  const span = detail.state === "ready" ? detail.span : null;
  return (
    <section class="detail" aria-label="Selected span">
      <Head explorer={explorer} span={span} />
      {detail.state === "ready" && <Body explorer={explorer} span={detail.span} />}
      {detail.state === "failed" && (
        <p class="plain" role="alert">
          {detail.message}
        </p>
      )}
      {detail.state === "loading" && <p class="plain faint">Loading…</p>}
      <Judging explorer={explorer} />
    </section>
  );
}

function Head({ explorer, span }: { explorer: Explorer; span: SpanDetail | null }): JSX.Element {
  const [tree, row] = [explorer.tree.value, explorer.cursor.value];
  const name = visibleName(tree && row >= 0 ? tree.name.at(row) : (span?.name ?? "")) || "Span";
  return (
    <header class="detail-head">
      <div class="title">
        {tree && row >= 0 && <KindIcon type={tree.type.at(row)} />}
        <bdi class="label" title={name}>
          {name}
        </bdi>
        {span && <CopyMenu span={span} />}
        <button
          type="button"
          class="button icon-button"
          title="Close (Esc)"
          aria-label="Close"
          onClick={() => explorer.close()}
        >
          <CloseIcon />
        </button>
      </div>
      <div class="subtitle">{factsOf(explorer).join(" · ")}</div>
    </header>
  );
}

function factsOf(explorer: Explorer): string[] {
  const [tree, row] = [explorer.tree.value, explorer.cursor.value];
  if (!tree || row < 0) return [];
  const state = explorer.states.value[row] ?? OVER;
  const rate = tree.outputRate[row] ?? Number.NaN;
  const firstChunk = tree.firstChunkMs[row] ?? Number.NaN;
  const facts = [
    visibleName(tree.model.at(row)),
    isGoing(state) ? stateWords(STATE_WORDS[state] ?? "", explorer.isStill) : "",
    timeWords(tree, row, state, explorer.time.nowMs.value),
    Number.isNaN(rate) ? "" : `${text.rate(rate)} so far`,
    Number.isNaN(firstChunk) ? "" : `first chunk ${text.duration(firstChunk * 1e6)}`,
    visibleName(tree.finishReasons.at(row)),
    refusalWords(tree.refusal.at(row)),
  ];
  return facts.filter((fact) => fact !== "");
}

const REFUSED_BY = new Map([
  ["model", "the model"],
  ["content_filter", "a filter"],
  ["prompt", "a filter of the prompt"],
]);

function refusalWords(by: string): string {
  return by && `refused by ${REFUSED_BY.get(by) ?? visibleName(by)}`;
}

function tabsOf(span: SpanDetail, isRendered: boolean): Tab[] {
  const messages = conversationOf(span);
  const [blocks, documents] = [blocksOf(span), documentsOf(span)];
  const [events, links] = [eventsOf(span), linksOf(span)];
  const tabs: (Tab | false)[] = [
    messages.length > 0 && {
      key: "messages",
      name: "Messages",
      draw: () => (
        <div class="conversation">
          <Paged
            of={messages}
            noun="messages"
            draw={(message, index) => <MessageView key={index} message={message} isRendered={isRendered} />}
          />
        </div>
      ),
    },
    blocks.length + documents.length > 0 && {
      key: "content",
      name: blocks[0]?.title === "Source" ? "Source" : "Input and output",
      draw: () => (
        <>
          {blocks.map((section) => (
            <SectionView key={section.title} section={section} />
          ))}
          <Paged
            of={documents}
            noun="documents"
            draw={(document, index) => <DocumentView key={index} document={document} />}
          />
        </>
      ),
    },
    { key: "details", name: "Details", draw: () => <Details span={span} /> },
    events.length + links.length > 0 && {
      key: "events",
      name: links.length > 0 ? `Events ${events.length}, links ${links.length}` : `Events ${events.length}`,
      draw: () => (
        <Paged
          of={[...events, ...links]}
          noun="events and links"
          draw={(occurrence, index) => <OccurrenceView key={index} occurrence={occurrence} />}
        />
      ),
    },
    {
      key: "raw",
      name: "Raw",
      draw: () => (
        <div class="raw">
          {rawOf(span).map((section) => (
            <SectionView key={section.title} section={section} />
          ))}
        </div>
      ),
    },
  ];
  return tabs.filter((tab): tab is Tab => tab !== false);
}

function Details({ span }: { span: SpanDetail }): JSX.Element {
  const sections = sectionsOf(span);
  return (
    <>
      {sections.length === 0 && <p class="faint">Nothing but what is under Raw.</p>}
      {sections.map((section) => (
        <SectionView key={section.title} section={section} />
      ))}
    </>
  );
}

function Body({ explorer, span }: { explorer: Explorer; span: SpanDetail }): JSX.Element {
  const chosen = explorer.tab;
  const isRendered = explorer.isRendered.value;
  const tabs = useMemo(() => tabsOf(span, isRendered), [span, isRendered]);
  const list = useRef<HTMLDivElement>(null);
  const tab = tabs.find(({ key }) => key === chosen.value) ?? tabs[0];
  const move = (event: TargetedKeyboardEvent<HTMLElement>): void => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step || !tab) return;
    const next = tabs[(tabs.indexOf(tab) + step + tabs.length) % tabs.length];
    chosen.value = next?.key ?? "";
    list.current?.querySelector<HTMLElement>(`#tab-${next?.key}`)?.focus();
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <>
      <div class="tabs">
        <div role="tablist" aria-label="Views of the span" ref={list} onKeyDown={move}>
          {tabs.map(({ key, name }) => (
            <button
              key={key}
              id={`tab-${key}`}
              type="button"
              role="tab"
              class="tab"
              aria-selected={key === tab?.key}
              aria-controls="tab-panel"
              tabIndex={key === tab?.key ? 0 : -1}
              onClick={() => {
                chosen.value = key;
              }}
            >
              {name}
            </button>
          ))}
        </div>
        {tab?.key === "messages" && <RenderedToggle explorer={explorer} />}
      </div>
      <div
        class="scroll"
        id="tab-panel"
        role="tabpanel"
        aria-labelledby={`tab-${tab?.key}`}
        tabIndex={0}
        key={`${span.spanId} ${tab?.key}`}
      >
        {span.statusMessage && <StatusWords words={span.statusMessage} isError={span.status === "error"} />}
        {tab?.draw()}
      </div>
    </>
  );
}

function StatusWords({ words, isError }: { words: string; isError: boolean }): JSX.Element {
  return (
    <p class={isError ? "status-message" : "faint"} role={isError ? "alert" : undefined}>
      {words.length > 2000 ? `${visibleName(words.slice(0, 2000))}… (whole under Raw)` : visibleName(words)}
    </p>
  );
}

function RenderedToggle({ explorer }: { explorer: Explorer }): JSX.Element {
  const isRendered = explorer.isRendered.value;
  return (
    <button
      type="button"
      class="button toggle"
      aria-pressed={isRendered}
      title="Show Markdown as it is meant to look (m)"
      onClick={() => {
        explorer.isRendered.value = !isRendered;
      }}
    >
      Rendered
    </button>
  );
}
