// Reads what the server packs of a stage, and gives its head and its arrays' shapes and numbers, those that are none by name.
import { buffer } from "node:stream/consumers";

import { Sent } from "../../lstmviz/web/js/numbers.js";

const given = await buffer(process.stdin);
const sent = new Sent(given.buffer.slice(given.byteOffset, given.byteOffset + given.length));
const arrays = sent.head.shapes.map((_shape, place) => sent.array(place)).map(({ shape, values }) => [shape, [...values].map(String)]);
process.stdout.write(JSON.stringify({ head: sent.head, arrays }));
