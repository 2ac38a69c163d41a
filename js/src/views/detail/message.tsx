/** One message of a conversation. */

import type { JSX } from "preact";
import { useLayoutEffect, useRef } from "preact/hooks";
import { type Message, type Part, textOf } from "../../model/messages.ts";
import { visibleName, visibleText } from "../../model/visible.ts";
import { CopyButton } from "../../ui/copy-button.tsx";
import { renderMarkdown } from "../../ui/markdown.ts";
import { Paged } from "./paged.tsx";
import { ContentBlock, TextBlock } from "./text-block.tsx";

/** Text longer than this is not rendered, since a parser may take a minute over what was made to stall it. */
const LONGEST_RENDERED = 30_000;

const ROLES = ["system", "user", "assistant", "tool"];

export function MessageView({ message, isRendered }: { message: Message; isRendered: boolean }): JSX.Element {
  const role = visibleName(message.role) || "message";
  const look = message.isAnswer ? "answer" : ROLES.includes(role) ? role : "user";
  return (
    <article class={`message role-${look}`} aria-label={role}>
      <header>
        <bdi class="role">{role}</bdi>
        {message.isAnswer && <span class="answer-mark">answer</span>}
        {message.name && <bdi class="pill">{visibleName(message.name)}</bdi>}
        {message.finishReason && message.finishReason !== "stop" && (
          <bdi class="pill" title="why the model stopped">
            {visibleName(message.finishReason)}
          </bdi>
        )}
        <CopyButton text={() => textOf(message)} label="Copy message" />
      </header>
      {message.parts.length === 0 && <p class="faint">empty</p>}
      <Paged
        of={message.parts}
        noun="parts"
        draw={(part, index) => <PartView key={index} part={part} isRendered={isRendered} />}
      />
    </article>
  );
}

function PartView({ part, isRendered }: { part: Part; isRendered: boolean }): JSX.Element {
  switch (part.kind) {
    case "text":
      if (isRendered && part.text.length <= LONGEST_RENDERED) return <Rendered text={part.text} />;
      return (
        <>
          {isRendered && <p class="faint">Too long to be rendered, so shown as it is.</p>}
          <TextBlock text={part.text} />
        </>
      );
    case "reasoning":
      return (
        <details class="reasoning">
          <summary>Reasoning</summary>
          <TextBlock text={part.text} />
        </details>
      );
    case "toolCall":
      return (
        <div class="tool-call">
          <div class="caption">
            calls <b>{visibleName(part.name)}</b> {part.id && <code>{visibleName(part.id)}</code>}
          </div>
          <ContentBlock content={part.given} label="arguments" />
          {part.answers.map((answer, index) => (
            <div class="tool-answer" key={index}>
              <div class="caption">result</div>
              <ContentBlock content={answer} label="result" />
            </div>
          ))}
        </div>
      );
    case "toolResponse":
      return (
        <div class="tool-call">
          <div class="caption">result {part.id && <code>{visibleName(part.id)}</code>}</div>
          <ContentBlock content={part.answer} label="result" />
        </div>
      );
    case "image":
      return (
        <figure class="image">
          <img src={part.src} alt={visibleName(part.label)} loading="lazy" decoding="async" />
          <figcaption>{visibleName(part.label)}</figcaption>
        </figure>
      );
    case "media":
      return <bdi class="media">{visibleName(part.label)}</bdi>;
    case "other":
      return (
        <div class="tool-call">
          <div class="caption">{visibleName(part.label)}</div>
          <ContentBlock content={part.content} />
        </div>
      );
  }
}

function Rendered({ text }: { text: string }): JSX.Element {
  const element = useRef<HTMLDivElement>(null);
  useLayoutEffect(() => element.current?.replaceChildren(renderMarkdown(visibleText(text))), [text]);
  return <div class="rendered" ref={element} />;
}
