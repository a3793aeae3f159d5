import assert from "node:assert/strict";
import { test } from "node:test";

import { patch } from "../../lstmviz/web/js/patch.js";

test("a path leads through parts and lists, and makes parts that are not there", () => {
  const layout = { font: { size: 12 }, shapes: [{ opacity: 1 }, { opacity: 1 }] };
  patch(layout, { "font.color": "#eee", "shapes[1].opacity": 0.5, "xaxis2.title.text": "t", height: 300 });
  assert.deepEqual(layout, {
    font: { size: 12, color: "#eee" },
    shapes: [{ opacity: 1 }, { opacity: 0.5 }],
    xaxis2: { title: { text: "t" } },
    height: 300,
  });
});

test("an entry that a list lacks is left out", () => {
  const layout = { shapes: [{}] };
  patch(layout, { "shapes[3].opacity": 1, "annotations[0].text": "a" });
  assert.deepEqual(layout, { shapes: [{}] });
});
