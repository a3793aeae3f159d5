import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";

import { drawStep } from "../../lstmviz/web/js/step.js";

const COLOURS = { rises: "red", falls: "blue", nonfinite: "black" };
const NOTHING = { first: 0, steps: 1, zero: 0, forms: [], texts: [""], fills: [""], bars: [""], places: { texts: [], fills: [], bars: [] }, colours: COLOURS };

let told = 0;
beforeEach(() => {
  told = 0;
  globalThis.window = { Plotly: { react: (plot, data) => Object.assign(plot, { data }, { told: (told += 1) }) } };
});

const draw = (frames, t, data) => {
  const plot = { isConnected: true, data, layout: {} };
  drawStep(plot, { ...NOTHING, ...frames }, t);
  return plot.data;
};

const texts = (words, forms = []) => draw({ texts: [words.join("\n")], forms, places: { ...NOTHING.places, texts: [[0, words.length]] } }, 0, [{}])[0].text;

test("the words of a form are filled in, one in each hole", () => {
  assert.deepEqual(texts(["@1 0.25 −1", "@0 3"], ["f = #", "# × #"]), ["0.25 × −1", "f = 3"]);
});

test("a negative number behind a plus is taken away", () => {
  assert.deepEqual(texts(["@0 1 −2"], ["# + #"]), ["1 − 2"]);
});

test("a word that fills a hole makes no hole", () => {
  assert.deepEqual(texts(["@0 # 2"], ["# and #"]), ["# and 2"]);
});

test("Plotly's own marks are escaped in words", () => {
  assert.deepEqual(texts(["<b> & co"]), ["&lt;b&gt; &amp; co"]);
});

test("words go to the traces in order, as many as each takes", () => {
  const frames = { texts: ["a\nb\nc"], places: { ...NOTHING.places, texts: [[1, 1], [0, 2]] } };
  assert.deepEqual(draw(frames, 0, [{}, {}]).map(({ text }) => text), [["b", "c"], ["a"]]);
});

test("letters are levels of colour from the first to the last, and what is not finite has its own colour", () => {
  const frames = { fills: ["Az_!"], places: { ...NOTHING.places, fills: [[0, 4]] } };
  const [{ marker }] = draw(frames, 0, [{ marker: { size: 22 } }]);
  assert.deepEqual(marker, { size: 22, color: [0, 51, 63, "black"] });
});

test("each bar begins where the one before ended, and the last is their sum", () => {
  const frames = { zero: 64, bars: ["BABgBQ"], places: { ...NOTHING.places, bars: [[0, 4]] } }; // 64, 96, 80
  const [{ base, x, marker }] = draw(frames, 0, [{ marker: { color: ["", "", "", "grey"] } }]);
  assert.deepEqual(base, [64, 64, 96, 64]);
  assert.deepEqual(x, [0, 32, -16, 16]);
  assert.deepEqual(marker.color, ["red", "red", "blue", "grey"]);
});

test("frames that begin later hold their own steps", () => {
  const frames = { first: 40, steps: 2, texts: ["a", "b"], fills: ["", ""], bars: ["", ""], places: { ...NOTHING.places, texts: [[0, 1]] } };
  assert.deepEqual(draw(frames, 41, [{}])[0].text, ["b"]);
});

test("what is drawn already is not drawn again", () => {
  const plot = { isConnected: true, data: [], layout: {} };
  drawStep(plot, NOTHING, 0);
  drawStep(plot, NOTHING, 0);
  assert.equal(told, 1);
});

test("a plot that is gone is left alone", () => {
  drawStep({ isConnected: false, data: [], layout: {} }, NOTHING, 0);
  assert.equal(told, 0);
});
