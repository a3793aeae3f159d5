// The page's modules import each other as they lie on the server: all under one address.
import { registerHooks } from "node:module";

const FOLDERS = ["web/js", "plot"].map((folder) => new URL(`../../lstmviz/${folder}/`, import.meta.url).href);

registerHooks({
  resolve(name, context, resolve) {
    const from = FOLDERS.find((folder) => context.parentURL?.startsWith(folder));
    if (!from || !name.startsWith("./")) return resolve(name, context);
    const [own, other] = [from, ...FOLDERS.filter((folder) => folder !== from)].map((folder) => new URL(name, folder).href);
    try {
      return resolve(own, context);
    } catch {
      return resolve(other, context);
    }
  },
});
