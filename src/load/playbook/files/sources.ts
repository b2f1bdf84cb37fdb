// Files of this machine that tasks send to hosts: `src` of `copy` and `template`. They are read at
// load, so that plans have their digests, and templates are checked at their place.
import { compileFile, compileTemplate, lookupNames } from '../../../expression/index.ts';
import type { SourceFile } from '../../../model/playbook.ts';
import { present } from '../../../model/present.ts';
import type { AnyModule } from '../../../model/run/change.ts';
import { flag } from '../../../model/shape/schema.ts';
import type { Mapping } from '../../../model/value.ts';
import type { DiagnosticsCollector } from '../../text/diagnostics-collector.ts';
import { checkFileNames, type Names } from '../../text/names.ts';
import { earlyField, renderEarly } from '../../text/static-templates.ts';
import { type Entry, entryOf, type MapTree, plainOf, put } from '../../text/tree.ts';
import { treeOfValue } from '../../text/yaml.ts';
import type { Loop } from '../ansible/loops.ts';
import { ansibleName } from '../ansible/modules.ts';
import type { FileContent } from './project-files.ts';
import { type Around, searched } from './roles.ts';

/** A task that may name such a file. */
export interface SendingTask {
  readonly collector: DiagnosticsCollector;
  readonly around: Around;
  readonly module: AnyModule;
  /** Its key, with its arguments. */
  readonly entry: Entry;
  readonly vars: Mapping;
  readonly loop: Loop | undefined;
  readonly loopVar: string;
  readonly names: Names;
}

/** The files by what `src` renders to. Undefined where the task names none. */
export function sourcesOf(task: SendingTask): Readonly<Record<string, SourceFile>> | undefined {
  const { collector, around, module, entry, vars } = task;
  if (module.source === undefined || entry.value.kind !== 'map') return undefined;
  const src = entryOf(entry.value, 'src');
  const early = { ...around.early, ...vars, ...around.given };
  if (src === undefined || earlyField(collector, entry.value, 'remote_src', flag, early) === true)
    return undefined;
  const sources: Record<string, SourceFile> = {};
  for (const round of roundsOf(task, src, early)) {
    const before = collector.diagnostics.length;
    const value = renderEarly(collector, src.value, round);
    if (collector.diagnostics.length > before || value.kind !== 'scalar') break;
    const file = fileOf(task, value.text, src.value.at);
    if (file !== undefined) put(sources, value.text, file);
  }
  return sources;
}

/** One round for each item of the loop, where the name of the file depends on it. */
function roundsOf(
  { collector, loop, loopVar }: SendingTask,
  { value }: Entry,
  early: Mapping,
): readonly Mapping[] {
  const compiled = value.kind === 'scalar' ? compileTemplate(value.text) : undefined;
  const names = compiled?.kind === 'expression' ? compiled.names : [];
  if (loop === undefined || !names.some(({ name }) => name.split('.', 1)[0] === loopVar))
    return [early];
  const written = loop.value === undefined ? loop.written.value : treeOfValue(loop.value);
  const items = renderEarly(collector, { ...written, at: loop.written.value.at }, early);
  return items.kind === 'list'
    ? items.items.map((item) => ({ ...early, [loopVar]: plainOf(item) }))
    : [];
}

function fileOf(task: SendingTask, name: string, at: number): SourceFile | undefined {
  const { collector, around, entry } = task;
  const isTemplate = ansibleName(entry.key).name === 'template';
  const paths = searched(around, isTemplate ? 'templates' : 'files', name);
  const path = around.files.find(paths);
  if (path === undefined) {
    const directory = paths.find(
      (one) => around.files.list(one.replace(/(?<!\/)\/+$/, '')) !== undefined,
    );
    if (directory === undefined)
      collector.error(at, 'missing-file', `there is no file ${name}`, {
        hint: `looked for ${paths.join(', ')}`,
      });
    else
      collector.error(at, 'unsupported-argument', `${directory} is a directory`, {
        hint: 'name its files: `src: "{{ item }}"` with a `loop`',
      });
    return undefined;
  }
  const content = around.files.content(path, { collector, at, what: 'file' });
  if (content === undefined || !isTemplate)
    return content && { path, kind: content.isText ? 'text' : 'bytes', content: content.content };
  return templateOf(task, path, content);
}

/** A template, with its statements and names checked. */
function templateOf(
  { collector: outer, entry, names, around, vars }: SendingTask,
  path: string,
  { collector, content, isText }: FileContent,
): SourceFile | undefined {
  if (!isText || /^#jinja2:/.test(content)) {
    const hint = 'give `trim_blocks` and `lstrip_blocks` as arguments of the task';
    if (isText)
      collector.error(0, 'unsupported-argument', 'a template has no `#jinja2:` line', { hint });
    else collector.error(0, 'bad-value', 'a template should be UTF-8 text');
    return undefined;
  }
  const early = { ...around.early, ...vars, ...around.given };
  const args: MapTree =
    entry.value.kind === 'map' ? entry.value : { ...entry.value, kind: 'map', entries: [] };
  const rules = present({
    trimBlocks: earlyField(outer, args, 'trim_blocks', flag, early),
    lstripBlocks: earlyField(outer, args, 'lstrip_blocks', flag, early),
  });
  const compiled = compileFile(content, rules);
  if (compiled.kind === 'problem')
    collector.error(
      compiled.offset,
      'expression-syntax',
      compiled.message,
      present({ hint: compiled.hint }),
    );
  else checkFileNames(collector, compiled.names, namesInFile(names));
  return { path, kind: 'template', content, ...rules };
}

const blankRules = ['trim_blocks', 'lstrip_blocks'];

/** The arguments of a template without those that are about its text. */
export const withoutBlankRules = (entry: Entry): Entry =>
  ansibleName(entry.key).name === 'template' && entry.value.kind === 'map'
    ? {
        ...entry,
        value: {
          ...entry.value,
          entries: entry.value.entries.filter(({ key }) => !blankRules.includes(key)),
        },
      }
    : entry;

/** A file has the variables of its task, and no lookups. */
function namesInFile(names: Names): Names {
  const vars = new Set([...names.vars, ...ownNames]);
  for (const name of lookupNames) vars.delete(name);
  return { ...names, vars };
}

/** Names that a template has beside the variables of its task. */
const ownNames = ['ansible_managed', 'template_path'];
