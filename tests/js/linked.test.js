import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

// A page of its own for each test: what is pinned is kept in the module.
let page, announced, followed, heard;
let count = 0;
beforeEach(async () => {
  heard = {};
  globalThis.document = { createElement: element };
  globalThis.addEventListener = (name, listener) => (heard[name] = listener);
  page = await import(`../../lstmviz/plot/linked.js?${(count += 1)}`);
  [announced, followed] = [[], []];
  page.onPin((place) => announced.push(place));
  page.followPin((place) => followed.push(place));
});

/** As much of an element as a plot needs. */
function element() {
  return {
    style: {},
    events: {},
    setAttribute() {},
    append() {},
    appendChild: (child) => child,
    addEventListener(name, listener) {
      this.events[name] = listener;
    },
    on() {},
    getBoundingClientRect: () => ({ left: 10, top: 20 }),
    closest: () => null,
  };
}

const WORDS = { step: "step {t}", share: "after step {t}, step {step} wrote {share}" };
const GATES = { gates: ["i", "f"], groups: [["x", 0, 2], ["h", 2, 3], ["c", 5, 3]], units: 3, inputs: 2, outputs: 3, hidden: 6, steps: 10, words: WORDS };
const RUN = { x: "x", y: "y", name: "f", columns: "step", rows: "unit" };
const TRIANGLE = { x: "x", y: "y", name: "", columns: "written", rows: "step" };
const BARS = { x: "x", y: "y", name: "", columns: "written", rows: "" };
const POINTS = { x: "x", y: "y", name: "f", columns: "point", rows: "" };
const KERNEL = { x: "x", y: "y", name: "kernel", columns: "column", rows: "row" };

/** A plot of one panel, ten pixels a cell, its first row on top. */
function draw(panel, rows, columns) {
  const plot = element();
  plot._fullLayout = {
    meta: { link: { ...GATES, panels: [panel] } },
    xaxis: { _id: "x", _offset: 100, _length: 10 * columns, range: [-0.5, columns - 0.5] },
    yaxis: { _id: "y", _offset: 50, _length: 10 * rows, range: [rows - 0.5, -0.5] },
  };
  const z = Array.from({ length: rows }, (_none, row) => Array.from({ length: columns }, (_other, column) => row - column / 8));
  plot._fullData = [{ type: "heatmap", xaxis: "x", yaxis: "y", z }];
  page.link(plot);
  return plot;
}

/** What is marked: left, top, width, height. */
const boxes = (plot) => plot.linked.link.panels.flatMap((panel) => plot.linked.boxes(panel, page.pin())).map((box) => box.slice(0, 4));

const press = (plot, ...keys) => {
  for (const key of keys) plot.events.keydown({ key, target: plot, preventDefault() {}, stopPropagation() {} });
};

/** Presses at one cell's middle and lets go so many pixels beside. */
function click(plot, row, column, slip = 0) {
  const at = { clientX: 10 + 100 + 10 * column + 5, clientY: 20 + 50 + 10 * row + 5, target: plot };
  plot.events.pointerdown(at);
  heard.pointerup({ ...at, clientX: at.clientX + slip });
}

test("a pin changes in the part that is set, and who follows is told of all of it", () => {
  page.setPin({ t: 3, unit: 1 });
  page.setPin({ t: 4 });
  assert.deepEqual(page.pin(), { t: 4, unit: 1 });
  assert.deepEqual(followed, [{ t: 3, unit: 1 }, { t: 4, unit: 1 }]);
});

test("while time is played nothing is announced, and at rest the last place is", () => {
  for (let t = 0; t < 5; t++) page.setPin({ t });
  assert.deepEqual(announced, []);
  page.announcePin();
  assert.deepEqual(announced, [{ t: 4 }]);
});

test("who stops following hears no more", () => {
  const places = [];
  const stop = page.followPin((place) => places.push(place));
  page.setPin({ t: 1 });
  stop();
  page.setPin({ t: 2 });
  assert.deepEqual(places, [{ t: 1 }]);
});

test("who stops listening hears of no click", () => {
  const places = [];
  const stop = page.onPin((place) => places.push(place));
  page.setPin({ t: 1 });
  page.announcePin();
  stop();
  page.setPin({ t: 2 });
  page.announcePin();
  assert.deepEqual(places, [{ t: 1 }]);
  assert.deepEqual(announced, [{ t: 1 }, { t: 2 }], "the others still do");
});

test("a click pins the step, the gate and the unit under it", () => {
  click(draw(RUN, 3, 10), 2, 7);
  assert.deepEqual(page.pin(), { t: 7, gate: "f", unit: 2 });
  assert.deepEqual(announced, [{ t: 7, gate: "f", unit: 2 }]);
});

test("a click in the kernel pins the gate and unit of its column, and keeps the step", () => {
  page.setPin({ t: 5 });
  click(draw(KERNEL, 8, 6), 1, 4);
  assert.deepEqual(page.pin(), { t: 5, gate: "f", unit: 1 });
});

test("a click in a ledger's triangle asks for the step of its row, and marks the one that wrote", () => {
  const plot = draw(TRIANGLE, 10, 10);
  click(plot, 7, 2);
  assert.deepEqual(page.pin(), { t: 7, written: 2 });
  assert.deepEqual(boxes(plot), [[120, 50, 10, 100], [120, 120, 10, 10], [100, 120, 100, 10]], "the column, the very cell, the row");
  press(plot, "ArrowLeft");
  assert.equal(plot.linked.reading.textContent, "after step 7, step 1 wrote 6.875");
});

test("a click on what was not written yet asks for nothing, nor does a key", () => {
  const plot = draw(TRIANGLE, 10, 10);
  click(plot, 2, 7);
  press(plot, "End", "Enter");
  assert.deepEqual(announced, []);
});

test("a click on a ledger's bar keeps the step that is asked for, until another one is", () => {
  page.setPin({ t: 7 });
  click(draw(BARS, 1, 10), 0, 3);
  assert.deepEqual(page.pin(), { t: 7, written: 3 });
  page.setPin({ t: 7, unit: 1 });
  assert.equal(page.pin().written, 3);
  page.setPin({ t: 8 });
  assert.deepEqual(page.pin(), { t: 8, unit: 1 });
});

/** Two points, one of unit 1, one of the units 0 and 2, where the axes have 1 and 3. */
function drawPoints() {
  const plot = draw(POINTS, 4, 4);
  const customdata = [[[1], "low: 10 %"], [[0, 2], "low: 30 %"]];
  plot._fullData = [{ mode: "markers", xaxis: "x", yaxis: "y", x: [1, 3], y: [1, 3], marker: { size: [8, 12] }, customdata }];
  return plot;
}

test("a click on a point pins its unit, and one of several after the other", () => {
  const plot = drawPoints();
  click(plot, 1, 1);
  assert.deepEqual(page.pin(), { unit: 1, gate: "f" });
  assert.deepEqual(boxes(plot), [[108, 58, 14, 14]]);
  for (const unit of [0, 2, 0]) {
    click(plot, 3, 3);
    assert.deepEqual(page.pin(), { unit, gate: "f" });
  }
  click(plot, 2, 2);
  assert.equal(announced.length, 4, "beside the points nothing is pinned");
});

test("keys go from point to point, from the pinned unit's", () => {
  const plot = drawPoints();
  page.setPin({ unit: 2 });
  press(plot, "ArrowLeft");
  assert.equal(plot.linked.reading.textContent, "f[1]: low: 10 %");
  press(plot, "Enter");
  assert.deepEqual(page.pin(), { unit: 1, gate: "f" });
});

test("a drag is no click", () => {
  const plot = draw(RUN, 3, 10);
  click(plot, 0, 0, 4);
  click(plot, 1, 1, 5);
  assert.deepEqual(announced, [{ t: 0, gate: "f", unit: 0 }]);
});

test("a click beside the panels pins nothing", () => {
  click(draw(RUN, 3, 10), 3, 0);
  click(draw(RUN, 3, 10), 0, 10);
  assert.deepEqual(announced, []);
});

test("the first key leads on from the pinned cell, Enter pins where the keys have led", () => {
  page.setPin({ t: 4, gate: "f", unit: 1 });
  const plot = draw(RUN, 3, 10);
  press(plot, "ArrowRight", "ArrowDown");
  assert.deepEqual(page.pin(), { t: 4, gate: "f", unit: 1 });
  press(plot, "Enter");
  assert.deepEqual(page.pin(), { t: 5, gate: "f", unit: 2 });
});

test("keys stay within the picture", () => {
  const plot = draw(RUN, 3, 10);
  press(plot, "End", "ArrowRight", "ArrowDown", "ArrowDown", "ArrowDown", "ArrowDown", "Enter");
  assert.deepEqual(page.pin(), { t: 9, gate: "f", unit: 2 });
  press(plot, "Home", "ArrowLeft", "ArrowUp", "ArrowUp", "ArrowUp", "Enter");
  assert.deepEqual(page.pin(), { t: 0, gate: "f", unit: 0 });
});

test("Escape forgets where the keys were, not what is pinned", () => {
  const plot = draw(RUN, 3, 10);
  press(plot, "ArrowRight", "Enter", "ArrowRight", "Escape", "Enter");
  assert.deepEqual(announced.length, 1);
  assert.deepEqual(page.pin(), { t: 1, gate: "f", unit: 0 });
});

test("a cell is read with its gate, unit, step and number", () => {
  const plot = draw(RUN, 3, 10);
  press(plot, "ArrowRight", "ArrowRight", "ArrowDown");
  assert.equal(plot.linked.reading.textContent, "f[1], step 2: 0.7500");
});

test("the kernel's rows are read by what they meet, further states too", () => {
  const plot = draw(KERNEL, 8, 6);
  const read = [];
  for (let row = 0; row < 8; row++) {
    press(plot, row ? "ArrowDown" : "Home");
    read.push(plot.linked.reading.textContent.split(" → ")[0]);
  }
  assert.deepEqual(read, ["x[0]", "x[1]", "h[0]", "h[1]", "h[2]", "c[0]", "c[1]", "c[2]"]);
});

test("what stands for several rows ends with its group", () => {
  assert.equal(page.nameSpan(GATES.groups, 0, 4), "x[0…1]");
  assert.equal(page.nameSpan(GATES.groups, 4, 2), "h[2]");
  assert.equal(page.nameSpan(GATES.groups, 5, 2), "c[0…1]");
});
