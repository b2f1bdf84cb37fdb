// `lookup` and `query` of tasks, plays and files of variables: what they ask of this machine is read
// now, with names that are known before any host is contacted. The results are variables under names
// that no variable can have.
import {
  compile,
  compileTemplate,
  hasTemplate,
  isLookupKey,
  type Lookup,
  lookupKey,
  lookupNames,
  strip,
} from '../../../expression/index.ts';
import type { Mapping, Value } from '../../../model/value.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { baseOf, dirOf } from '../../text/reader.ts';
import { earlyScope } from '../../text/static-templates.ts';
import { placeInside, put, type ScalarTree, type Tree } from '../../text/tree.ts';
import type { OpenedTree } from './project-files.ts';
import { type Around, searched } from './roles.ts';

/** Where a tree is written, and what is known there. */
export interface LookingUp {
  readonly collector: DiagnosticsCollector;
  readonly around: Around;
  /** The variables that arguments may use. More than one: a round of a loop each. */
  readonly early: readonly Mapping[];
}

/** Keys whose texts are expressions without braces. */
const conditions = ['when', 'until', 'changed_when', 'failed_when', 'that'];

/** Of each lookup in a tree its result, under its key. What cannot be looked up is reported. */
export function lookupsIn(tree: Tree, inside: LookingUp): Mapping {
  const found: Record<string, Value> = {};
  const walk = (node: Tree, key: string): void => {
    if (node.kind === 'map') for (const entry of node.entries) walk(entry.value, entry.key);
    else if (node.kind === 'list') for (const item of node.items) walk(item, key);
    else
      for (const { offset, asked } of writtenIn(node, conditions.includes(key)))
        for (const early of inside.early)
          lookUp(asked(earlyScope(early)), { ...inside, node, offset, found });
  };
  walk(tree, '');
  return found;
}

/** The results of lookups among variables. */
export const lookupsAmong = (vars: Mapping): Mapping =>
  Object.fromEntries(Object.entries(vars).filter(([name]) => isLookupKey(name)));

/** The same for a file of variables. */
export const lookupsOf = (opened: OpenedTree | undefined, around: Around): Mapping =>
  opened?.tree === undefined
    ? {}
    : lookupsIn(opened.tree, { collector: opened.collector, around, early: [around.early] });

function writtenIn({ value, text }: ScalarTree, isCondition: boolean) {
  if (typeof value !== 'string' || !lookupNames.some((name) => text.includes(name))) return [];
  const compiled = hasTemplate(value)
    ? compileTemplate(value)
    : isCondition
      ? compile(text, 'condition')
      : undefined;
  return compiled?.kind === 'expression' ? compiled.lookups : [];
}

/** One call: where it is written, and where its result goes. */
interface Call extends LookingUp {
  readonly node: ScalarTree;
  readonly offset: number;
  readonly found: Record<string, Value>;
}

function lookUp(lookup: Lookup | string, call: Call): void {
  const { collector, node, offset, found } = call;
  const report = (code: string, summary: string, hint: string): void =>
    collector.errorAt(placeInside(collector.source, node, offset), code, summary, { hint });
  if (typeof lookup === 'string')
    return report(
      'early-template',
      lookup,
      'a lookup is read before any host is contacted: its arguments may use variables of the play and -e',
    );
  const { plugin, options } = lookup;
  const own = Object.hasOwn(plugins, plugin) ? plugins[plugin] : undefined;
  if (own === undefined) {
    const way = Object.hasOwn(ways, plugin) ? ways[plugin] : undefined;
    return report('unavailable-function', `kmend has no lookup \`${plugin}\``, way ?? otherWay);
  }
  const other = Object.keys(options).find((name) => !own.options.includes(name));
  if (other !== undefined)
    return report(
      'unsupported-argument',
      `the lookup \`${plugin}\` has no \`${other}\``,
      own.options.length > 0 ? `it has ${own.options.join(', ')}` : 'leave it out',
    );
  const terms = lookup.terms.filter((term) => typeof term === 'string');
  if (terms.length < lookup.terms.length)
    return report(
      'bad-value',
      `the lookup \`${plugin}\` takes texts`,
      'a list is given with a `*`',
    );
  const result = own.read(terms, lookup, call);
  if (result !== undefined) put(found, lookupKey(lookup), result);
}

interface Plugin {
  readonly options: readonly string[];
  /** A list; null where it failed and may; undefined where that is reported. */
  readonly read: (terms: readonly string[], lookup: Lookup, call: Call) => Value | undefined;
}

const plugins: Readonly<Record<string, Plugin>> = {
  env: {
    options: ['default'],
    read: (terms, { options }, { around }) =>
      terms.map(
        (term) => around.files.variable(term.trim().split(/\s/)[0] ?? '') ?? options.default ?? '',
      ),
  },
  file: {
    options: ['lstrip', 'rstrip'],
    read: (terms, lookup, call) => {
      const texts = terms.map((term) => textOf(term, lookup, call));
      if (texts.includes(undefined)) return undefined;
      return texts.includes(null) ? null : (texts as readonly string[]);
    },
  },
  fileglob: {
    options: [],
    read: (terms, _, { around }) =>
      terms.flatMap((term) => {
        const directories =
          baseOf(term) === term
            ? searched(around, 'files', '.').map(dirOf)
            : searched(around, 'files', dirOf(term))
                .filter((path) => around.files.list(path) !== undefined)
                .slice(0, 1);
        for (const directory of directories) {
          const found = around.files.glob(directory, baseOf(term));
          if (found.length > 0) return found;
        }
        return [];
      }),
  },
};

/** The text of a file as the lookup strips it; null where there is none and need not be. */
function textOf(
  name: string,
  { lenient, options }: Lookup,
  { collector, around, node }: Call,
): string | null | undefined {
  const paths = searched(around, 'files', name);
  const path = around.files.find(paths);
  if (path === undefined) {
    if (lenient) return null;
    collector.error(node.at, 'missing-file', `there is no file ${name}`, {
      hint: `looked for ${paths.join(', ')}`,
    });
    return undefined;
  }
  const text = around.files.plainText(path, { collector, at: node.at, what: 'text' });
  if (text === undefined) return undefined;
  const started = options.lstrip === true ? strip(text, undefined, 'left') : text;
  return options.rstrip === false ? started : strip(started, undefined, 'right');
}

const otherWay =
  'it has `env`, `file` and `fileglob`; give other values with `vars_files` or -e @FILE';

/** What to do instead of lookups that kmend does not have. */
const ways: Readonly<Record<string, string>> = {
  pipe: 'use a `command` with `delegate_to: localhost`, `read_only: true` and `register`',
  lines: 'use a `command` with `delegate_to: localhost`, `read_only: true` and `register`',
  url: 'use `uri` with `delegate_to: localhost` and `register`',
  template: 'use `template`, or the expression where the text is used',
  vars: "use the name itself, or `hostvars[inventory_hostname]['NAME']`",
  first_found: 'use a list in `vars_files`, or `include_vars` with `with_first_found`',
  password: 'give the password with -e @FILE',
};
