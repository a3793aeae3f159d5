/** Queries of views, as the browser writes them. */

/**
 * @param {string} query
 * @param {string} engine
 */
export const withEngine = (query, engine) => (engine ? `${query}&engine=${engine}` : query);

/** @param {string} query as Python writes it */
export const normalise = (query) => new URLSearchParams(query).toString();
