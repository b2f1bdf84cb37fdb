// Shapes of data read back from a file. They check what must be there, so that the code behind can
// rely on its types.

/** Returns what is wrong with the data at this place, or undefined. */
export type Shape = (data: unknown, place: string) => string | undefined;

/** The data of a JSON text; undefined for text that is not JSON. */
export function dataIn(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
}

const shape =
  (isFine: (data: unknown) => boolean, wanted: string): Shape =>
  (data, place) =>
    isFine(data)
      ? undefined
      : `${place} ${data === undefined ? 'is missing' : `should be ${wanted}`}`;

export const text: Shape = shape((data) => typeof data === 'string', 'text');
/** JSON writes numbers that are not finite as null. */
export const number: Shape = shape((data) => typeof data === 'number' || data === null, 'a number');
/** Milliseconds since 1970 that a date can hold: any other would fail where it is printed. */
export const time: Shape = shape(
  (data) => data === null || (typeof data === 'number' && Math.abs(data) <= 8.64e15),
  'a time in milliseconds since 1970',
);
export const flag: Shape = shape((data) => typeof data === 'boolean', 'true or false');

export const oneOf = (...words: readonly string[]): Shape =>
  shape((data) => words.some((word) => word === data), words.join(', '));

const firstOf = (found: Iterable<string | undefined>): string | undefined => {
  for (const wrong of found) if (wrong !== undefined) return wrong;
  return undefined;
};

const isObject = (data: unknown): data is Readonly<Record<string, unknown>> =>
  typeof data === 'object' && data !== null && !Array.isArray(data);

export const listOf =
  (item: Shape): Shape =>
  (data, place) =>
    Array.isArray(data)
      ? firstOf(data.map((one, index) => item(one, `${place}[${index}]`)))
      : `${place} should be a list`;

/** Keys of the second mapping are optional. Other keys are ignored. */
export function object(
  keys: Readonly<Record<string, Shape>>,
  optional: Readonly<Record<string, Shape>> = {},
): Shape {
  // Every entry of a journal comes through here: what can be made once is not made for each.
  const needed = Object.entries(keys);
  const all = [...needed, ...Object.entries(optional)];
  return (data, place) => {
    if (!isObject(data)) return `${place} should be a mapping`;
    for (const [index, [key, item]] of all.entries()) {
      const value = Object.hasOwn(data, key) ? data[key] : undefined;
      if (value === undefined && index >= needed.length) continue;
      const wrong = item(value, place === '' ? key : `${place}.${key}`);
      if (wrong !== undefined) return wrong;
    }
    return undefined;
  };
}

/** A mapping with values of one shape. */
export const record =
  (item: Shape): Shape =>
  (data, place) =>
    isObject(data)
      ? firstOf(Object.entries(data).map(([key, value]) => item(value, `${place}.${key}`)))
      : `${place} should be a mapping`;

export const anything: Shape = () => undefined;
