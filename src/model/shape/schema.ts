// The only file that uses zod: the types that check arguments and playbooks, their error texts, and
// the JSON schema for editors.
import * as z from 'zod';
import type { Amount } from '../playbook.ts';
import { type ArgsSchema, textWanted } from '../run/change.ts';
import { isMapping, type Mapping, type Value } from '../value.ts';

/**
 * A schema that parses to `T`. Every schema has the methods `.optional()`, `.default()`,
 * `.refine()`, `.transform()` and `.describe()` of zod.
 */
export type Schema<T> = z.ZodType<T>;

/** What a schema parses to. */
export type Infer<S extends z.ZodType> = z.output<S>;

/** The schema as modules and core use it: they need only `safeParse`. */
export const asArgs = <T>(schema: Schema<T>): ArgsSchema<T> => schema;

// ---- Structure ----

/** A mapping with exactly these keys; an unknown key is an error. */
export const object = <Shape extends z.ZodRawShape>(shape: Shape) => z.strictObject(shape);

/** A list. */
export const list = <S extends z.ZodType>(item: S) => z.array(item);

/** One thing or a list of them, parsed to a list: `names: docker` and `names: [docker, runc]`. */
export const listOf = <S extends z.ZodType>(item: S) =>
  z.union([item.transform((value): z.output<S>[] => [value]), z.array(item)], { error: whyNoList });

/**
 * What is wrong with the single value, or with the first wrong item of the list. That a single
 * value is no list is never the useful message.
 */
function whyNoList(issue: { readonly input?: unknown; readonly errors?: unknown }): string {
  const plain = 'should be one value or a list of them';
  const { input, errors } = issue;
  if (!Array.isArray(errors) || (typeof input === 'object' && !Array.isArray(input))) return plain;
  const branch: unknown = errors[Array.isArray(input) ? 1 : 0];
  const first: unknown = Array.isArray(branch) ? branch[0] : undefined;
  return typeof first === 'object' &&
    first !== null &&
    'message' in first &&
    typeof first.message === 'string'
    ? first.message
    : plain;
}

/** A mapping whose keys are the user's own. */
export const mappingOf = <S extends z.ZodType>(item: S) => z.record(z.string(), item);

/** One of several forms. `error` is the sentence for a value that fits none. */
export const either = <const S extends readonly [z.ZodType, ...z.ZodType[]]>(
  forms: S,
  error: string,
) => z.union(forms, { error });

/**
 * A mapping that may also be written as one scalar: `command: uptime` for `command: {cmd: uptime}`.
 * @param widen makes the long form of a scalar (text, number, true/false or nothing: `uncordon:`)
 */
export function shorthand<S extends z.ZodType>(
  widen: (short: string | number | boolean | null) => unknown,
  long: S,
) {
  const schema = z.preprocess((input) => (isShort(input) ? widen(input) : input), long);
  shortForms.add(schema);
  return schema;
}

const isShort = (input: unknown): input is string | number | boolean | null =>
  input === null ||
  typeof input === 'string' ||
  typeof input === 'number' ||
  typeof input === 'boolean';

// Schemas that also accept a scalar: zod cannot derive that from `preprocess`, so the JSON schema
// adds it.
const shortForms = new WeakSet<object>();

// ---- Values ----

/** Any text, also empty. A plain scalar gives its source text: `010` stays `010`. */
export const text = z.string();

/** Text with something in it. */
export const filled = z.string().regex(/\S/, 'should not be empty');

/** One word: no blanks, not empty. `off`, `1.10` and `010` stay as they are written. */
export const word = z.string().regex(/^\S+$/, 'should be one word, without blanks');

/** An absolute path. */
export const absolutePath = z.string().regex(/^\/[^\0]*$/, 'should be an absolute path');

/**
 * Text that is written with digits and is no number: `20.10` is not 20.1, `0644` is not 420. A
 * template that gives a number is an error there.
 * @param what the name of such a text in messages: "version"
 */
export const digits = (what: string) =>
  z.string({
    error: (issue) =>
      typeof issue.input === 'number'
        ? `the ${what} ${issue.input} is a number: put it in quotes`
        : undefined,
  });

/**
 * A version or a version with release and epoch: `18.09.9`, `3:18.09.1-3.el7`, `20.10` (never
 * 20.1).
 */
export const version = digits('version').regex(
  /^[0-9A-Za-z][0-9A-Za-z.+:~^_-]*$/,
  'should be a version such as 18.09.9 or 3.10.0-1160.el7',
);

/** File mode as text: `0644`. */
export const mode = digits('mode').regex(
  /^0?[0-7]{3,4}$/,
  'should be an octal file mode such as 0644',
);

/** A whole number from `least` (default 0) to `most`. */
export const whole = (least = 0, most = Number.MAX_SAFE_INTEGER) => z.int().min(least).max(most);

/** Any finite number. */
export const number = z.number();

/** In any case; a JSON schema has no flag that says so. */
const flagForm =
  /^(?:[yY][eE][sS]|[nN][oO]|[oO][nN]|[oO][fF][fF]|[tT][rR][uU][eE]|[fF][aA][lL][sS][eE])$/;

/** True or false; also as text from templates and `-e` (`yes`, `on`, `true`, ...). */
export const flag = z.union(
  [
    z.boolean(),
    z
      .string()
      .regex(flagForm, 'should be true or false')
      .transform((value) => /^(?:yes|on|true)$/i.test(value)),
  ],
  { error: 'should be true or false' },
);

/** Any plain data; YAML and JSON give nothing else. Without references in its JSON schema. */
export const anyValue: Schema<Value> = z
  .unknown()
  .superRefine((input, context) => {
    if (input === undefined) context.addIssue({ code: 'invalid_type', expected: 'unknown', input });
  })
  .transform(asValue);

/** What YAML, JSON and templates give is plain data, which its type does not say. */
function asValue(data: unknown): Value {
  return data as Value;
}

/** A mapping of any plain data. */
export const anyMapping: Schema<Mapping> = mappingOf(anyValue);

/** One of these words. */
export const oneOf = <const Words extends readonly [string, ...string[]]>(...words: Words) =>
  z.enum(words);

const offWords = ['off', 'no', 'false', 'disabled', 'absent'];
const onWords = ['on', 'yes', 'true', 'enabled', 'present'];

/**
 * One of these states. If one of them means "off" (`off`, `no`, `false`, `disabled`, `absent`), all
 * YAML spellings of off give that state; likewise for "on".
 */
export function state<const Words extends readonly [string, ...string[]]>(...words: Words) {
  const spellings = new Map<string, Words[number]>();
  for (const family of [offWords, onWords]) {
    const meant = words.find((name) => family.includes(name));
    if (meant !== undefined)
      for (const spelling of family.slice(0, 3)) spellings.set(spelling, meant);
  }
  for (const name of words) spellings.set(name, name);
  const [first, ...rest] = [...spellings.keys()];
  const known: readonly [string, ...string[]] = [first ?? '', ...rest];
  const error = `should be ${words.join(' or ')}`;
  const meaning = (spelling: string): Words[number] => spellings.get(spelling) ?? words[0];
  return spellings.has('true') || spellings.has('false')
    ? z
        .union([z.enum(known, { error }), z.boolean()], { error })
        .transform((value, context): Words[number] => {
          const spelling = String(value);
          if (!spellings.has(spelling)) context.addIssue({ code: 'custom', message: error });
          return meaning(spelling);
        })
    : z.enum(known, { error }).transform(meaning);
}

const durationForm = /^(?=\d)(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?$/;

/** Seconds of `90`, `90s`, `10m`, `1h30m`, `2d`; undefined for other text. */
export function parseDuration(source: string): number | undefined {
  if (/^\d+(?:\.\d+)?$/.test(source)) return Number(source);
  const [all, days, hours, minutes, seconds] = durationForm.exec(source) ?? [];
  if (all === undefined) return undefined;
  return (
    Number(days ?? 0) * 86_400 +
    Number(hours ?? 0) * 3_600 +
    Number(minutes ?? 0) * 60 +
    Number(seconds ?? 0)
  );
}

const durationError = 'should be a length of time such as 90, 90s, 10m or 1h30m';
const longest = 366 * 86_400;

/** A length of time, parsed to seconds: `90`, `90s`, `10m`, `1h30m`, `2d`; a year at most. */
export const duration = z
  .union(
    [
      z.number().min(0),
      z
        .string()
        .regex(/^\d+(?:\.\d+)?$|^(?=\d)(?:\d+d)?(?:\d+h)?(?:\d+m)?(?:\d+s)?$/, durationError),
    ],
    {
      error: durationError,
    },
  )
  .transform((value) => (typeof value === 'number' ? value : (parseDuration(value) ?? 0)))
  .refine((seconds) => seconds <= longest, 'should be a year at most');

const amountError = 'should be a number of hosts or a whole percentage such as 10%';

/** A number of hosts or a share of them: `3`, `10%`. Percentages are whole, as Ansible's. */
export const amount: Schema<Amount> = z
  .union([z.int(amountError).min(0, amountError), z.string().regex(/^\d+%?$/, amountError)], {
    error: amountError,
  })
  .transform((value): Amount => {
    const source = String(value);
    return source.endsWith('%')
      ? { percent: Number(source.slice(0, -1)) }
      : { count: Number(source) };
  })
  .refine((value) => !('percent' in value) || value.percent <= 100, 'should be 100% at most');

/** A time of day, `22:30`, parsed to minutes after midnight. */
export const timeOfDay = z
  .string()
  .regex(/^(?:[01]?\d|2[0-3]):[0-5]\d$|^24:00$/, 'should be a time of day such as 22:30')
  .transform((value) => {
    const [hours, minutes] = value.split(':');
    return Number(hours) * 60 + Number(minutes);
  });

// ---- Problems: what is wrong, in sentences of kmend ----

/**
 * One problem of a value: its place in the value, and the sentence that follows "`path`" ("should
 * be a number, not text").
 */
export interface Problem {
  readonly path: readonly PropertyKey[];
  /**
   * `type`: another kind of value is expected (a list, a number). `rule`: the parts are right, but
   * not together.
   */
  readonly kind: 'missing' | 'unknown-key' | 'forms' | 'type' | 'value' | 'rule';
  readonly message: string;
  /** The unknown keys. */
  readonly keys?: readonly string[];
  /** `forms`: the problems with each form that the value could have. */
  readonly forms?: readonly (readonly Problem[])[];
}

/** The problems of `input`; none when it fits. */
export function problemsOf(schema: ArgsSchema<unknown>, input: unknown): readonly Problem[] {
  const parsed = schema.safeParse(input);
  return parsed.success ? [] : parsed.error.issues.map((issue) => problemOf(issue, input));
}

type AnyIssue = {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string;
  readonly keys?: readonly string[];
  readonly errors?: readonly (readonly AnyIssue[])[];
};

function problemOf(issue: AnyIssue, input: unknown, base: readonly PropertyKey[] = []): Problem {
  const path = [...base, ...issue.path];
  if (issue.code === 'unrecognized_keys')
    return { path, kind: 'unknown-key', message: issue.message, keys: issue.keys ?? [] };
  if (issue.code === 'invalid_union' && issue.errors !== undefined && issue.errors.length > 0) {
    const forms = issue.errors.map((form) => form.map((inner) => problemOf(inner, input, path)));
    return { path, kind: 'forms', message: issue.message, forms };
  }
  if (issue.code === 'custom') return { path, kind: 'rule', message: issue.message };
  const kind = isMissing(input, path)
    ? 'missing'
    : issue.code === 'invalid_type'
      ? 'type'
      : 'value';
  return { path, kind, message: issue.message };
}

// Keys within a short form are not missing: the scalar itself is wrong.
const isMissing = (input: unknown, path: readonly PropertyKey[]): boolean => {
  let value = input;
  for (const key of path) {
    if (Array.isArray(value)) value = typeof key === 'number' ? value[key] : undefined;
    else if (isMapping(value))
      value = typeof key === 'string' && Object.hasOwn(value, key) ? value[key] : undefined;
    else return value === undefined;
  }
  return value === undefined;
};

const kindWords: Readonly<Record<string, string>> = {
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  object: 'a mapping',
  record: 'a mapping',
  array: 'a list',
  null: 'nothing',
};

const kindOf = (input: unknown): string => {
  if (input === null) return 'empty';
  if (Array.isArray(input)) return 'a list';
  if (typeof input === 'boolean') return String(input);
  if (typeof input === 'number') return `the number ${input}`;
  return typeof input === 'string' ? 'text' : (kindWords[typeof input] ?? typeof input);
};

/** The sentence of kmend for an issue of zod; undefined = use the one of zod. */
function sentence(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type':
      if (issue.input === undefined) return 'is required';
      return issue.expected === 'string'
        ? `${textWanted}${kindOf(issue.input)}`
        : `should be ${kindWords[issue.expected] ?? issue.expected}, not ${kindOf(issue.input)}`;
    case 'unrecognized_keys':
      return `has no ${issue.keys.length === 1 ? 'key' : 'keys'} ${issue.keys.map((key) => `\`${key}\``).join(', ')}`;
    case 'invalid_value':
      if (issue.input === undefined) return 'is required';
      return `should be ${issue.values.length === 1 ? '' : 'one of '}${issue.values.map(String).join(', ')}`;
    case 'too_small':
      return issue.origin === 'array' || issue.origin === 'string'
        ? `should have at least ${issue.minimum} of them`
        : `should be ${issue.minimum} or more`;
    case 'too_big':
      return issue.origin === 'array' || issue.origin === 'string'
        ? `should have at most ${issue.maximum} of them`
        : `should be ${issue.maximum} or less`;
    case 'invalid_union':
      return 'has none of the forms that it may have here';
    default:
      return undefined;
  }
}
z.config({ customError: sentence });

// ---- JSON schema ----

/** Any text with a template in it. */
export const templatePattern = '\\{\\{';

/**
 * JSON schema (draft 7, which editors support best) of what a user may write. With `templates`, a
 * template may replace every value in it.
 */
export function toJsonSchema(
  schema: z.ZodType,
  options: { readonly templates?: boolean } = {},
): Mapping {
  const made = z.toJSONSchema(schema, {
    target: 'draft-7',
    io: 'input',
    unrepresentable: 'any',
    override: ({ zodSchema, jsonSchema, path }) => {
      if (shortForms.has(zodSchema))
        widenTo(jsonSchema, { type: ['string', 'number', 'boolean', 'null'] });
      else if (options.templates === true && isConfined(jsonSchema, path.length > 0))
        widenTo(jsonSchema, { type: 'string', pattern: templatePattern });
    },
  });
  return plain(made);
}

// Templates are valid wherever any text is; narrower schemas must be widened. The whole mapping of
// arguments is written out.
const isConfined = (schema: { readonly [key: string]: unknown }, isInner: boolean): boolean =>
  schema.enum !== undefined ||
  schema.const !== undefined ||
  schema.pattern !== undefined ||
  /^(?:number|integer|boolean)$/.test(String(schema.type)) ||
  (isInner && /^(?:array|object)$/.test(String(schema.type)));

/** The JSON schema of the arguments of a module, in which a template may replace every value. */
export const schemaOfArgs = (schema: ArgsSchema<unknown>): Mapping =>
  schema instanceof z.ZodType ? toJsonSchema(schema, { templates: true }) : {};

/** The keys that a mapping may have at this path, for "did you mean". */
export function keysAt(
  schema: ArgsSchema<unknown>,
  path: readonly PropertyKey[],
): readonly string[] {
  if (!(schema instanceof z.ZodType)) return [];
  let nodes: readonly Value[] = [toJsonSchema(schema)];
  const choices = (node: Value): readonly Value[] => {
    const more = isMapping(node) ? (node.anyOf ?? node.oneOf ?? node.allOf) : undefined;
    return Array.isArray(more) ? [node, ...more.flatMap(choices)] : [node];
  };
  for (const key of path) {
    nodes = nodes.flatMap(choices).flatMap((node) => {
      if (!isMapping(node)) return [];
      const properties = isMapping(node.properties) ? node.properties : {};
      const next = typeof key === 'number' ? node.items : properties[String(key)];
      return next === undefined ? [] : [next];
    });
  }
  return nodes
    .flatMap(choices)
    .flatMap((node) =>
      isMapping(node) && isMapping(node.properties) ? Object.keys(node.properties) : [],
    );
}

/** The description stays at the top, where editors and the documentation read it. */
function widenTo(schema: { [key: string]: unknown }, other: Mapping): void {
  const { description, ...narrow } = schema;
  for (const key of Object.keys(schema)) delete schema[key];
  Object.assign(schema, description === undefined ? {} : { description }, {
    anyOf: [narrow, other],
  });
}

// A JSON schema is plain JSON: parsing it again makes that known to the compiler.
const plain = (value: unknown): Mapping => JSON.parse(JSON.stringify(value));
