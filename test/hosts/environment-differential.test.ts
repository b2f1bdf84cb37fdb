// `environment` against the ansible-core that is installed here: layers of a play, a block, a role and a
// task, made from a seed, give each shell task the same variables. Skipped where it is missing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import { environmentOf } from '../../src/core/plan/task/environment.ts';
import { renderDeep, scopeOf } from '../../src/expression/index.ts';
import { loadPlaybook } from '../../src/load/index.ts';
import { viewOf } from '../../src/model/fact.ts';
import type { ModuleTask, Task } from '../../src/model/playbook.ts';
import { modules } from '../../src/modules/index.ts';
import { tableReader } from '../fakes/table-reader.ts';
import { moduleNamed, noContext, parseArgs } from '../modules/laws.ts';
import { noAnsible } from './file-modules.ts';

const vars = { word: 'a b', mapping: { KM_A: 'm', KM_D: 'it\'s "x"' }, number: 7, on: true };

const value = fc.constantFrom<unknown>(
  'plain',
  'a b  c',
  "it's",
  '$HOME `id` "q" \\',
  'naïve',
  '',
  1,
  1.5,
  true,
  false,
  null,
  'two\nlines',
  '{{ word }}',
  '{{ number }}',
  '{{ on }}',
  '{{ word }}/{{ number + 1 }}',
  '{{ nothing | default("none") }}',
);
const mapping = fc.dictionary(fc.constantFrom('KM_A', 'KM_B', 'KM_C', 'km_a'), value, {
  maxKeys: 3,
});
const layer = fc.oneof(
  { weight: 4, arbitrary: mapping },
  { weight: 1, arbitrary: fc.constant<unknown>('{{ mapping }}') },
  { weight: 1, arbitrary: fc.array(mapping, { maxLength: 3 }) },
);
const layers = fc.record({ play: layer, block: layer, role: layer, task: layer });

const print = "env -0 | grep -z -i '^KM_' | sort -z | base64 -w0";
const taskOf = (file: string, environment: unknown) => ({
  shell: `${print} > "$OUT/${file}"`,
  environment,
});

/** One play, and the role that it has. */
const playOf = ({ play, block, role, task }: Record<string, unknown>, index: number) => ({
  play: {
    hosts: 'all',
    gather_facts: false,
    vars,
    environment: play,
    roles: [{ role: `r${index}`, environment: role }],
    tasks: [{ block: [taskOf(`${index}.b`, task)], environment: block }],
  },
  role: [taskOf(`${index}.a`, task)],
});

const flat = (tasks: readonly Task[]): readonly ModuleTask[] =>
  tasks.flatMap((task) => (task.kind === 'block' ? flat(task.tasks) : [task]));

/** Runs what kmend makes of a task. */
function runTask(task: ModuleTask, out: string): void {
  const given = environmentOf(task, (layer) => renderDeep(layer, scopeOf(vars)));
  if (given.kind !== 'environment') throw new Error(JSON.stringify(given));
  const shell = moduleNamed('shell');
  const args = shell.inEnvironment?.(parseArgs(shell, task.args), given.environment);
  const [effect] = shell
    .plan(args, viewOf({}), noContext)
    .changes.flatMap(({ effects }) => effects);
  if (effect?.kind !== 'run') throw new Error('nothing is run');
  const env = { PATH: process.env.PATH, OUT: out };
  const done = spawnSync('/bin/sh', ['-s'], { input: effect.script, env, encoding: 'utf8' });
  expect(done.stderr).toBe('');
}

describe.skipIf(noAnsible)(`with Ansible (${noAnsible ? 'not installed' : 'all there'})`, () => {
  it('every task has the same variables', { timeout: 300_000 }, () => {
    const base = mkdtempSync(join(tmpdir(), 'kmend-environment-'));
    onTestFinished(() => rmSync(base, { recursive: true, force: true }));
    const cases = fc.sample(layers, { seed: 20_262, numRuns: 25 }).map(playOf);
    const files: Record<string, string> = {};
    for (const [index, { role }] of cases.entries())
      files[`roles/r${index}/tasks/main.yml`] = JSON.stringify(role);
    const text = JSON.stringify(cases.map(({ play }) => play));
    for (const [path, content] of Object.entries({ ...files, 'p.yml': text })) {
      mkdirSync(join(base, path, '..'), { recursive: true });
      writeFileSync(join(base, path), content);
    }
    const [ours, theirs] = [join(base, 'ours'), join(base, 'theirs')];
    for (const out of [ours, theirs]) mkdirSync(out);
    const done = spawnSync('ansible-playbook', ['-i', 'h,', '-c', 'local', 'p.yml'], {
      cwd: base,
      env: { ...process.env, OUT: theirs, ANSIBLE_LOCALHOST_WARNING: 'false' },
      encoding: 'utf8',
    });
    expect(done.status, done.stdout.slice(-2000) + done.stderr).toBe(0);
    const loaded = loadPlaybook('p.yml', text, { modules, facts: [], reader: tableReader(files) });
    expect(loaded.diagnostics.filter(({ severity }) => severity === 'error')).toEqual([]);
    for (const play of loaded.value?.plays ?? [])
      for (const task of flat(play.tasks)) runTask(task, ours);
    const shown = (out: string) =>
      cases.flatMap((_, index) =>
        ['a', 'b'].map((part) =>
          Buffer.from(readFileSync(join(out, `${index}.${part}`), 'utf8'), 'base64').toString(),
        ),
      );
    expect(shown(ours)).toEqual(shown(theirs));
    expect(shown(ours).filter((one) => one !== '').length).toBeGreaterThan(20);
  });
});
