// Leaves out what is not there: `exactOptionalPropertyTypes` does not take `undefined` for an
// optional field.

/** The same fields, each that may be `undefined` as an optional one. */
export type Present<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

/** These fields without those whose value is `undefined`. */
export function present<const T extends object>(fields: T): Present<T>;
export function present(fields: Readonly<Record<string, unknown>>): object {
  const found: Record<string, unknown> = {};
  for (const name of Object.keys(fields)) {
    const value = fields[name];
    if (value !== undefined) found[name] = value;
  }
  return found;
}
