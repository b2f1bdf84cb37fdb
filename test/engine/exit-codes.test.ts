// Each exit code of a run by a real run, as far as no other file has it (5: brake, 6: unreachable,
// 7: locks, 8: saved plans, 9 and 10: control).

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePath } from '../cli/child.ts';
import { eventsOf, type Practice, play, practice, remediationPlay, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([
    sick('h1'),
    sick('dark', { closed: true }),
    sick('bare', { packages: [] }),
    sick('full'),
  ]);
});
afterAll(() => lab.close());
const on = (pattern: string, text: string): string =>
  text.replace('hosts: all', `hosts: ${pattern}`);

describe('exit', () => {
  it('3: an unknown module, an unknown word, nobody to say yes', async () => {
    expect(
      (await lab.run(['apply', lab.file('a.yaml', play('    - no_such_module: {}\n')), '--yes']))
        .exit,
    ).toBe(3);
    expect((await lab.run(['aply'])).exit).toBe(3);
    const asked = await lab.run(['apply', lab.file('b.yaml', on('h1', remediationPlay()))]);
    expect([asked.exit, asked.err]).toMatchObject([
      3,
      expect.stringContaining('the plan needs a yes, and there is no terminal to ask on'),
    ]);
    expect(lab.runs()).toEqual([]);
  });

  it('4: a host is refused by its plan, and left alone', async () => {
    const done = await lab.run([
      'apply',
      lab.file(
        'c.yaml',
        on('h1', play('    - package: {name: no-such-package}\n', '{unplannable: leave_out}')),
      ),
      '--yes',
    ]);
    expect(done.exit, done.out).toBe(4);
    expect(done.out).toContain('no-such-package');
  });

  it('6: nothing but unreachable hosts', async () => {
    const done = await lab.run([
      'apply',
      lab.file(
        'd.yaml',
        on('dark', remediationPlay('{retries: {transport: 0}, unplannable: leave_out}')),
      ),
      '--yes',
    ]);
    expect(done.exit, done.out).toBe(6);
  });

  it('11: no host matched', async () => {
    expect(
      (await lab.run(['apply', lab.file('e.yaml', remediationPlay()), '--yes', '-l', 'h1:!h1']))
        .exit,
    ).toBe(11);
  });

  it('12: done, but not proven: no container is there to be read', async () => {
    const tasks = remediationPlay().replace(
      '{state: disabled, timeout: 10s}',
      '{state: disabled, timeout: 1s, active_probe: false, without_sample: provisional}',
    );
    const done = await lab.run(['apply', lab.file('f.yaml', on('bare', tasks)), '--yes']);
    expect(done.exit, done.out + done.err).toBe(12);
    expect(eventsOf(lab.journal(), 'host.done')).toMatchObject([{ proven: 'provisional' }]);
  }, 30_000);

  it('1: the journal cannot be written any more: nothing further is started, and the hosts under way are named', async () => {
    const playbook = lab.file(
      'g.yaml',
      on(
        'full',
        play(
          `    - shell: {cmd: 'echo x >> "$KMEND_ROOT/var/ran"; head -c 3000 /dev/zero | tr "\\\\0" x'}\n      loop: "{{ range(14) | list }}"\n`,
        ),
      ),
    );
    // Half a kilobyte a block: the journal of this run does not fit into 24 KiB.
    const args = [
      bundlePath(),
      'apply',
      playbook,
      '-i',
      lab.fleet.inventoryFile,
      '--yes',
      '--state-dir',
      join(lab.dir, 'small'),
    ];
    const done = await new Promise<{ code: number | null; err: string }>((resolve) => {
      const child = spawn(
        'sh',
        ['-c', 'ulimit -f 48; exec "$@"', 'sh', process.execPath, ...args],
        {
          stdio: ['ignore', 'ignore', 'pipe'],
          env: { HOME: lab.dir, PATH: process.env.PATH },
        },
      );
      let err = '';
      child.stderr.on('data', (chunk: Buffer) => {
        err += String(chunk);
      });
      child.on('close', (code) => resolve({ code, err }));
    });
    expect(done.code, done.err).toBe(1);
    expect(done.err).toMatch(
      /journal\.ndjson cannot be written: a limit on the size of files is reached/,
    );
    expect(done.err).toMatch(
      /no further step is begun on any host; under way: full( \(run sh: echo x|$)/m,
    );
    expect(done.err).toContain('make room or make it writable, then: kmend resume');
    expect(done.err).not.toContain('internal error');
    // With room again it goes on where it stood: each of the fourteen was done once.
    const state = join(lab.dir, 'small');
    const resumed = await lab.run([
      'resume',
      /kmend resume (\S+)/.exec(done.err)?.[1] ?? '',
      '--state-dir',
      state,
    ]);
    expect(resumed.exit, resumed.out + resumed.err).toBe(0);
    expect(readFileSync(join(lab.host('full').root, 'var/ran'), 'utf8')).toBe('x\n'.repeat(14));
  }, 40_000);
});
