// hold against Ansible's dpkg_selections, on a database of dpkg in a directory of its own: the same
// selections and ends. Skipped where one of them is missing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { areas } from '../../src/facts/probe/registry.ts';
import { type Facts, viewOf } from '../../src/model/fact.ts';
import { moduleNamed, noContext, parseArgs } from '../modules/laws.ts';
import { noAnsible } from './file-modules.ts';

const noDpkg = spawnSync('dpkg', ['--version']).status !== 0;
const selections = ['install', 'hold'];
/** Two packages for each state of before and each wanted one, and those that dpkg does not know. */
const cases = selections.flatMap((before) =>
  selections.flatMap((wanted) =>
    ['1.0', '2:1.0-1~x'].map((version, index) => ({
      name: `${before}-${wanted}-${index}`,
      before,
      wanted,
      version,
    })),
  ),
);
const unknown = { name: 'unknown', wanted: 'hold' };

function database(base: string, who: string): NodeJS.ProcessEnv {
  const directory = join(base, who);
  for (const part of ['info', 'updates', 'triggers'])
    mkdirSync(join(directory, part), { recursive: true });
  const status = cases.map(
    ({ name, before, version }) =>
      `Package: ${name}\nStatus: ${before} ok installed\nArchitecture: all\nMaintainer: x\nVersion: ${version}\nDescription: x\n`,
  );
  writeFileSync(join(directory, 'status'), status.join('\n'));
  for (const { name } of cases) writeFileSync(join(directory, 'info', `${name}.list`), '');
  return { ...process.env, DPKG_ADMINDIR: directory };
}
const selected = (env: NodeJS.ProcessEnv): string =>
  spawnSync('dpkg', ['--get-selections'], { env, encoding: 'utf8' }).stdout;

function byAnsible(env: NodeJS.ProcessEnv): readonly string[] {
  const asked = [...cases, unknown].map(({ name, wanted }) => ({
    module: 'dpkg_selections',
    args: { name, selection: wanted },
  }));
  const ran = spawnSync('/usr/bin/python3', [join(import.meta.dirname, 'ansible-modules.py')], {
    input: JSON.stringify(asked),
    encoding: 'utf8',
    env,
  });
  const results: readonly { changed?: boolean; failed?: boolean }[] = JSON.parse(ran.stdout);
  return results.map(({ changed, failed }) => (failed ? 'failed' : changed ? 'changed' : 'same'));
}

function byKmend(env: NodeJS.ProcessEnv): readonly string[] {
  const [module, area] = [moduleNamed('hold'), areas.get('package')];
  if (area === undefined || typeof area.script === 'string') throw new Error('no area');
  const run = (script: string) => spawnSync('sh', ['-s'], { input: script, encoding: 'utf8', env });
  return [...cases, unknown].map(({ name, wanted }) => {
    const args = parseArgs(module, { name, state: wanted });
    const [want] = module.facts(args, viewOf({}));
    const values = want?.args ?? {};
    const script = typeof area.script === 'string' ? area.script : area.script(values);
    const { stdout } = run(withPrelude(`F=deb T2=\n${area.functions ?? ''}\n${script}`));
    const facts: Facts = {
      ...area.parse(stdout, { cut: false, args: values }),
      'packages.manager': 'apt',
    };
    const plan = module.plan(args, viewOf(facts), noContext);
    if (plan.refuse !== undefined) return 'failed';
    const effects = plan.changes.flatMap((change) => change.effects);
    const isDone = effects.every(
      (effect) => effect.kind === 'run' && run(effect.script).status === 0,
    );
    return !isDone ? 'failed' : effects.length > 0 ? 'changed' : 'same';
  });
}

it.skipIf(noAnsible || noDpkg)('gives the selections and the ends of dpkg_selections', () => {
  const base = mkdtempSync(join(tmpdir(), 'kmend-holds-'));
  onTestFinished(() => rmSync(base, { recursive: true, force: true }));
  const [ours, theirs] = [database(base, 'ours'), database(base, 'theirs')];
  const ends = byAnsible(theirs);
  expect(byKmend(ours)).toEqual(ends);
  expect(ends.filter((end) => end === 'changed')).toHaveLength(4);
  expect(ends.at(-1)).toBe('failed');
  expect(selected(ours)).toBe(selected(theirs));
});
