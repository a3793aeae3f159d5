import assert from "node:assert/strict";
import { test } from "node:test";

import { findHold, hides, putHold, readHolds, writeHold } from "../../lstmviz/web/js/holds.js";

test("what an address holds is read and written the same", () => {
  const clamp = "f.3:1,f.2.10-20:-0.5,c.all:0,h.all.4-4:1e-7";
  assert.equal(readHolds(clamp).map(writeHold).join(","), clamp);
  assert.deepEqual(readHolds(clamp)[1], { name: "f", unit: 2, steps: [10, 20], value: -0.5 });
  assert.deepEqual(readHolds("f.3.10:1"), readHolds("f.3.10-10:1"), "one step is that alone");
  assert.deepEqual(readHolds("none"), []);
  assert.deepEqual(readHolds(""), []);
});

test("a unit that is held by itself is held as that says, at the steps at which it is", () => {
  const holds = readHolds("f.3:0,f.all:1,f.2.5-9:0.5");
  assert.equal(findHold(holds, "f", 3, 0)?.value, 0);
  assert.equal(findHold(holds, "f", 2, 4)?.value, 1);
  assert.equal(findHold(holds, "f", 2, 5)?.value, 0.5);
  assert.equal(findHold(holds, "f", 2, 10)?.value, 1);
  assert.equal(findHold(holds, "i", 3, 0), undefined);
});

test("a hold takes the place of another over all steps, or the same, and of no other unit's", () => {
  const [whole, some, others, every] = readHolds("f.3:0,f.3.5-9:1,f.3.10-12:1,f.all:1");
  assert.ok(hides(some, whole) && hides(whole, some) && hides(some, { ...some, value: 7 }));
  assert.ok(!hides(some, others) && !hides(every, whole) && !hides(whole, every));
});

test("a hold of all units takes the place of single units' at its steps, and of nothing else", () => {
  const put = (clamp, hold) => putHold(readHolds(clamp), readHolds(hold)[0], 19).map(writeHold).join(",");
  assert.equal(put("f.3.10-20:1,i.3:0", "f.all:0"), "i.3:0,f.all:0");
  assert.equal(put("f.3:1", "f.all.5-9:0"), "f.3.0-4:1,f.3.10-19:1,f.all.5-9:0");
  assert.equal(put("f.3.5-9:1", "f.all.5-9:0"), "f.all.5-9:0");
  assert.equal(put("f.3.7-12:1,f.3.1-4:0.5", "f.all.5-9:0"), "f.3.10-12:1,f.3.1-4:0.5,f.all.5-9:0");
  assert.equal(put("f.all:0", "f.3:1"), "f.all:0,f.3:1");
  const found = putHold(readHolds("f.3.5-9:1"), readHolds("f.all:0")[0], 19);
  for (let t = 0; t < 20; t++) assert.equal(findHold(found, "f", 3, t)?.value, 0);
});
