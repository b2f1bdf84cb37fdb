// One of three real hosts is compromised: it floods, stalls and bombs. The other two end as
// if it were not there, and the controller stays well.
import { appendFileSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ServerChannel } from 'ssh2';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator, type Ran } from './operator.ts';
import { type Answer, type TakenHost, takeHost } from './taken-host.ts';

const missing = labMissing('el7');
const real: Answer = { kind: 'real' };
/** The only script here that is too long for a command: it comes through the input. */
const isProbe = (command: string): boolean => command.includes('kmend_script=$(');
const isPoll = (command: string): boolean => command.includes('running $(tail');

const work = `- hosts: all
  rollout: {max_unavailable: 3, brake: {failures: 3}, retries: {transport: 0}}
  tasks:
    - shell: 'sleep 3; echo done >> /var/done'
      timeout: 25s
    - shell: 'echo again >> /var/done'
`;

/** Adds lines to the area of the probe that has lines of that sort. */
const plant = (lines: readonly string[]): Answer => ({
  kind: 'rewrite',
  text: (stdout) => stdout.replace(/^@@kmend done \d+/gm, (end) => `${lines.join('\n')}\n${end}`),
});

/** Writes the piece again and again, as fast as it is taken, until the other side has closed. */
function pour(channel: ServerChannel, piece: string): void {
  const more = (): void => {
    while (channel.writable) if (!channel.write(piece)) return;
  };
  channel.on('drain', more);
  more();
}

describe.skipIf(missing !== '')(
  `a compromised host among real el7 hosts (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let taken: TakenHost;
    let op: Operator;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 3, net: '127.35' });
      taken = await takeHost(lab, 'h1');
      appendFileSync(lab.knownHosts, `[127.0.0.1]:${taken.server.port} ${taken.server.hostKey}\n`);
    });
    beforeEach(async () => {
      taken.answer = () => real;
      // Each test has a state directory of its own, which knows nothing of the run before: that one's
      // fence would refuse the host.
      await lab.ssh('h1', 'rm -rf /var/lib/kmend');
      op = operator(
        ['h1', 'h2', 'h3'].map((name) => ({
          name,
          lab,
          host: name,
          ...(name === 'h1' ? { vars: taken.vars } : {}),
        })),
      );
    });
    afterEach(() => op.close());
    afterAll(async () => {
      await taken?.close();
      lab?.down();
    });

    const apply = (): Promise<Ran> =>
      op.kmend(['apply', op.file('work.yaml', work), '-i', op.inventory, '--yes']);
    const journalBytes = (): number =>
      statSync(join(op.dir, 'state/runs', op.runs().at(-1) ?? '', 'journal.ndjson')).size;
    const done = (): readonly string[] =>
      eventsOf(op.journal(), 'host.done')
        .map(({ host }) => host)
        .sort();

    /** Both were walked to their end, with both commands run once. */
    async function expectOthersDone(ran: Ran): Promise<void> {
      expect([done(), ran.code]).toEqual([
        expect.arrayContaining(['h2', 'h3']),
        expect.any(Number),
      ]);
      for (const host of ['h2', 'h3'])
        expect((await lab.ssh(host, 'cat /var/done; rm /var/done')).out).toBe('done\nagain\n');
    }

    it('that is honest is done like the others', async () => {
      const ran = await apply();
      expect([ran.code, ran.err]).toEqual([0, '']);
      await expectOthersDone(ran);
      expect(done()).toEqual(['h1', 'h2', 'h3']);
    });

    it('that answers each poll at once with 400,000 letters fills neither journal nor screen', async () => {
      let polls = 0;
      taken.answer = (command) =>
        isPoll(command)
          ? {
              kind: 'own',
              say: (channel, mark) => {
                polls += 1;
                channel.stderr.write(`${mark}\n`);
                channel.write(`${mark} 4711\nrunning ${polls} ${'A'.repeat(400_000)}\n`);
                channel.exit(0);
                channel.end();
              },
            }
          : real;
      const ran = await apply();
      await expectOthersDone(ran);
      expect(failureOf(op.journal(), 'h1')).toMatchObject({ failure: { kind: 'timeout' } });
      expect(polls).toBeLessThan(10);
      expect([journalBytes() < 50_000, ran.out.length < 20_000]).toEqual([true, true]);
    });

    it.each<[string, (channel: ServerChannel, mark: string) => void]>([
      [
        'sends without end before its script begins',
        (channel) => pour(channel, 'A'.repeat(60_000)),
      ],
      [
        'never ends the line of its process id',
        (channel, mark) => pour(channel, mark + '4'.repeat(60_000)),
      ],
      [
        'never ends its answer',
        (channel, mark) => {
          channel.stderr.write(`${mark}\n`);
          channel.write(`${mark} 4711\n`);
          pour(channel, 'line\n'.repeat(12_000));
        },
      ],
    ])('that %s is given up', async (_name, say) => {
      taken.answer = (command) => (isProbe(command) ? { kind: 'own', say } : real);
      const ran = await op.kmend(['check', '-i', op.inventory]);
      expect(ran.out).toMatch(
        /h1 .*(?:sends without end|more output came back than any command has)/,
      );
      expect(ran.out).toMatch(/h2 +3\.10/);
      expect(ran.out).toMatch(/h3 +3\.10/);
      expect(ran.out.length).toBeLessThan(10_000);
    });

    it('that prints text which is slow to parse takes no longer than the others (globs, logs)', async () => {
      const globs = `exclude ${'*'.repeat(28)}Q`;
      const logs = ['INFO: task ', 'cache: a(1:', 'mkdir /cgroup/memory', '(a'].map(
        (text) => `log ${text.repeat(32_768 / text.length)}`,
      );
      taken.answer = (command) => (isProbe(command) ? plant([globs, ...logs]) : real);
      const checked = await op.kmend(['check', '-i', op.inventory]);
      for (const host of ['h2', 'h3']) expect(checked.out).toMatch(new RegExp(`${host} +3[.]10`));
      const packages = op.file(
        'packages.yaml',
        '- hosts: all\n  tasks:\n    - package: {name: docker-ce, version: 18.09.1}\n',
      );
      const planned = await op.kmend(['plan', packages, '-i', op.inventory]);
      for (const host of ['h2', 'h3']) expect(planned.out).toMatch(new RegExp(`${host} +on`));
    }, 60_000);

    it('whose variables explode while it is walked fails alone, and so does a resume', async () => {
      let walked = false;
      const levels = Array.from(
        { length: 11 },
        (_, level) => `A${level + 1}="${`$A${level}`.repeat(10)}"`,
      );
      const bomb = ['A0=xxxxxxxxxx', ...levels, 'PRETTY_NAME="$A11"'].map((line) => `os ${line}`);
      taken.answer = (command) => {
        walked ||= isPoll(command);
        return walked && isProbe(command) ? plant(bomb) : real;
      };
      const ran = await apply();
      expect(ran.err).not.toMatch(/internal error/);
      await expectOthersDone(ran);
      expect((await op.kmend(['resume', op.runs().at(-1) ?? '', '--skip', 'h1'])).err).not.toMatch(
        /internal error/,
      );
      expect(
        readFileSync(join(op.dir, 'state/runs', op.runs().at(-1) ?? '', 'journal.ndjson'), 'utf8')
          .length,
      ).toBeLessThan(50_000);
    }, 120_000);
  },
);
