import assert from "node:assert/strict";
import { test } from "node:test";

import { Sent, readJson, tileOf, write } from "../../lstmviz/web/js/numbers.js";

function pack(head, ...arrays) {
  let text = JSON.stringify({ ...head, shapes: arrays.map(([shape]) => shape) });
  text += " ".repeat((4 - (Buffer.byteLength(text) % 4)) % 4);
  const json = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(json.length);
  const bytes = Buffer.concat([length, json, ...arrays.map(([, values]) => Buffer.from(Float32Array.from(values).buffer))]);
  return bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
}

test("what was sent is a head and arrays with their shapes", () => {
  const sent = new Sent(pack({ title: "あいう" }, [[2, 3], [1, 2, 3, 4, 5, 6]], [[0], []], [[1], [NaN]]));
  assert.equal(sent.head.title, "あいう");
  assert.deepEqual(sent.array(0), { shape: [2, 3], values: Float32Array.of(1, 2, 3, 4, 5, 6) });
  assert.deepEqual(sent.array(1), { shape: [0], values: new Float32Array() });
  assert.ok(Number.isNaN(sent.array(2).values[0]));
});

test("a number has at most three digits and a minus as wide as a plus", () => {
  const written = { 0.3123: "0.31", [-12.34]: "−12.3", 21234: "2.1e+04", 0.00001: "1e−05", 0: "0", 100: "100", [-0.05]: "−0.05" };
  for (const [number, text] of Object.entries(written)) assert.equal(write(Number(number)), text);
  assert.equal(write(NaN), "NaN");
  assert.equal(write(Infinity), "∞");
  assert.equal(write(-Infinity), "−∞");
  assert.equal(write(-0), "0");
});

test("halfway between two digits the even one is written, as Python does", () => {
  const written = [[0.125, "0.12"], [0.375, "0.38"], [-0.625, "−0.62"], [100.5, "100"], [101.5, "102"], [12.25, "12.2"], [1250, "1.2e+03"], [0.0625, "0.062"]];
  for (const [number, text] of written) assert.equal(write(number), text);
});

test("an index lies in the tile that begins at it or before", () => {
  const starts = [0, 3, 6, 8, 11];
  const found = Array.from({ length: 13 }, (_each, index) => tileOf(starts, index));
  assert.deepEqual(found, [0, 0, 0, 1, 1, 1, 2, 2, 3, 3, 3, 4, 4]);
  assert.equal(tileOf([0], 99), 0);
  assert.equal(tileOf(undefined, 7), 7);
});

test("what is no number has a name in JSON", () => {
  const read = readJson('{"value": "NaN", "terms": [["x[0]", "Infinity", "-Infinity", 2]], "title": "NaN of x"}');
  assert.ok(Number.isNaN(read.value));
  assert.deepEqual(read.terms, [["x[0]", Infinity, -Infinity, 2]]);
  assert.equal(read.title, "NaN of x");
});
