// Writes numbers, given as bytes of float64, as the page writes them.
import { buffer } from "node:stream/consumers";

import { write } from "../../lstmviz/web/js/numbers.js";

const given = await buffer(process.stdin);
const numbers = new Float64Array(given.buffer.slice(given.byteOffset, given.byteOffset + given.length));
process.stdout.write(JSON.stringify([...numbers].map(write)));
