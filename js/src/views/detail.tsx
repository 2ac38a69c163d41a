/** The selected span: its conversation, or everything that is known of it. */

import type { JSX, TargetedKeyboardEvent } from "preact";
import { type Section, sectionsOf } from "../model/attributes.ts";
import type { SpanDetail } from "../model/columns.ts";
import type { Explorer, Tab } from "../model/explorer.ts";
import { conversationOf, type Message } from "../model/messages.ts";
import * as text from "../model/text.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { CloseIcon, KindIcon } from "../ui/icons.tsx";
import { MessageView, Text } from "./message.tsx";

export function DetailPanel({ explorer }: { explorer: Explorer }): JSX.Element {
  const detail = explorer.detail.value;
  const title = titleOf(explorer, detail.state === "ready" ? detail.span : null);
  return (
    <section class="detail" aria-label="Selected span" onKeyDown={(event) => onKey(event, explorer)}>
      <header class="detail-head">
        <div class="title">
          {title.type && <KindIcon type={title.type} />}
          <bdi class="label" title={title.name}>
            {title.name}
          </bdi>
          <button
            type="button"
            class="button icon-button"
            title="Close"
            aria-label="Close"
            onClick={() => explorer.select(null)}
          >
            <CloseIcon />
          </button>
        </div>
        {title.facts.length > 0 && <div class="subtitle">{title.facts.join(" · ")}</div>}
      </header>
      {detail.state === "ready" && <Body explorer={explorer} span={detail.span} />}
      {detail.state === "failed" && (
        <p class="plain" role="alert">
          {detail.message}
        </p>
      )}
      {detail.state === "loading" && <p class="plain faint">Loading…</p>}
    </section>
  );
}

function onKey(event: TargetedKeyboardEvent<HTMLElement>, explorer: Explorer): void {
  if (event.key !== "Escape") return;
  const tree = event.currentTarget.previousElementSibling;
  explorer.select(null);
  if (tree instanceof HTMLElement) tree.focus();
  event.stopPropagation();
}

const REFUSED_BY: Readonly<Record<string, string>> = {
  model: "the model",
  content_filter: "a filter",
  prompt: "a filter of the prompt",
};

function titleOf(explorer: Explorer, span: SpanDetail | null) {
  const tree = explorer.tree.value;
  const row = explorer.rowOf(explorer.selected.value);
  if (!tree || row === undefined) return { name: span?.name ?? "Span", type: null, facts: [] };
  const ms = tree.durationMs.at(row);
  const firstChunk = tree.firstChunkMs.at(row);
  const refusal = tree.refusal.at(row);
  const facts = [
    text.duration(ms === null ? null : ms * 1e6),
    firstChunk === null ? "" : `first chunk ${text.duration(firstChunk * 1e6)}`,
    tree.finishReasons.at(row) ?? "",
    refusal === null ? "" : `refused by ${REFUSED_BY[refusal] ?? refusal}`,
  ];
  return { name: tree.name.at(row), type: tree.type.at(row), facts: facts.filter(Boolean) };
}

function Body({ explorer, span }: { explorer: Explorer; span: SpanDetail }): JSX.Element {
  const messages = conversationOf(span);
  const hasMessages = messages.length > 0;
  const tab: Tab = hasMessages ? explorer.tab.value : "attributes";
  const sections = sectionsOf(span);
  const open = (chosen: Tab) => () => {
    explorer.tab.value = chosen;
  };
  const copied = (): string => (tab === "messages" ? JSON.stringify(rawMessages(span), null, 2) : plain(sections));
  return (
    <>
      <div class="tabs" role="tablist">
        {hasMessages && <TabButton name="Messages" isChosen={tab === "messages"} onChoose={open("messages")} />}
        <TabButton name="Attributes" isChosen={tab === "attributes"} onChoose={open("attributes")} />
        <div class="tools">
          {tab === "messages" && <RenderedToggle explorer={explorer} />}
          <CopyButton text={copied} label={tab === "messages" ? "Copy messages as JSON" : "Copy attributes"} />
        </div>
      </div>
      <div class="scroll" role="tabpanel" key={`${span.spanId} ${tab}`}>
        {span.statusMessage && (
          <p class="status-message" role="alert">
            {span.statusMessage}
          </p>
        )}
        {tab === "messages" ? (
          <Conversation messages={messages} isRendered={explorer.isRendered.value} />
        ) : (
          sections.map((section) => <SectionView key={section.title} section={section} />)
        )}
      </div>
    </>
  );
}

function TabButton(props: { name: string; isChosen: boolean; onChoose: () => void }): JSX.Element {
  return (
    <button type="button" role="tab" class="tab" aria-selected={props.isChosen} onClick={props.onChoose}>
      {props.name}
    </button>
  );
}

function RenderedToggle({ explorer }: { explorer: Explorer }): JSX.Element {
  const isRendered = explorer.isRendered.value;
  return (
    <button
      type="button"
      class="button toggle"
      aria-pressed={isRendered}
      title="Show Markdown as it is meant to look"
      onClick={() => {
        explorer.isRendered.value = !isRendered;
      }}
    >
      Rendered
    </button>
  );
}

function Conversation({ messages, isRendered }: { messages: Message[]; isRendered: boolean }): JSX.Element {
  return (
    <div class="conversation">
      {messages.map((message, index) => (
        <MessageView key={index} message={message} isRendered={isRendered} />
      ))}
    </div>
  );
}

function SectionView({ section }: { section: Section }): JSX.Element {
  return (
    <section class="section">
      <h4>{section.title}</h4>
      {section.code && <Text text={section.code} isCode />}
      {section.entries.length > 0 && (
        <dl>
          {section.entries.map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
        </dl>
      )}
    </section>
  );
}

function rawMessages(span: SpanDetail): Record<string, unknown> {
  const raw = {
    system_instructions: span.systemInstructions,
    input_messages: span.inputMessages,
    output_messages: span.outputMessages,
  };
  return Object.fromEntries(
    Object.entries(raw).flatMap(([name, json]) => (json === null ? [] : [[name, parsed(json)]])),
  );
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return json;
  }
}

function plain(sections: Section[]): string {
  const lines = (section: Section): string[] => [
    section.title,
    ...(section.code ? [section.code] : []),
    ...section.entries.map(([name, value]) => `${name}\t${value}`),
  ];
  return sections.map((section) => lines(section).join("\n")).join("\n\n");
}
