// Results of pure functions of a short text, remembered: the hosts of a fleet have few different
// versions, and each is read many times.

/** Results that one function remembers, and characters of a text that is remembered. */
const most = { results: 500, text: 256 };

/**
 * The same function, which does its work once for each text. It begins anew after 500 results, and
 * remembers nothing for longer texts and for the result `undefined`. Results are shared: callers
 * must not change them.
 */
export function remembered<T>(make: (text: string) => T): (text: string) => T {
  const results = new Map<string, T>();
  return (text) => {
    const known = results.get(text);
    if (known !== undefined) return known;
    const result = make(text);
    if (text.length > most.text) return result;
    if (results.size >= most.results) results.clear();
    results.set(text, result);
    return result;
  };
}
