// Masking: known secrets never reach a journal, a screen or a report, wherever they turn up in data.

export type Mask = <T>(data: T) => T;

/** Replaces every secret of at least four characters (shorter ones would mask half of all text) by `***`, deep in plain data. */
export function masker(secrets: Iterable<string>): Mask {
  const words = [...new Set(secrets)].filter((word) => word.length >= 4).sort((a, b) => b.length - a.length);
  if (words.length === 0) return (data) => data;
  const maskText = (text: string): string => words.reduce((masked, word) => masked.replaceAll(word, '***'), text);
  const deep = (data: unknown): unknown => {
    if (typeof data === 'string') return maskText(data);
    if (Array.isArray(data)) return data.map(deep);
    if (typeof data === 'object' && data !== null)
      return Object.fromEntries(Object.entries(data).map(([key, value]) => [key, deep(value)]));
    return data;
  };
  // The shape is kept: only text inside changes.
  return <T>(data: T): T => deep(data) as T;
}
