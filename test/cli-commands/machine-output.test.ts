// `--json` is a contract: whatever a command prints with it has a published schema and passes it,
// and each schema is seen in real output.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { demoHosts, serveLab } from '../../practice/index.ts';
import { parsePlain } from '../../src/load/text/yaml-data.ts';
import { schemaFiles, wrongIn } from '../cli/output-schemas.ts';
import { type Practice, play, practice, remediationPlay, sick, until } from '../cli/practice.ts';
import { type CommandResult, command } from '../cli/real-world.ts';
import { sharedState } from '../fakes/workers.ts';
import { clusterFor } from '../kube/cluster-on.ts';
import { type NodeFleet, nodeFleet, sickNode } from '../kube/fleet-nodes.ts';

type Line = Readonly<Record<string, unknown>>;
const seen = new Set<string>();

/** Checks each line of standard output, and gives the lines as data. */
function checked({ out, err }: CommandResult): readonly Line[] {
  const lines = out.split('\n').filter(Boolean);
  expect(lines.map(wrongIn).filter(Boolean), err).toEqual([]);
  return lines.map((text) => {
    const line = JSON.parse(text);
    seen.add(line.schema);
    return line;
  });
}

/** The schemas of lines, each once, without `kmend.`. */
const kinds = (lines: readonly Line[]): string =>
  [...new Set(lines.map(({ schema }) => String(schema).replace('kmend.', '')))].join(' ');

let lab: Practice;
beforeAll(async () => {
  lab = await practice([...demoHosts, sick('plain')]);
});
afterAll(() => lab.close());

const run = async (...args: string[]) => {
  const done = await lab.run([...args, '--json']);
  return { exit: done.exit, err: done.err, lines: checked(done) };
};
const inventory = (): string => lab.fleet.inventoryFile;
const lastRun = (): string => lab.runs().at(-1) ?? 'none';
const setsArgument = (value: string): string =>
  lab.file(
    'sets.yaml',
    play(`    - kernel_arg: {key: practice, value: "${value}"}\n`).replace('all', 'node-a3'),
  );

describe('hosts', () => {
  it('check: a line for each, also with --active', async () => {
    const { lines, exit } = await run('check');
    expect([kinds(lines), lines.length, exit]).toEqual(['check/1', demoHosts.length + 1, 6]);
    expect(lines.filter(({ facts }) => facts === null)).toHaveLength(1);
    expect(kinds((await run('check', 'node-a2', '--active')).lines)).toBe('check/1');
  });

  it('check: names of one machine', async () => {
    const { all } = parsePlain(readFileSync(inventory(), 'utf8')) as {
      readonly all: { readonly children: Record<string, { hosts: Record<string, object> }> };
    };
    for (const { hosts } of Object.values(all.children))
      if (hosts['node-a3'] !== undefined) hosts.again = hosts['node-a3'];
    const twice = lab.file('twice.yaml', stringify({ all }));
    const { lines } = await run('check', 'node-a3,again', '-i', twice);
    expect(kinds(lines)).toBe('check/1 twins/1');
  });

  it('doctor and cleanup', async () => {
    const examined = await run('doctor', '-i', inventory());
    expect([kinds(examined.lines), examined.exit]).toEqual(['doctor/1', 6]);
    expect(examined.lines.filter(({ failure }) => failure !== null)).toHaveLength(1);
    const cleaned = await run('cleanup', 'node-c1', '--yes', '-i', inventory());
    expect(cleaned.lines).toEqual([
      { schema: 'kmend.cleanup/1', host: 'node-c1', text: 'clean', failure: null },
    ]);
  });
});

describe('plans and runs', () => {
  it('plan: of the shipped playbook', async () => {
    const { lines, exit } = await run('plan', 'playbooks/auto.yaml');
    expect([kinds(lines), exit]).toEqual(['plan/1', 4]);
  });

  it('apply, drift and a rollback', async () => {
    const book = lab.file('remedy.yaml', remediationPlay());
    const applied = await run('apply', book, '--yes', '-l', 'plain');
    expect([kinds(applied.lines), applied.exit]).toEqual(['event/1 journal/1', 0]);
    const drifted = await run('drift', '-i', inventory(), 'plain');
    expect(drifted.lines).toMatchObject([{ schema: 'kmend.drift/1', state: 'kept', held: null }]);
    const planned = await run('rollback', lastRun(), '--check');
    expect([kinds(planned.lines), planned.exit]).toEqual(['plan/1', 2]);
  });

  it('rollback: a host that is refused, and a run that changed nothing', async () => {
    await lab.run(['apply', setsArgument('1'), '--yes']);
    const first = lastRun();
    await lab.run(['apply', setsArgument('2'), '--yes']);
    const refused = await run('rollback', first, '--yes');
    expect([kinds(refused.lines), refused.exit]).toEqual(['refused/1', 4]);
    const acts = play('    - command: {cmd: "true"}\n').replace('all', 'node-a3');
    await lab.run(['apply', lab.file('acts.yaml', acts), '--yes']);
    expect(await run('rollback', lastRun(), '--yes')).toMatchObject({ lines: [], exit: 0 });
  });

  it('a failed host: its run, its report, the hold on it, and control commands', async () => {
    const fails = lab.file(
      'fails.yaml',
      play('    - kernel_arg: {key: practice, value: "3"}\n    - command: "false"\n').replace(
        'all',
        'node-b1,node-c2',
      ),
    );
    const applied = await run(
      'apply',
      fails,
      '--yes',
      '--unplannable',
      'leave_out',
      '--max-unavailable',
      '2',
    );
    expect([kinds(applied.lines), applied.exit]).toEqual(['event/1 journal/1', 4]);
    const failed = lastRun();
    const { lines } = await run('report', failed);
    expect(lines).toMatchObject([
      {
        schema: 'kmend.report/1',
        state: 'finished',
        finished: { exit: 4 },
        counts: { failed: 1, left_out: 1, done: 0 },
        hosts: [{ host: 'node-b1', status: 'failed', keepsSlot: true }],
        leftOut: [{ host: 'node-c2', failure: { kind: 'unreachable' } }],
        journal: { entries: applied.lines.length - 1, head: applied.lines.at(-1)?.head },
      },
    ]);
    expect((await run('report', failed, '--events')).lines).toEqual(applied.lines);
    expect(kinds((await run('check', 'node-b1')).lines)).toBe('check/1 held/1');
    expect(kinds((await run('doctor', 'node-b1', '-i', inventory())).lines)).toBe(
      'doctor/1 held/1',
    );
    for (const words of [
      ['pause', failed],
      ['continue', failed],
      ['resolve', failed, 'node-b1'],
    ])
      expect((await run(...words)).lines).toEqual([
        { schema: 'kmend.control/1', run: failed, holder: null },
      ]);
  });

  it('runs, runs prune, and audit verify', async () => {
    const runs = await run('runs');
    expect([kinds(runs.lines), runs.lines.length]).toEqual(['run/1', lab.runs().length]);
    expect(kinds((await run('runs', 'prune', '--keep', '1', '--check')).lines)).toBe('prune/1');
    expect(kinds((await run('audit', 'verify')).lines)).toBe('audit/1');
  });

  it('token list', async () => {
    await lab.run(['token', 'new', 'wall']);
    expect((await run('token', 'list')).lines).toMatchObject([
      { schema: 'kmend.token/1', name: 'wall' },
    ]);
  });

  it('state show', async () => {
    const url = 'postgres://eve@127.0.0.1:1/none';
    const done = await command(['state', 'show', '--state', url, '--json'], { home: lab.dir });
    expect([done.exit, checked(done)]).toMatchObject([
      1,
      [{ schema: 'kmend.state/1', database: null }],
    ]);
  });

  it('apply --detach and workers: the run that was begun, who is alive, what waits', async () => {
    const shared = sharedState(join(lab.dir, 'shared'), Date.now);
    const on = { store: async () => shared.store() };
    const ended = shared.other({ refused: [{ run: 'r1', why: 'its files differ' }] });
    const left = ['apply', setsArgument('3'), '--detach', '--yes', '--json'];
    expect(kinds(checked(await lab.run(left, on)))).toBe('detached/1');
    const listed = await lab.run(['workers', '--json'], on);
    ended();
    expect(kinds(checked(listed))).toBe('worker/1 open-run/1');
  });

  it('schedule list, and the notice of a job', async () => {
    const notice = join(lab.dir, 'notice.json');
    const job = ['schedule', 'install', 'nightly', '--every', 'daily', '--as', 'cron'];
    const given = ['--notify-command', `cat > ${notice}`, '--notify-always'];
    const what = ['--', 'check', 'node-a3', '-i', inventory()];
    const installed = await lab.run([...job, ...given, '--state-dir', lab.state, ...what]);
    expect(installed.exit, installed.err).toBe(0);
    expect((await lab.run(['schedule', 'run', 'nightly'])).exit).toBe(0);
    expect(wrongIn(readFileSync(notice, 'utf8'))).toBe('');
    seen.add('kmend.notice/1');
    expect((await run('schedule', 'list')).lines).toMatchObject([
      { schema: 'kmend.job/1', name: 'nightly', last: { exit: 0 } },
    ]);
  });
});

describe('input', () => {
  const broken = (): string =>
    lab.file('broken.yaml', '- hosts: all\n  tasks:\n    - nosuch: {}\n');

  it('validate: a line for each playbook, with its diagnostics', async () => {
    const { lines, exit } = await run('validate', broken(), 'playbooks/auto.yaml', 'nowhere.yaml');
    expect(exit).toBe(3);
    expect(lines).toMatchObject([
      { ok: false, diagnostics: [{ code: 'unknown-module', place: { line: 3 } }] },
      { ok: true, plays: 1, hosts: 0 },
      { kind: 'command', exit: 3, message: expect.stringContaining('nowhere.yaml') },
    ]);
    expect(kinds(lines)).toBe('validate/1 error/1');
  });

  it('import: what became of each task', async () => {
    const old = lab.file(
      'old.yml',
      '- hosts: all\n  tasks:\n    - user: {name: x}\n    - slack: {msg: x}\n',
    );
    const done = await command(['import', old, '--json'], { home: lab.dir });
    const lines = checked(done);
    expect(done.exit).toBe(4);
    expect(kinds(lines)).toBe('import/1');
    expect(lines).toMatchObject([
      { share: 0, worth: false, account: [{ fate: 'undecided' }, { fate: 'dropped' }] },
    ]);
  });

  it.each([
    ['usage', ['check', '--nosuch'], 3],
    ['input', ['plan', 'BROKEN'], 3],
    ['command', ['report', 'nosuch'], 3],
    ['command', ['plan', 'BROKEN', '--list-hosts'], 3],
    ['command', ['inventory', '--graph'], 3],
  ])('an error (%s: %j) is one object, and text on stderr', async (kind, words, exit) => {
    const args = words.map((word) => (word === 'BROKEN' ? broken() : word));
    const done = await run(...args);
    expect(done).toMatchObject({ exit, lines: [{ schema: 'kmend.error/1', kind, exit }] });
    expect(done.err).not.toBe('');
    expect(done.err).not.toContain('kmend.error/1');
  });
});

it('lab list: a line for each host', async () => {
  const end = new AbortController();
  const dir = join(lab.state, 'lab');
  const served = serveLab({ dir, hosts: demoHosts.slice(0, 2), downSeconds: 1 }, end.signal);
  await until('the fleet is up', () => {
    try {
      return readFileSync(join(dir, 'lab.json'), 'utf8') !== '';
    } catch {
      return false;
    }
  });
  const { lines } = await run('lab', 'list');
  end.abort();
  await served;
  expect([kinds(lines), lines.length]).toEqual(['lab/1', 2]);
});

describe('nodes', () => {
  let world: NodeFleet;
  beforeAll(async () => {
    world = await nodeFleet([sickNode('n1'), sickNode('n2')]);
    world.web('n1', 2);
    world.fake.addPod({ name: 'bare', node: 'n2' });
  });
  afterAll(() => world.close());
  const onNodes = async (...args: string[]) => {
    const changes = { home: world.lab.dir, cluster: clusterFor(world.fake) };
    const done = await command([...args, '--json', '--kubeconfig', 'kubeconfig'], changes);
    return { exit: done.exit, err: done.err, lines: checked(done) };
  };

  it('doctor: what the cluster answers', async () => {
    const where = ['-i', world.lab.fleet.inventoryFile, '--state-dir', world.lab.state];
    const { lines } = await onNodes('doctor', ...where);
    expect(kinds(lines)).toBe('cluster/1 doctor/1');
  });

  it('drain, cordon and uncordon: a line for each', async () => {
    const pods = ['shop/web-n1-0', 'shop/web-n1-1'];
    expect(await onNodes('drain', 'n1', '--dry-run')).toMatchObject({
      exit: 0,
      lines: [{ node: 'n1', action: 'drain', dryRun: true, evicted: pods, blocks: [] }],
    });
    const drained = await onNodes('drain', 'n1', 'n2');
    expect(drained).toMatchObject({
      exit: 1,
      lines: [
        { node: 'n1', action: 'drain', dryRun: false, evicted: pods, left: [] },
        { node: 'n2', failure: { message: expect.stringContaining('shop/bare') } },
      ],
    });
    expect(drained.err).toContain('node/n1 drained');
    expect((await onNodes('cordon', 'n1')).lines).toMatchObject([{ changed: false }]);
    expect((await onNodes('uncordon', 'n1')).lines).toMatchObject([
      { action: 'uncordon', changed: true },
    ]);
    expect((await onNodes('cordon', 'n9')).lines).toMatchObject([
      { node: 'n9', failure: { kind: 'refused' } },
    ]);
  });
});

describe('each published schema', () => {
  const names = [...schemaFiles.keys()];
  it('was seen', () => expect(names.filter((name) => !seen.has(name))).toEqual([]));

  it('stands in docs/machine-output.md', () => {
    const page = readFileSync('docs/machine-output.md', 'utf8');
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([]);
    const named = [...page.matchAll(/`(kmend\.[a-z]+\/\d+)`/g)].map(([, name = '']) => name);
    expect(named.filter((name) => !schemaFiles.has(name))).toEqual([]);
  });
});

describe('the check of output', () => {
  it.each([
    ['a key that no schema names', { schema: 'kmend.control/1', run: 'r', holder: null, x: 1 }],
    ['a missing key', { schema: 'kmend.control/1', run: 'r' }],
    ['another type', { schema: 'kmend.control/1', run: 1, holder: null }],
    ['a schema that is not published', { schema: 'kmend.control/9', run: 'r', holder: null }],
    [
      'a key within an object',
      {
        schema: 'kmend.check/1',
        host: 'h',
        facts: null,
        failure: { kind: 'exit', message: '', x: 1 },
      },
    ],
    [
      'an unknown fact',
      { schema: 'kmend.check/1', host: 'h', facts: { 'kmem.nosuch': 1 }, failure: null },
    ],
    [
      'a key of an event of another type',
      {
        schema: 'kmend.event/1',
        v: 1,
        seq: 1,
        at: 1,
        run: 'r',
        prev: '',
        type: 'run.closed',
        who: 'x',
      },
    ],
  ])('finds %s', (_, line) => expect(wrongIn(JSON.stringify(line))).not.toBe(''));
});
