/** Queries of views, as the browser writes them. */

/**
 * @param {string} query
 * @param {string} engine
 */
export const withEngine = (query, engine) => (engine ? `${query}&engine=${engine}` : query);

/** @param {string} query as Python writes it */
export const normalise = (query) => new URLSearchParams(query).toString();

/**
 * The same for every order of a view's parameters.
 *
 * @param {string} query
 */
export function canonical(query) {
  const found = new URLSearchParams(query);
  found.sort();
  return found.toString();
}
