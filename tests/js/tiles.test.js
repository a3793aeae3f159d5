import assert from "node:assert/strict";
import { test } from "node:test";

import { inView, isGoodEnough, nameCells, unpack } from "../../lstmviz/web/js/tiles.js";

const plot = (across, down, panels = [{ columns: "column" }]) => ({
  _fullLayout: { xaxis: { range: across }, yaxis: { range: down }, yaxis2: { range: [0, 1] }, meta: { link: { panels } } },
});

test("an axis that is turned shows the same rows", () => {
  const shown = inView(plot([-0.5, 9.5], [-0.5, 4.5]), { of: [100, 200] });
  assert.deepEqual(shown, [[0, 5], [0, 10]]);
  assert.deepEqual(inView(plot([-0.5, 9.5], [4.5, -0.5]), { of: [100, 200] }), shown);
});

test("a cell that is cut is in view, one whose edge is touched is not", () => {
  assert.deepEqual(inView(plot([2.4, 7.6], [2.5, 7.5]), { of: [100, 200] }), [[3, 8], [2, 9]]);
});

test("what lies beyond the picture is not in view, and something always is", () => {
  assert.deepEqual(inView(plot([-80, 900], [40.2, 40.3]), { of: [100, 200] }), [[40, 41], [0, 200]]);
  assert.deepEqual(inView(plot([300, 310], [-20, -10]), { of: [100, 200] }), [[0, 1], [199, 200]]);
});

test("the rows of a run are those of the gates' panels, not of the input's", () => {
  const run = plot([-0.5, 9.5], [-0.5, 2.5], [{ columns: "step" }]);
  run._fullLayout.yaxis2.range = [6.5, -0.5];
  assert.deepEqual(inView(run, { of: [8, 60] }), [[0, 7], [0, 10]]);
});

test("a window in view is asked for once it is much smaller than what is shown", () => {
  const shown = { rows: [0, 100], columns: [0, 100], tile: [2, 2] };
  assert.equal(isGoodEnough(shown, [0, 100], [0, 80]), true);
  assert.equal(isGoodEnough(shown, [0, 100], [0, 70]), false);
  assert.equal(isGoodEnough(shown, [50, 101], [0, 100]), false);
});

test("single numbers are as fine as can be, until their axes have no names in view", () => {
  const shown = { rows: [0, 100], columns: [0, 100], tile: [1, 1] };
  assert.equal(isGoodEnough(shown, [0, 100], [0, 11]), true);
  assert.equal(isGoodEnough(shown, [0, 100], [0, 10]), false);
});

test("a tile's colour follows its number that is farthest from the middle", () => {
  const steps = Int16Array.of(-32767, 0, 16384, 32767, -16384, 8192);
  const numbers = Buffer.from(steps.buffer).toString("base64");
  const trace = { packed: { rows: 1, columns: 2, largest: 2, middle: 0, numbers } };
  unpack(trace);
  assert.deepEqual([...trace.z[0]], [-2, 2]);
  assert.deepEqual(trace.customdata[0].map((tile) => tile.map((number) => Math.round(number * 1000))), [[-2000, 1000, -1000], [0, 2000, 500]]);
  assert.equal("packed" in trace, false);
});

test("a tile without a number has none", () => {
  const numbers = Buffer.from(Int16Array.of(-32768, -32768, -32768).buffer).toString("base64");
  const trace = { packed: { rows: 1, columns: 1, largest: 1, middle: 0, numbers } };
  unpack(trace);
  assert.ok(Number.isNaN(trace.z[0][0]));
});

test("a hover without names gets none", () => {
  const trace = { z: [[1]], hovertemplate: "%{z:.4g}" };
  nameCells(trace, { gates: ["f"], groups: [["x", 0, 1]], units: 1 });
  assert.equal("text" in trace, false);
});
