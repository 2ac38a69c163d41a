/** Sections of facts: names with values, and blocks of text. */

import type { JSX } from "preact";
import type { Fact, Found, Occurrence, Section, Table } from "../../model/detail.ts";
import * as text from "../../model/text.ts";
import { visibleName } from "../../model/visible.ts";
import { JsonTree } from "./json-tree.tsx";
import { ContentBlock, TextBlock } from "./text-block.tsx";

/** Facts shown at first; a section of more has a button for the rest. */
const MANY = 200;

export function SectionView({ section }: { section: Section }): JSX.Element {
  const { block } = section;
  return (
    <section class="section">
      <h4>{visibleName(section.title)}</h4>
      {block &&
        (section.isCode || block.json ? (
          <ContentBlock content={block} label={section.title} />
        ) : (
          <TextBlock text={block.text} />
        ))}
      {section.table && <TableView table={section.table} />}
      <Facts facts={section.facts} />
    </section>
  );
}

function TableView({ table }: { table: Table }): JSX.Element {
  return (
    <table class="sums">
      <thead>
        <tr>
          {table.head.map((name) => (
            <th key={name} scope="col">
              {name}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map(([name = "", ...numbers], index) => (
          <tr key={index}>
            <th scope="row">
              <bdi>{visibleName(name)}</bdi>
            </th>
            {numbers.map((number, column) => (
              <td key={column}>{visibleName(number)}</td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function Facts({ facts }: { facts: readonly Fact[] }): JSX.Element | null {
  if (facts.length === 0) return null;
  const shown = facts.slice(0, MANY);
  return (
    <>
      <dl>
        {shown.map(([name, value], index) => (
          <div key={index}>
            <dt>
              <bdi>{breakable(visibleName(name))}</bdi>
            </dt>
            <dd>{value.json === undefined ? <TextBlock text={value.text} /> : <JsonTree value={value.json} />}</dd>
          </div>
        ))}
      </dl>
      {facts.length > MANY && (
        <details>
          <summary>{(facts.length - MANY).toLocaleString("en-US")} more</summary>
          <Facts facts={facts.slice(MANY)} />
        </details>
      )}
    </>
  );
}

/** A name that breaks after its dots and underscores rather than anywhere. */
function breakable(name: string): (string | JSX.Element)[] {
  return name.split(/(?<=[._])/u).flatMap((part, index) => (index > 0 ? [<wbr key={index} />, part] : [part]));
}

export function OccurrenceView({ occurrence }: { occurrence: Occurrence }): JSX.Element {
  const { name, afterMs, facts } = occurrence;
  return (
    <section class="section">
      <h4>
        <bdi>{visibleName(name)}</bdi>
        {afterMs !== null && <span class="after">after {text.duration(afterMs * 1e6)}</span>}
      </h4>
      <Facts facts={facts} />
    </section>
  );
}

export function DocumentView({ document }: { document: Found }): JSX.Element {
  return (
    <section class="section document">
      <h4>
        Document {document.id !== null && <bdi>{visibleName(document.id)}</bdi>}
        {document.score !== null && <span class="after">score {Number(document.score.toPrecision(4))}</span>}
      </h4>
      {document.content.json === undefined ? (
        <TextBlock text={document.content.text} />
      ) : (
        <ContentBlock content={document.content} />
      )}
    </section>
  );
}
