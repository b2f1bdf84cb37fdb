// The id of a run: `20261124-153012-k3f9`, UTC and four characters.

/** Has the text the form of an id? It may come from a host, a cluster or a file. */
export const isRunId = (text: string): boolean => /^\d{8}-\d{6}-[a-z0-9]{4}$/.test(text);
