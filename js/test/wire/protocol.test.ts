import { tableFromIPC } from "@uwdata/flechette";
import { expect, test } from "vitest";
import * as columns from "../../src/model/columns.ts";
import { PREVIEWED } from "../../src/model/previews.ts";
import { isChanged, isError, isReply, MESSAGES, PROTOCOL_VERSION } from "../../src/wire/protocol.ts";
import { fixture, jsonFixture } from "../fixtures.ts";

interface Protocol {
  version: number;
  messages: Record<string, Record<string, string>>;
  tree_columns: string[];
  previewed: number;
  span_columns: string[];
  flags: Record<string, number>;
}

const protocol = jsonFixture<Protocol>("protocol.json");

test("messages and version are those that Python states", () => {
  expect({ version: PROTOCOL_VERSION, messages: MESSAGES }).toEqual({
    version: protocol.version,
    messages: protocol.messages,
  });
});

test("the buffers hold the columns that the protocol names", () => {
  expect(tableFromIPC(fixture("tree.arrow")).schema.fields.map((field) => field.name)).toEqual(protocol.tree_columns);
  expect(tableFromIPC(fixture("span-chat.arrow")).schema.fields.map((field) => field.name)).toEqual(
    protocol.span_columns,
  );
});

test("so many spans come with their words as Python states", () => {
  expect(PREVIEWED).toBe(protocol.previewed);
});

test("flags are those that Python states", () => {
  const { ERROR, FAILURE, CALL, UNPRICED, ESTIMATED_COST, ESTIMATED_USAGE, UNFINISHED, INTERRUPTED, REPLAYED } =
    columns;
  expect({
    ERROR,
    FAILURE,
    CALL,
    UNPRICED,
    ESTIMATED_COST,
    ESTIMATED_USAGE,
    UNFINISHED,
    INTERRUPTED,
    REPLAYED,
  }).toEqual(protocol.flags);
});

test.each([null, 1, "tree", [], {}, { kind: "later" }, { id: "1", error: 1 }])("%j is no message", (message) => {
  expect([isChanged(message), isError(message), isReply(message)]).toEqual([false, false, false]);
});
