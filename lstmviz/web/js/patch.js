/**
 * @param {Record<string, any>} layout
 * @param {Record<string, any>} changes by path, as Plotly.relayout takes them
 */
export function patch(layout, changes) {
  for (const [path, value] of Object.entries(changes)) {
    const steps = path.split(".");
    const last = /** @type {string} */ (steps.pop());
    /** @type {any} */
    let place = layout;
    for (const step of steps) {
      const [name, index] = step.split(/[[\]]/);
      place = index === undefined ? (place[name] ??= {}) : place[name]?.[index];
      if (!place) break; // the list lacks that entry
    }
    if (place) place[last] = value;
  }
}
