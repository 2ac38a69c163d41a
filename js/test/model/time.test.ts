import { expect, test } from "vitest";
import { barOf, panned, ticks, within, zoomed } from "../../src/model/time.ts";

const span = (fromMs: number, toMs: number) => ({ fromMs, toMs });

test("ticks are round, counted from the origin, and within the axis", () => {
  expect([
    ticks(span(0, 4140), 5),
    ticks(span(1000, 1090), 4, 1000),
    ticks(span(2500, 3500), 5, 1000),
    ticks(span(0, 0.8), 4),
    ticks(span(0, 0), 4),
    ticks(span(0, 10), 0),
    ticks(span(0, Number.POSITIVE_INFINITY), 4),
  ]).toEqual([
    [1000, 2000, 3000, 4000],
    [1050],
    [2600, 2800, 3000, 3200, 3400],
    [0.2, 0.4, 0.6000000000000001],
    [],
    [],
    [],
  ]);
});

test("a bar is where its span is, never too short to see, and nowhere if it is not in view", () => {
  const axis = span(0, 100);
  expect([barOf(25, 75, axis), barOf(100, 100, axis), barOf(10, 10, axis), barOf(0, 0, span(0, 0))]).toEqual([
    { left: 25, width: 50 },
    { left: 99.4, width: 0.5999999999999943 },
    { left: 10, width: 0.6 },
    { left: 0, width: 100 },
  ]);
  const view = span(50, 60);
  expect([
    barOf(0, 100, view),
    barOf(0, 55, view),
    barOf(0, 49, view),
    barOf(61, 70, view),
    barOf(58, 40, view),
  ]).toEqual([{ left: 0, width: 100 }, { left: 0, width: 50 }, null, null, { left: 80, width: 0.6 }]);
});

test("a stretch of time stays within the whole", () => {
  const whole = span(0, 100);
  expect([within(span(-10, 20), whole), within(span(90, 120), whole), within(span(-50, 900), whole)]).toEqual([
    span(0, 30),
    span(70, 100),
    span(0, 100),
  ]);
  expect(within(span(5, 5), whole)).toEqual(span(5, 5.001));
});

test("zooming keeps a time where it is on the screen, panning moves by a share", () => {
  expect([zoomed(span(0, 100), 0.5, 20), panned(span(10, 30), 0.25)]).toEqual([span(10, 60), span(15, 35)]);
});
