// Documentation of modules and facts as Markdown: the same text for `kmend docs` and for
// docs/modules.md and docs/facts.md.

import type { FactDef } from '../model/facts/table.ts';
import type { AnyModule } from '../model/run/change.ts';
import { schemaOfArgs, templatePattern } from '../model/shape/schema.ts';
import { isList, isMapping, type Mapping, type Value } from '../model/value.ts';
import { table } from './layout.ts';

/** What `kmend docs` lists. */
export function docsIndex(
  modules: Iterable<AnyModule>,
  pages: readonly { readonly name: string; readonly title: string }[],
): readonly string[] {
  const indented = (rows: readonly (readonly [string, string])[]): readonly string[] =>
    table(rows, 100).map((line) => `  ${line}`);
  return [
    'Modules',
    ...indented([...modules].map((module) => [module.name, module.summary] as const)),
    '',
    'Pages',
    ...indented(pages.map(({ name, title }) => [name, title] as const)),
  ];
}

export function moduleMarkdown(module: AnyModule): readonly string[] {
  return [
    `## ${module.name}`,
    '',
    module.summary,
    '',
    ...(module.notes === undefined ? [] : [...module.notes.split('\n'), '']),
    ...argumentLines(module),
    '```yaml',
    ...module.example.trimEnd().split('\n'),
    '```',
    '',
    `Highest risk: ${module.maxRisk}.`,
  ];
}

function argumentLines(module: AnyModule): readonly string[] {
  const rows = argumentRows(schemaOfArgs(module.args));
  if (rows.length === 0) return [];
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return [
    '| argument | form | default | meaning |',
    '| --- | --- | --- | --- |',
    ...rows.map(
      (row) =>
        `| \`${row.name}\` | ${cell(row.form)} | ${cell(row.default)} | ${cell(row.meaning)} |`,
    ),
    '',
  ];
}

export function factsMarkdown(facts: readonly FactDef[]): readonly string[] {
  const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
  return [
    '| fact | lives | meaning | example |',
    '| --- | --- | --- | --- |',
    ...facts.map(
      (fact) =>
        `| \`${fact.name}\` | ${fact.lifetime} | ${cell(fact.summary)} | \`${cell(JSON.stringify(fact.example).slice(0, 80))}\` |`,
    ),
  ];
}

interface ArgumentRow {
  readonly name: string;
  readonly form: string;
  readonly default: string;
  readonly meaning: string;
}

/**
 * The arguments of a module from its JSON schema: the long form, where there is also a short one.
 */
function argumentRows(schema: Mapping): readonly ArgumentRow[] {
  const long = [schema, ...formsOf(schema)].find((form) => isMapping(form.properties));
  const properties = long !== undefined && isMapping(long.properties) ? long.properties : {};
  const required = long !== undefined && isList(long.required) ? long.required : [];
  return Object.entries(properties).flatMap(([name, property]) => {
    if (!isMapping(property)) return [];
    const text = (key: string): string => (typeof property[key] === 'string' ? property[key] : '');
    const fallback =
      property.default === undefined
        ? required.includes(name)
          ? 'required'
          : ''
        : `\`${JSON.stringify(property.default)}\``;
    return [{ name, form: formOf(property), default: fallback, meaning: text('description') }];
  });
}

const formsOf = (schema: Mapping): readonly Mapping[] => {
  const forms = schema.anyOf ?? schema.oneOf;
  return isList(forms) ? forms.filter(isMapping).flatMap((form) => [form, ...formsOf(form)]) : [];
};

const templateOnly = ({ pattern }: Mapping): boolean => pattern === templatePattern;

/** Forms of an argument. Text is not listed where a narrow form takes it too (`yes`, "5"). */
function eitherOf(forms: readonly string[]): string {
  const words = [
    ...new Set(forms.flatMap((form) => (form.startsWith('list of') ? [form] : form.split(' or ')))),
  ];
  const narrow = words.some((word) => /^(one of|true|whole number|\d)/.test(word));
  return words.filter((word) => word !== '' && !(narrow && word === 'text')).join(' or ');
}

/** `one of a, b`, `list of text`, `true or false`: the allowed values. Templates are not listed. */
function formOf(schema: Mapping): string {
  const named = {
    string: 'text',
    integer: 'whole number',
    number: 'number',
    boolean: 'true/false',
    null: 'nothing',
  } as Readonly<Record<string, string>>;
  if (isList(schema.enum)) return `one of ${schema.enum.map(wordOf).join(', ')}`;
  if (schema.const !== undefined) return wordOf(schema.const);
  const forms = isList(schema.anyOf) ? schema.anyOf.filter(isMapping) : [];
  if (forms.length > 0) return eitherOf(forms.filter((form) => !templateOnly(form)).map(formOf));
  if (schema.type === 'array')
    return `list of ${isMapping(schema.items) ? formOf(schema.items) : 'values'}`;
  if (schema.type === 'object') return 'mapping';
  if (isList(schema.type))
    return schema.type.map((type) => named[wordOf(type)] ?? wordOf(type)).join(' or ');
  return named[wordOf(schema.type ?? '')] ?? 'any value';
}

const wordOf = (value: Value): string =>
  typeof value === 'string' ? value : JSON.stringify(value);

/** A setting: its key, and its flag and variable. */
interface Setting {
  readonly key: string;
  readonly what: string;
  readonly flag?: string;
}

export function settingsMarkdown(keys: readonly Setting[]): readonly string[] {
  const row = ({ key, what, flag = key }: Setting): string =>
    `| \`${key}\` | \`--${flag.replaceAll('_', '-')}\` | \`KMEND_${key.toUpperCase()}\` | ${what} |`;
  return [
    '| key | flag | variable | what it says |',
    '| --- | --- | --- | --- |',
    ...keys.map(row),
  ];
}
