// Writes one task anew, through the library's document: comments and quotes of what stays are kept.
import {
  type Document,
  isMap,
  isScalar,
  isSeq,
  parseDocument,
  stringify,
  type YAMLMap,
} from 'yaml';
import type { Value } from '../../model/value.ts';
import type { Edit } from './account.ts';

const options = { version: '1.1', schema: 'failsafe', uniqueKeys: false } as const;
/** A mapping that is no longer stands on one line. */
const shortest = 60;

/**
 * The lines of a task with this edit, without a dash.
 * @param task its lines, the first key in the first column
 * @param module the key of its module
 * @returns undefined where it cannot be taken out of its file, as with an alias
 */
export function edited(
  task: string,
  module: string,
  { module: by, without = [], set = {} }: Edit,
): string | undefined {
  const document: Document = parseDocument(task, options);
  const map = document.contents;
  if (document.errors.length > 0 || !isMap(map)) return undefined;
  const place = keys(map).indexOf(module);
  if (by !== undefined) {
    if (place < 0) return undefined;
    const pair = pairOf(...by);
    const before = map.items[place]?.value;
    // A mapping over several lines stays one.
    if (isMap(pair.value) && isMap(before) && before.flow !== true) pair.value.flow = false;
    map.items.splice(place, 1, pair);
  }
  for (const key of without) map.delete(key);
  for (const [key, value] of Object.entries(set)) {
    const at = keys(map).indexOf(key);
    if (at < 0) map.items.push(pairOf(key, value));
    else map.items.splice(at, 1, pairOf(key, value));
  }
  return document.toString({ lineWidth: 0, flowCollectionPadding: /(?:^|[^{])[[{] /.test(task) });
}

const keys = ({ items }: YAMLMap): readonly string[] =>
  items.map(({ key }) => (isScalar(key) ? String(key.value) : ''));

/** The lines of a new task, without a dash. */
export const written = (task: Readonly<Record<string, Value>>): string => {
  const document: Document = parseDocument('{}', options);
  if (!isMap(document.contents)) return '';
  document.contents.flow = false;
  for (const [key, value] of Object.entries(task)) document.contents.items.push(pairOf(key, value));
  return document.toString({ lineWidth: 0, flowCollectionPadding: false });
};

/** A key with a value in the types of YAML 1.1, on one line where it is short. */
function pairOf(key: string, value: Value): YAMLMap['items'][number] {
  const text = stringify({ [key]: value }, { version: '1.1', lineWidth: 0 });
  const { contents }: Document = parseDocument(text, options);
  const pair = isMap(contents) ? contents.items[0] : undefined;
  if (pair === undefined) throw new Error(`${key} cannot be written`);
  if ((isMap(pair.value) || isSeq(pair.value)) && text.length <= shortest) pair.value.flow = true;
  return pair;
}
