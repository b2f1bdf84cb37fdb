// Finds the tasks of an old file, and the lines that each of them takes.
import { type Document, isMap, isScalar, isSeq, parseDocument, visit } from 'yaml';
import { type Checked, hasErrors } from '../../model/diagnostic.ts';
import { type Source, sourceOf } from '../text/source.ts';
import { type Entry, entryOf, type MapTree, type Tree } from '../text/tree.ts';
import { parseYaml } from '../text/yaml.ts';

/** Lines count from 0; `last` is inclusive. */
export interface Lines {
  readonly first: number;
  readonly last: number;
}

/** What can be kept, replaced or dropped by itself. */
export interface Item extends Lines {
  readonly what: 'task' | 'key' | 'role';
  /** Column of its dash, or of its key. */
  readonly indent: number;
  /** Column of its first key. */
  readonly column: number;
  /** Offset of its first character. */
  readonly at: number;
  /** A task as it is written; the value of a key. */
  readonly tree: Tree;
  readonly key?: Entry;
  /** A key of a play, not of a block. */
  readonly isOfPlay: boolean;
  readonly isHandler: boolean;
  /** Where a question about it stands: before this line, at this column. */
  readonly question: { readonly line: number; readonly indent: number; readonly isNew: boolean };
}

export interface OldFile {
  readonly path: string;
  readonly source: Source;
  readonly lines: readonly string[];
  readonly items: readonly Item[];
  /** Lists of a block: they may not be empty. */
  readonly blocks: readonly Lines[];
  /** Variables of plays, or of a file of variables. */
  readonly vars: readonly Entry[];
  /** A playbook or a list of tasks, not a file of variables. */
  readonly hasTasks: boolean;
}

const lists = ['pre_tasks', 'tasks', 'post_tasks', 'handlers'];
const branches = ['block', 'rescue', 'always'];

/** Reads an old file. There is no value where its YAML has errors. */
export function readOldFile(path: string, written: string): Checked<OldFile> {
  const first = parseYaml(sourceOf(path, written));
  if (hasErrors(first.diagnostics)) return { diagnostics: first.diagnostics };
  const text = inBlockStyle(written);
  const source = sourceOf(path, text);
  const { value: tree } = text === written ? first : parseYaml(source);
  const lines = text.split('\n');
  const ends = endsIn(parse(text));
  const walk = new Walk(source, lines, ends);
  const isList = tree?.kind === 'list';
  if (isList) walk.file(tree.items, /(?:^|\/)handlers\/[^/]*$/.test(path));
  return {
    value: {
      path,
      source,
      lines,
      items: walk.items,
      blocks: walk.blocks,
      vars: tree?.kind === 'map' ? tree.entries : walk.vars,
      hasTasks: isList,
    },
    diagnostics: [],
  };
}

/** As the loader parses: every scalar is a text, so that each is written as it was. */
const parse = (text: string): Document =>
  parseDocument(text, {
    version: '1.1',
    schema: 'failsafe',
    uniqueKeys: false,
    prettyErrors: false,
  });

/** `tasks: [{...}]` is written with a line for each task. */
function inBlockStyle(text: string): string {
  const document = parse(text);
  let isChanged = false;
  const open = (node: unknown): void => {
    if (!isSeq(node)) return;
    isChanged ||= node.flow === true && node.items.length > 0;
    node.flow = false;
    for (const item of node.items) {
      if (!isMap(item)) continue;
      const inner = item.items.filter(
        ({ key }) => isScalar(key) && [...lists, ...branches, 'roles'].includes(String(key.value)),
      );
      if (inner.length === 0) continue;
      isChanged ||= item.flow === true;
      item.flow = false;
      for (const pair of inner) open(pair.value);
    }
  };
  open(document.contents);
  return isChanged ? document.toString({ lineWidth: 0 }) : text;
}

interface Ends {
  readonly items: ReadonlyMap<number, number>;
  readonly keys: ReadonlyMap<number, number>;
}

/** Where each item of a list and each key ends, by where it begins. */
function endsIn(document: Document): Ends {
  const items = new Map<number, number>();
  const keys = new Map<number, number>();
  const rangeOf = (node: unknown): readonly [number, number] | undefined =>
    typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range)
      ? [Number(node.range[0]), Number(node.range[1])]
      : undefined;
  visit(document, {
    Seq: (_, { items: all }) => {
      for (const range of all.map(rangeOf)) if (range !== undefined) items.set(...range);
    },
    Pair: (_, { key, value }) => {
      const own = rangeOf(key);
      if (own !== undefined) keys.set(own[0], Math.max(own[1], rangeOf(value)?.[1] ?? 0));
    },
  });
  return { items, keys };
}

class Walk {
  readonly items: Item[] = [];
  readonly blocks: Lines[] = [];
  readonly vars: Entry[] = [];
  private readonly source: Source;
  private readonly lines: readonly string[];
  private readonly ends: Ends;

  constructor(source: Source, lines: readonly string[], ends: Ends) {
    this.source = source;
    this.lines = lines;
    this.ends = ends;
  }

  file(items: readonly Tree[], isHandlers: boolean): void {
    for (const item of items) {
      const isPlay =
        item.kind === 'map' &&
        item.entries.some(({ key }) => key === 'hosts' || key.endsWith('import_playbook'));
      if (isPlay) this.play(item);
      else this.task(item, isHandlers);
    }
  }

  private play(play: MapTree): void {
    const vars = entryOf(play, 'vars')?.value;
    if (vars?.kind === 'map') this.vars.push(...vars.entries);
    const question = this.questionOf(play, lists.slice(0, 3));
    for (const entry of play.entries) {
      if (entry.key === 'roles' && entry.value.kind === 'list')
        for (const role of entry.value.items) this.add('role', role, { question, isOfPlay: true });
      else if (!lists.includes(entry.key))
        this.add('key', entry.value, { key: entry, question, isOfPlay: true });
      else if (entry.value.kind === 'list')
        for (const task of entry.value.items) this.task(task, entry.key === 'handlers');
    }
  }

  private task(task: Tree, isHandler: boolean): void {
    if (task.kind !== 'map' || entryOf(task, 'block') === undefined) {
      this.add('task', task, { isHandler });
      return;
    }
    const question = this.questionOf(task, ['block']);
    for (const entry of task.entries) {
      if (!branches.includes(entry.key))
        this.add('key', entry.value, { key: entry, question, isHandler });
      else if (entry.value.kind === 'list') {
        const before = this.items.length;
        for (const one of entry.value.items) this.task(one, isHandler);
        const inside = this.items.slice(before);
        const first = inside[0]?.first;
        if (first !== undefined)
          this.blocks.push({ first, last: Math.max(...inside.map(({ last }) => last)) });
      }
    }
  }

  /** The first task of the first of these lists; behind the play where there is none. */
  private questionOf(tree: MapTree, keys: readonly string[]): Item['question'] {
    for (const key of keys) {
      const list = entryOf(tree, key)?.value;
      const [first] = list?.kind === 'list' ? list.items : [];
      if (first === undefined) continue;
      const line = this.dashOf(first.at);
      return { line, indent: this.indentOf(line), isNew: false };
    }
    const line = this.lineOf((this.ends.items.get(tree.at) ?? tree.at) - 1) + 1;
    return { line, indent: this.columnOf(tree.at), isNew: true };
  }

  private add(what: Item['what'], tree: Tree, more: Partial<Item>): void {
    const at = more.key?.keyAt ?? tree.at;
    const end = (more.key === undefined ? this.ends.items : this.ends.keys).get(at) ?? at + 1;
    const written = this.source.text.slice(at, end).trimEnd();
    const first = more.key === undefined ? this.dashOf(at) : this.lineOf(at);
    this.items.push({
      what,
      tree,
      at,
      first,
      last: this.lineOf(at + Math.max(written.length - 1, 0)),
      indent: this.indentOf(first),
      column: this.columnOf(at),
      isOfPlay: false,
      isHandler: false,
      question: { line: first, indent: this.indentOf(first), isNew: false },
      ...more,
    });
  }

  private readonly lineOf = (at: number): number => this.source.placeAt(at).line - 1;
  private readonly columnOf = (at: number): number => this.source.placeAt(at).column - 1;
  private readonly indentOf = (line: number): number => (this.lines[line] ?? '').search(/\S|$/);

  /** The line of the dash before this offset. */
  private dashOf(at: number): number {
    let line = this.lineOf(at);
    while (line > 0 && !/^ *-(?: |\r?$)/.test(this.lines[line] ?? '')) line--;
    return line;
  }
}
