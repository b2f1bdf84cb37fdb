// Long output: in a file a host beside the journal, masked, with a cap; the journal keeps the end
// of it. What cannot be kept stops no run.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { outputKeeper } from '../../src/adapters/store/output.ts';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([
    sick('h1', { vars: { ansible_password: 'correct-horse' } }),
    sick('h2'),
    sick('h3'),
  ]);
});
afterAll(() => lab.close());

const loud = `i=0; w=horse; while [ $i -lt 3000 ]; do echo "line $i correct-$w"; i=$((i+1)); done; echo end`;

describe('a command that says much', () => {
  it('is shortened in the journal and whole in a file that only its user reads; report names it; no secret is in it', async () => {
    const tasks = `    - name: Loud\n      shell: {cmd: '${loud}; echo wrong >&2'}\n    - name: Brief\n      shell: {cmd: echo brief}\n    - name: Fails\n      shell: {cmd: '${loud}; exit 3'}\n`;
    const ran = await lab.run([
      'apply',
      lab.file('loud.yaml', play(tasks).replace('hosts: all', 'hosts: h1')),
      '--yes',
    ]);
    expect(ran.exit, ran.out + ran.err).toBe(4);
    const run = lab.runs().at(-1) ?? '';
    const [done, brief] = eventsOf(lab.journal(run), 'effect.done').map(({ result }) => result);
    const [failed] = eventsOf(lab.journal(run), 'effect.failed').map(({ result }) => result);
    expect([done?.output, failed?.output]).toMatchObject([
      { file: 'output/h1.log' },
      { file: 'output/h1.log' },
    ]);
    expect([
      (done?.stdout ?? '').length,
      done?.stdout?.endsWith('line 2999 ***\nend\n'),
      brief?.output,
    ]).toEqual([4000, true, undefined]);
    const file = join(lab.state, 'runs', run, 'output/h1.log');
    const text = readFileSync(file, 'utf8');
    expect([statSync(file).mode & 0o777, statSync(join(file, '..')).mode & 0o777]).toEqual([
      0o600, 0o700,
    ]);
    expect(text).toMatch(/^=== run sh: .*, exit 0, \d{4}-\d\d-\d\dT/);
    expect(text).toMatch(
      /--- stdout\nline 0 \*\*\*\nline 1 [\s\S]*line 2999 \*\*\*\nend\n--- stderr\nwrong\n=== run sh: .*, exit 3/,
    );
    expect([text.includes('correct-horse'), text.includes('brief')]).toEqual([false, false]);
    for (const words of [
      ['report', run],
      ['runs', 'show', run],
      ['report', run, '--markdown'],
    ])
      expect((await lab.run(words)).out).toMatch(/output\/h1\.log {2}\d+ kB/);
  }, 30_000);

  it('writes no file where the play says no_log', async () => {
    const tasks = `    - {shell: {cmd: '${loud.replaceAll('"', '\\"').replace("'", "''")}'}, no_log: true}\n`;
    const ran = await lab.run([
      'apply',
      lab.file('quiet.yaml', play(tasks).replace('hosts: all', 'hosts: h2')),
      '--yes',
    ]);
    expect(ran.exit, ran.out + ran.err).toBe(0);
    const run = lab.runs().at(-1) ?? '';
    expect(eventsOf(lab.journal(run), 'effect.done')[0]?.result).toEqual({ ok: true, code: 0 });
    expect(existsSync(join(lab.state, 'runs', run, 'output'))).toBe(false);
  }, 30_000);
});

describe('what is kept of a host', () => {
  const keepOutput = outputKeeper();
  const directory = (name: string): string => {
    mkdirSync(join(lab.dir, name));
    return join(lab.dir, name);
  };

  it('of all hosts together has a most too, which what was kept before a resume counts for', async () => {
    const at = directory('total');
    const keep = outputKeeper(1000);
    const half = 'x'.repeat(500);
    expect([await keep(at, 'a', half), await keep(at, 'b', half)]).toMatchObject([
      { kept: true },
      { kept: true },
    ]);
    const full = {
      kept: false,
      why: 'the outputs of this run have 1000 bytes already, and 1000 are the most',
    };
    expect([await keep(at, 'c', 'x'), await outputKeeper(1000)(at, 'a', 'x')]).toEqual([
      full,
      full,
    ]);
  });

  it.each(['../../etc/passwd', '..', 'a/b', 'fe80::1%eth0'])(
    'stays in its folder, whatever the host is called: %s',
    async (name) => {
      const at = directory(`name-${encodeURIComponent(name)}`);
      expect((await keepOutput(at, name, 'text')).kept).toBe(true);
      expect([readdirSync(at), readdirSync(join(at, 'output')).length]).toEqual([['output'], 1]);
    },
  );

  it('is reported when it cannot be written, and never thrown', async () => {
    const at = directory('blocked');
    writeFileSync(join(at, 'output'), 'a file');
    expect(await keepOutput(at, 'a', 'text')).toMatchObject({ kept: false });
    expect((await keepOutput(join(at, 'nowhere', 'x'), 'h'.repeat(300), 'text')).kept).toBe(false);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'leaves a small disk to the journal (root only: mounts a tmpfs): the run ends well',
    async () => {
      const state = directory('small');
      execFileSync('sh', ['-c', `mount -t tmpfs -o size=1m,mode=700 tmpfs ${state}`]);
      try {
        const tasks = `    - shell: {cmd: '${loud}'}\n`;
        const words = [
          'apply',
          lab.file('small.yaml', play(tasks).replace('hosts: all', 'hosts: h3')),
          '--yes',
          '--state-dir',
          state,
        ];
        expect((await lab.run(words)).exit).toBe(0);
        const [run = ''] = readdirSync(join(state, 'runs'));
        const journal = readFileSync(join(state, 'runs', run, 'journal.ndjson'), 'utf8');
        expect(journal).toContain('too little space is left on the disk of the state directory');
        expect(existsSync(join(state, 'runs', run, 'output/h3.log'))).toBe(false);
      } finally {
        execFileSync('sh', ['-c', `umount -l ${state}`]);
      }
    },
    30_000,
  );
});
