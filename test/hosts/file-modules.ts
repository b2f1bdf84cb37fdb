// Modules of files, done twice: by the modules of the ansible-core that is installed here, and by
// kmend's plan and its real scripts, each in a directory of its own.
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { writeScript } from '../../src/engine/effects/host-scripts.ts';
import { areas } from '../../src/facts/probe/registry.ts';
import { allOf, type Facts, viewOf } from '../../src/model/fact.ts';
import type { AnyModule, ModulePlan } from '../../src/model/run/change.ts';
import type { Effect } from '../../src/model/run/effect.ts';
import { quote } from '../../src/model/text/quote.ts';
import type { Mapping } from '../../src/model/value.ts';
import { moduleNamed, noContext, parseArgs } from '../modules/laws.ts';

/** The module code is run in one process: a playbook would take half a second a file. */
export const noAnsible = !existsSync('/usr/bin/ansible-playbook');
/** Debian's package ansible has it, ansible-core does not. */
export const noPosix =
  spawnSync('/usr/bin/python3', ['-c', 'import ansible_collections.ansible.posix']).status !== 0;

export interface Entry {
  readonly content?: string | Uint8Array;
  readonly mode?: number;
  readonly directory?: true;
  readonly link?: string;
}

export interface Case {
  readonly module: string;
  /** Paths in the arguments begin at the root of the host. */
  readonly args: Mapping;
  /** What is there before, by path. */
  readonly before: Readonly<Record<string, Entry>>;
}

export interface Outcome {
  readonly end: 'failed' | 'changed' | 'same';
  readonly why: string;
  /** By path: type, mode and content. */
  readonly after: Readonly<Record<string, string>>;
}

const pathArgs = ['path', 'dest', 'src', 'sysctl_file'];

export function bothOf(cases: readonly Case[]): readonly {
  readonly ours: Outcome;
  readonly theirs: Outcome;
}[] {
  const base = mkdtempSync(join(tmpdir(), 'kmend-files-'));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const roots = (who: string): readonly string[] =>
    cases.map(({ before }, index) => {
      const root = join(base, who, String(index));
      mkdirSync(root, { recursive: true });
      for (const [path, entry] of Object.entries(before)) put(join(root, path), entry);
      return root;
    });
  const theirs = byAnsible(cases, roots('theirs'));
  const ours = byKmend(cases, roots('ours'), base);
  return ours.map((one, index) => {
    const other = theirs[index];
    if (other === undefined) throw new Error('no outcome');
    return { ours: one, theirs: other };
  });
}

function put(at: string, { content = '', mode = 0o644, directory, link }: Entry): void {
  mkdirSync(dirname(at), { recursive: true });
  if (link !== undefined) {
    symlinkSync(link, at);
    return;
  }
  if (directory === true) mkdirSync(at, { recursive: true });
  else writeFileSync(at, content);
  chmodSync(at, mode);
}

function treeOf(root: string): Readonly<Record<string, string>> {
  const paths = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter(
    (path) => !path.includes('kmend'),
  );
  return Object.fromEntries(
    paths.sort().map((path) => {
      const at = join(root, path);
      const stat = lstatSync(at);
      const mode = (stat.mode & 0o7777).toString(8);
      if (stat.isSymbolicLink()) return [path, `link ${readlinkSync(at)}`];
      if (stat.isDirectory()) return [path, /^(?:var|run)(?:\/|$)/.test(path) ? '' : `d ${mode}`];
      return [path, `${mode} ${readFileSync(at).toString('latin1')}`];
    }),
  );
}

const withoutOwnPlaces = (tree: Readonly<Record<string, string>>): Outcome['after'] =>
  Object.fromEntries(Object.entries(tree).filter(([, text]) => text !== ''));

/** The controller sends `content` as a file. */
function ansibleArgs({ content, ...args }: Mapping, root: string): Mapping {
  const placed = Object.entries(args).map(([key, value]) => [
    key,
    pathArgs.includes(key) && String(value).startsWith('/') ? `${root}${value}` : value,
  ]);
  const all: Mapping = Object.fromEntries(placed);
  if (content === undefined) return all;
  writeFileSync(join(root, 'kmend-sent'), String(content));
  return { ...all, src: join(root, 'kmend-sent'), _original_basename: 'sent' };
}

function byAnsible(cases: readonly Case[], roots: readonly string[]): readonly Outcome[] {
  const input = cases.map(({ module, args }, index) => ({
    module,
    args: ansibleArgs(args, roots[index] ?? ''),
  }));
  const ran = spawnSync('/usr/bin/python3', [join(import.meta.dirname, 'ansible-modules.py')], {
    input: JSON.stringify(input),
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 1 << 28,
  });
  if (ran.status !== 0) throw new Error(ran.stderr);
  const results: readonly { failed?: boolean; changed?: boolean; msg?: string }[] = JSON.parse(
    ran.stdout,
  );
  return results.map(({ failed, changed, msg }, index) => ({
    end: failed === true ? 'failed' : changed === true ? 'changed' : 'same',
    why: msg ?? '',
    after: withoutOwnPlaces(treeOf(roots[index] ?? '')),
  }));
}

function byKmend(
  cases: readonly Case[],
  roots: readonly string[],
  base: string,
): readonly Outcome[] {
  const bin = join(base, 'bin');
  mkdirSync(bin);
  // A sync of the whole machine for each file would take minutes.
  writeFileSync(join(bin, 'sync'), '#!/bin/sh\n', { mode: 0o755 });
  const run = (script: string, root: string, stdin?: string): string => {
    const ran = spawnSync('sh', stdin === undefined ? ['-s'] : ['-c', script], {
      input: stdin ?? script,
      env: { PATH: `${bin}:${process.env.PATH ?? ''}`, KMEND_ROOT: root },
      encoding: 'utf8',
      maxBuffer: 1 << 28,
    });
    if (ran.status !== 0) throw new Error(`${ran.status}: ${ran.stderr}`);
    return ran.stdout;
  };
  const tasks = cases.map(({ module: name, args }, index) => {
    const module = moduleNamed(name);
    return { module, args: parseArgs(module, args), root: roots[index] ?? '' };
  });
  const plans = (): readonly ModulePlan[] => {
    // What is wanted at last may depend on what was read at first.
    const facts = factsOf(tasks, run, factsOf(tasks, run, []));
    return tasks.map(({ module, args }, index) =>
      module.plan(args, viewOf(facts[index] ?? {}), noContext),
    );
  };
  const planned = plans();
  for (const [index, { changes }] of planned.entries())
    for (const effect of changes.flatMap(({ effects }) => effects))
      perform(effect, roots[index] ?? '', run, index % 10 === 0);
  // `state: touch` is done again by each run.
  for (const [index, { changes }] of plans().entries())
    if (changes.some(({ sign }) => sign !== '!'))
      throw new Error(`${JSON.stringify(cases[index])}, again: ${JSON.stringify(changes)}`);
  return planned.map((plan, index) => ({
    end: endOf(plan),
    why: plan.refuse?.why ?? plan.unmet?.evidence ?? '',
    after: withoutOwnPlaces(treeOf(roots[index] ?? '')),
  }));
}

interface ReadTask {
  readonly module: AnyModule;
  readonly args: unknown;
  readonly root: string;
}

/** The facts of all tasks, read in one shell by the scripts of the areas. */
function factsOf(
  tasks: readonly ReadTask[],
  run: (script: string, root: string) => string,
  known: readonly Facts[],
): readonly Facts[] {
  const reads = tasks.map(({ module, args, root }, index) => ({
    root,
    wants: module
      .facts(args, viewOf(known[index] ?? {}))
      .map(({ area: name, args: given = {} }) => {
        const area = areas.get(name);
        if (area === undefined) throw new Error(`no area ${name}`);
        return { area, args: given };
      }),
  }));
  const script = reads.flatMap(({ root, wants }) =>
    wants.map(({ area, args }) => {
      const text = typeof area.script === 'string' ? area.script : area.script(args);
      return `R=${quote(root)}\n${text}\nprintf '\\n@@next\\n'\n`;
    }),
  );
  const outputs = run(script.join(''), '/').split('\n@@next\n');
  let at = 0;
  return reads.map(({ wants }) =>
    allOf(wants.map(({ area, args }) => area.parse(outputs[at++] ?? '', { cut: false, args }))),
  );
}

const endOf = ({ changes, refuse, unmet }: ModulePlan): Outcome['end'] =>
  refuse !== undefined || unmet !== undefined ? 'failed' : changes.length > 0 ? 'changed' : 'same';

/** Performs an effect by its script; a write of most files by this process, which is quicker. */
function perform(
  effect: Effect,
  root: string,
  run: (script: string, root: string, stdin?: string) => string,
  byScript: boolean,
): void {
  if (effect.kind === 'run') run(effect.script, root);
  else if (effect.kind !== 'write') throw new Error(effect.kind);
  else if (!byScript && typeof effect.content === 'string') {
    const at = join(root, effect.path);
    rmSync(at, { force: true });
    put(at, { content: effect.content, mode: Number.parseInt(effect.mode, 8) });
  } else
    run(
      writeScript({ run: '2026-01-01-000000-aaaa', number: 1 }, effect),
      root,
      typeof effect.content === 'string' ? effect.content : '',
    );
}
