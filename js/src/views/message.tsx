/** One message of a conversation. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import { type Message, type Part, textOf } from "../model/messages.ts";
import { CopyButton } from "../ui/copy-button.tsx";
import { renderMarkdown } from "../ui/markdown.ts";

/** Characters shown at first: a page or two. */
const CLIP = 6000;

export function MessageView({ message, isRendered }: { message: Message; isRendered: boolean }): JSX.Element {
  return (
    <article class={`message role-${message.isAnswer ? "answer" : roleLook(message.role)}`}>
      <header>
        <span class="role">{message.role}</span>
        {message.name && <bdi class="pill">{message.name}</bdi>}
        <CopyButton text={() => textOf(message)} label="Copy message" />
      </header>
      {message.parts.map((part, index) => (
        <PartView key={index} part={part} isRendered={isRendered} />
      ))}
    </article>
  );
}

function roleLook(role: string): string {
  return ["system", "user", "assistant", "tool"].includes(role) ? role : "user";
}

function PartView({ part, isRendered }: { part: Part; isRendered: boolean }): JSX.Element {
  switch (part.kind) {
    case "text":
      return isRendered ? <Rendered text={part.text} /> : <Text text={part.text} />;
    case "reasoning":
      return (
        <details class="reasoning">
          <summary>Reasoning</summary>
          <Text text={part.text} />
        </details>
      );
    case "toolCall":
      return (
        <div class="tool-call">
          <div class="caption">
            calls <b>{part.name}</b> {part.id && <code>{part.id}</code>}
          </div>
          <Text text={part.text} isCode />
        </div>
      );
    case "toolResponse":
      return (
        <div class="tool-call">
          {part.id && (
            <div class="caption">
              answers <code>{part.id}</code>
            </div>
          )}
          <Text text={part.text} isCode />
        </div>
      );
    case "media":
      return <bdi class="media">{part.label}</bdi>;
    case "other":
      return (
        <div class="tool-call">
          <div class="caption">{part.label}</div>
          <Text text={part.text} isCode />
        </div>
      );
  }
}

export function Text({ text, isCode = false }: { text: string; isCode?: boolean }): JSX.Element {
  const [isFull, setFull] = useState(false);
  const isLong = text.length > CLIP && !isFull;
  return (
    <>
      <pre class={isCode ? "text code" : "text"}>{isLong ? text.slice(0, CLIP) : text}</pre>
      {isLong && (
        <button type="button" class="button" onClick={() => setFull(true)}>
          Show all {text.length.toLocaleString("en-US")} characters
        </button>
      )}
    </>
  );
}

function Rendered({ text }: { text: string }): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => element.current?.replaceChildren(renderMarkdown(text)), [text]);
  return <div class="rendered" ref={element} />;
}
