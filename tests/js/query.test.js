import assert from "node:assert/strict";
import { test } from "node:test";

import { normalise, withEngine } from "../../lstmviz/web/js/query.js";

test("a query is the same however its letters were written", () => {
  assert.equal(normalise("text=a+b&seed=1"), normalise("text=a%20b&seed=1"));
  assert.equal(normalise("numbers=1%2C2"), normalise("numbers=1,2"));
  assert.equal(normalise("text=%E3%81%82"), normalise("text=あ"));
});

test("what is normal stays as it is", () => {
  const query = normalise("text=a+b~*&units=0-3,7&empty=");
  assert.equal(normalise(query), query);
});

test("another order or value is another query", () => {
  assert.notEqual(normalise("seed=1&unit=2"), normalise("unit=2&seed=1"));
  assert.notEqual(normalise("text=a%2Bb"), normalise("text=a+b"));
});

test("the run at rest names no engine", () => {
  assert.equal(withEngine("seed=1", ""), "seed=1");
  assert.equal(new URLSearchParams(withEngine("seed=1", "numpy")).get("engine"), "numpy");
  assert.equal(new URLSearchParams(withEngine("", "numpy")).get("engine"), "numpy");
});
