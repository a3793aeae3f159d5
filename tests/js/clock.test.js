import assert from "node:assert/strict";
import { test } from "node:test";

import { Clock } from "../../lstmviz/web/js/clock.js";

/** The times of the drawings that take a step. */
function play(speed, drawings) {
  const clock = new Clock(0, speed);
  return drawings.filter((now) => clock.tick(now, speed));
}

/** @param {number} rate drawings a second */
const draw = (rate, seconds) => Array.from({ length: Math.round(rate * seconds) }, (_none, index) => ((index + 1) * 1000) / rate);

for (const speed of [1, 2, 5, 10, 20, 40])
  for (const rate of [60, 75, 144])
    test(`${speed} steps a second are ${speed} on a screen of ${rate} Hz`, () => {
      const steps = play(speed, draw(rate, 30)).length;
      assert.ok(Math.abs(steps - 30 * speed) <= 1, `${steps} steps in 30 seconds`);
    });

test("no step comes before it is due", () => {
  const steps = play(40, draw(60, 10));
  steps.forEach((now, index) => assert.ok(now >= (index + 1) * 25 - 1e-6, `step ${index} at ${now} ms`));
});

test("the first step waits as long as the others", () => {
  assert.deepEqual(play(10, [0, 50, 99, 100, 150]), [100]);
});

test("a screen slower than time takes one step a drawing", () => {
  const drawings = draw(15, 2);
  assert.deepEqual(play(40, drawings), drawings);
});

test("who comes back after a while takes one step, and the next one in its time", () => {
  assert.deepEqual(play(10, [100, 200, 5000, 5016, 5033, 5090, 5100, 5200]), [100, 200, 5000, 5100, 5200]);
});

test("another speed holds from the next step on", () => {
  const clock = new Clock(0, 1);
  assert.equal(clock.tick(999, 40), false);
  assert.equal(clock.tick(1000, 40), true);
  assert.equal(clock.tick(1024, 40), false);
  assert.equal(clock.tick(1025, 40), true);
});
