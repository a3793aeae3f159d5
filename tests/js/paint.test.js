import assert from "node:assert/strict";
import { test } from "node:test";

import { bordersSeen, colourOf, levelOf, solid, split, spread } from "../../lstmviz/web/js/paint.js";

const bytes = (colours, level) => [...new Uint8Array(colours.buffer, 4 * level, 4)];

test("what stands behind a line is set lower, in braces or one letter", () => {
  assert.deepEqual(split("h_{t-1}"), [["h", false], ["t−1", true]]);
  assert.deepEqual(split("Σ_t"), [["Σ", false], ["t", true]]);
  assert.deepEqual(split("c_t'"), [["c", false], ["t", true], ["'", false]]);
  assert.deepEqual(split("f · c_{t-1} + i · j"), [["f · c", false], ["t−1", true], [" + i · j", false]]);
  assert.deepEqual(split("Σ_{write}"), [["Σ", false], ["write", true]]);
  assert.deepEqual(split("Σ_λ · Σ_忘"), [["Σ", false], ["λ", true], [" · Σ", false], ["忘", true]]);
  assert.deepEqual(split("lambda__{t-1}"), [["lambda_", false], ["t−1", true]]);
  assert.deepEqual(split("lambda__t"), [["lambda_", false], ["t", true]]);
});

test("a name with a line in it is a name", () => {
  const joined = (symbols) => [split(symbols).map(([text]) => text).join(""), split(symbols).some(([, isLow]) => isLow)];
  for (const name of ["forget_bias", "w_f_diag", "recurrent_kernel", "_", "a_", "hidden_projection/bias", ""]) {
    assert.deepEqual(joined(name), [name, false]);
  }
});

test("no letter is lost", () => {
  for (const symbols of ["x_t · W", "__", "a__b", "_{", "h_{t", "Σ_あ", "{x}_1 b_2[3]"]) {
    const [plain, all] = [split(symbols).map(([text]) => text).join(""), symbols].map((text) => text.replace(/[_{}]/g, ""));
    assert.equal(plain, all);
  }
});

test("colours go from stop to stop", () => {
  const colours = spread([[0, "#000000"], [0.5, "#ff0000"], [1, "#ffffff"]]);
  assert.equal(colours.length, 256);
  assert.deepEqual(bytes(colours, 0), [0, 0, 0, 255]);
  assert.deepEqual(bytes(colours, 255), [255, 255, 255, 255]);
  const [red, green, blue] = bytes(colours, 64);
  assert.deepEqual([green, blue], [0, 0]);
  assert.ok(Math.abs(red - 128) <= 1);
  for (let level = 1; level < 256; level++) {
    const [before, after] = [bytes(colours, level - 1), bytes(colours, level)];
    assert.ok(after.every((part, k) => part >= before[k] && part - before[k] <= 2));
  }
});

test("a scale's ends have the first and the last colour, and what is beyond them too", () => {
  const scale = { low: -2, high: 2, diverging: true };
  assert.deepEqual([-2, 2, -9, 9].map((value) => levelOf(value, scale)), [0, 255, 0, 255]);
  assert.ok([127, 128].includes(levelOf(0, scale)));
  assert.deepEqual([0, 1].map((value) => levelOf(value, { low: 0, high: 1, diverging: false })), [0, 255]);
});

test("the span of a run that explodes does not overflow", () => {
  const scale = { low: -1.7e308, high: 1.7e308, diverging: true };
  assert.deepEqual([-1.7e308, 1.7e308].map((value) => levelOf(value, scale)), [0, 255]);
  assert.ok([127, 128].includes(levelOf(0, scale)));
  assert.equal(levelOf(0, { low: 0, high: 0, diverging: true }), 0);
});

test("what is no number has a colour of its own", () => {
  const ink = { colours: spread([[0, "#000000"], [1, "#ffffff"]]), nonfinite: solid("#12ab34") };
  const scale = { low: 0, high: 1, diverging: false };
  assert.equal(colourOf(NaN, scale, ink), "rgb(18 171 52)");
  assert.equal(colourOf(Infinity, scale, ink), "rgb(18 171 52)");
  assert.equal(colourOf(1, scale, ink), "rgb(255 255 255)");
});

test("a line parts two groups only where both are thick beside it, so that lines never cover the rows", () => {
  const every = Array.from({ length: 127 }, (_each, k) => k + 1); // each of 128 units a group of its own
  assert.deepEqual(bordersSeen(every, 128, 60), []);
  assert.deepEqual(bordersSeen([1, 2, 3], 4, 60), [1, 2, 3]);
  assert.deepEqual(bordersSeen([8, 9, 20], 32, 60), [20]); // the one that is alone has 1.9 pixels
  assert.deepEqual(bordersSeen([], 32, 60), []);
  for (const tall of [20, 60, 300]) assert.ok(bordersSeen(every, 128, tall).length * 6 <= tall, `${tall}`);
});
