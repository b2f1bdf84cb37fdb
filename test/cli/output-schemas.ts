// Checks lines of `--json` against docs/schema/, more strictly than readers should: here a key
// that no schema names is an error.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2019, type ValidateFunction } from 'ajv/dist/2019.js';
import { isMapping, type Value } from '../../src/model/value.ts';

const directory = join(import.meta.dirname, '../../docs/schema');
const numbered = /^(.+)-(\d+)\.json$/;

/** `kmend.check/1` by its file. */
export const schemaFiles: ReadonlyMap<string, string> = new Map(
  readdirSync(directory).flatMap((file) => {
    const [, name, number] = numbered.exec(file) ?? [];
    return name === undefined ? [] : [[`kmend.${name}/${number}`, join(directory, file)] as const];
  }),
);

/** The schema that allows no key that it does not name. */
function strict(schema: Value, isForm = false): Value {
  if (Array.isArray(schema)) return schema.map((one: Value) => strict(one, isForm));
  if (!isMapping(schema)) return schema;
  const isClosed = 'properties' in schema && !('additionalProperties' in schema) && !isForm;
  // The forms of an object that has keys beside them.
  const hasForms = 'properties' in schema && 'anyOf' in schema;
  return {
    ...Object.fromEntries(
      Object.entries(schema).map(([key, value]) => [
        key,
        strict(value, key === 'anyOf' ? hasForms : false),
      ]),
    ),
    ...(isClosed ? { unevaluatedProperties: false } : {}),
  };
}

const ajv = new Ajv2019({ strict: false, allErrors: false });
const validators = new Map<string, ValidateFunction>();

function validatorOf(name: string): ValidateFunction | undefined {
  const file = schemaFiles.get(name);
  if (file === undefined) return undefined;
  const known = validators.get(name);
  if (known !== undefined) return known;
  const { $schema: _, ...schema } = JSON.parse(readFileSync(file, 'utf8'));
  const made = ajv.compile(strict(schema) as object);
  validators.set(name, made);
  return made;
}

/** What is wrong with a line; empty = nothing. */
export function wrongIn(line: string): string {
  const data: unknown = JSON.parse(line);
  const name = isMapping(data) ? String(data.schema) : '';
  const validate = validatorOf(name);
  if (validate === undefined) return `no schema for ${line.slice(0, 100)}`;
  return validate(data)
    ? ''
    : `${name}: ${ajv.errorsText(validate.errors)} in ${line.slice(0, 300)}`;
}
