// What a template gave, as the text that an argument wants: Ansible writes numbers, `True` and
// `False` as Python does.
import { repr } from '../../../expression/python/printing.ts';
import { type ArgsSchema, type SchemaIssue, textWanted } from '../../../model/run/change.ts';
import { isList, isMapping, type Value } from '../../../model/value.ts';

/** Checks rendered arguments. A number or a truth value where text is wanted becomes text. */
export function parseRendered(schema: ArgsSchema<unknown>, args: Value) {
  const parsed = schema.safeParse(args);
  if (parsed.success) return parsed;
  const texts = parsed.error.issues.flatMap((issue) => wantedTexts(issue));
  return texts.length === 0 ? parsed : schema.safeParse(texts.reduce<Value>(textAt, args));
}

type Path = readonly PropertyKey[];

function wantedTexts({ path, message, errors }: SchemaIssue, base: Path = []): readonly Path[] {
  const at = [...base, ...path];
  if (errors !== undefined) return errors.flat().flatMap((issue) => wantedTexts(issue, at));
  return message.startsWith(textWanted) ? [at] : [];
}

/** A scalar above the path is the short form of a mapping or of a list. */
function textAt(value: Value, [key, ...rest]: Path): Value {
  if (typeof value === 'number' || typeof value === 'boolean') return repr(value);
  if (isList(value)) return value.map((item, index) => (index === key ? textAt(item, rest) : item));
  if (!isMapping(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, item]) => [name, name === key ? textAt(item, rest) : item]),
  );
}
