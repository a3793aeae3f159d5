// Calls functions of the page's modules: gets [[module, function, [argument, ...]], ...] as JSON, and gives for each call what
// came back and the arguments as it left them. What a function hands to Plotly becomes the plot's data.
import { text } from "node:stream/consumers";

globalThis.window = { Plotly: { react: (plot, data) => Object.assign(plot, { data }) } };

const answers = [];
for (const [module, name, args] of JSON.parse(await text(process.stdin))) {
  const found = await import(`../../lstmviz/web/js/${module}`);
  answers.push([found[name](...args) ?? null, args]);
}
const plain = (_key, value) => (ArrayBuffer.isView(value) ? [...value] : value);
process.stdout.write(JSON.stringify(answers, plain));
