// The last way to reboot a host: a program on this machine, once, journalled before it is run, true only with a new boot id, never again after a resume.
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Faults } from '../../practice/index.ts';
import { eventsOf, type Practice, play, practice, sick, until } from '../cli/practice.ts';

const secret = 'hunter-of-22-snarks';
const hosts: Readonly<Record<string, Partial<Faults>>> = {
  hung: { noreboot: true },
  dark: { never: true },
  broken: { never: true },
  slow: { never: true },
  stuck: { noreboot: true },
  gone: { never: true },
  well: {},
};

describe('reboot: fallback', () => {
  let lab: Practice;
  const called = (host: string) => join(lab.dir, `called-${host}`);
  const calls = (host: string): readonly string[] =>
    existsSync(called(host)) ? readFileSync(called(host), 'utf8').trim().split('\n') : [];
  /** The board: it notes that it was asked, and the test cuts the power. */
  const board = (more = '') =>
    `echo "$KMEND_HOST $KMEND_ADDRESS $(printf %s "$BMC_PASSWORD" | wc -c)" >> '${lab.dir}/called-'"$1"; ${more}`;
  const playOf = (name: string, body: string, escalate = '[]', timeout = '3s') =>
    lab.file(
      `${name}.yaml`,
      play(
        `    - reboot:
        timeout: ${timeout}
        stable_for: 1s
        force: true
        escalate: ${escalate}
        fallback:
          command: [/bin/sh, -c, ${JSON.stringify(body)}, board, "{{ inventory_hostname }}"]
          environment: {BMC_PASSWORD: ${secret}}
`,
        '{max_unavailable: 9, brake: {failures: 9}}',
      ),
    );
  const progress = (host: string) => eventsOf(lab.journal(), 'effect.progress', host).map((event) => event.text);

  beforeAll(async () => {
    lab = await practice(Object.entries(hosts).map(([name, faults]) => sick(name, { faults })));
  });
  afterAll(() => lab.close());

  it.each(['hung', 'dark'])('%s: run once, with who it is for, and the reboot is proven by a new boot id', async (host) => {
    const file = playOf('power', board());
    const running = lab.start(['apply', file, '--yes', '-l', host]);
    await until('the board is asked', () => calls(host).length > 0);
    lab.fleet.set(host, 'noreboot', undefined);
    lab.fleet.set(host, 'never', undefined);
    lab.fleet.power(host);
    const { exit } = await running.result;
    const [started, ...others] = eventsOf(lab.journal(), 'effect.started', host);
    const [done] = eventsOf(lab.journal(), 'effect.done', host);
    expect([exit, others, calls(host)]).toEqual([0, [], [`${host} 127.0.0.1 ${secret.length}`]]);
    expect(done?.result.data).toMatchObject({ previousBootId: started?.bootId });
    expect(done?.result.data?.bootId).not.toBe(started?.bootId);
    expect(progress(host)).toEqual([
      expect.stringMatching(
        host === 'hung' ? /^not carried out: .*: \/bin\/sh, on this machine$/ : /^did not come back within .*: \/bin\/sh, on this machine$/,
      ),
      '/bin/sh ended well: waiting for a new boot id',
    ]);
    expect(started?.what).toContain('/bin/sh on this machine');
    expect(lab.journalText()).not.toContain(secret);
  });

  it('a host that comes back by itself needs none', async () => {
    const { exit } = await lab.run(['apply', playOf('none', board(), '[force]', '20s'), '--yes', '-l', 'well']);
    expect([exit, calls('well'), progress('well')]).toEqual([0, [], []]);
  });

  it('where it fails, the host has failed as it would have without, and both are told, without the secret', async () => {
    const file = playOf('fails', board('echo "no route to board with $BMC_PASSWORD" >&2; exit 3'));
    const { exit } = await lab.run(['apply', file, '--yes', '-l', 'broken']);
    const [bad] = eventsOf(lab.journal(), 'host.failed', 'broken');
    expect([exit, bad?.failure.kind, bad?.touched, calls('broken').length]).toEqual([6, 'unreachable', true, 1]);
    expect(bad?.failure.message).toMatch(/did not come back within .*; \/bin\/sh, run on this machine, ended with 3$/);
    expect(bad?.failure.detail).toBe('no route to board with ***');
    expect(lab.journalText()).not.toContain(secret);
  });

  it('is run once: a host that it did not bring back has failed', async () => {
    const { exit } = await lab.run(['apply', playOf('once', board()), '--yes', '-l', 'gone']);
    expect([exit, calls('gone').length]).toEqual([6, 1]);
    expect(eventsOf(lab.journal(), 'host.failed', 'gone')[0]?.failure.message).toMatch(/^did not come back within [6-9] s/);
  });

  it('is in the plan, by the name of the program alone', async () => {
    const { out } = await lab.run(['plan', playOf('shown', board(), '[force]'), '-l', 'well']);
    expect(out).toContain('when it hangs: force, then /bin/sh on this machine');
    expect(out).not.toContain('called-');
  });

  it.each([
    ['slow', 6, /did not come back/],
    ['stuck', 4, /^not carried out/],
  ])('is not run a second time after a resume: it is looked whether %s is back, and told when it is not', async (host, exit, why) => {
    const running = lab.start(['apply', playOf('twice', board()), '--yes', '-l', host]);
    await until('the board is asked', () => calls(host).length > 0);
    running.kill();
    await running.result;
    const resumed = await lab.run(['resume', lab.runs().at(-1) ?? '']);
    expect([resumed.exit, calls(host).length]).toEqual([exit, 1]);
    expect(progress(host).filter((text) => text?.includes('on this machine'))).toHaveLength(1);
    expect(eventsOf(lab.journal(), 'host.failed', host).at(-1)?.failure.message).toMatch(why);
  });

  it.each([
    ['{command: ipmitool power cycle}', /list/],
    ['{command: []}', /command/],
    ['{command: [a], environment: {A-B: c}}', /names of environment variables/],
    ['{}', /command/],
  ])('%s is told before anything is touched', async (given, why) => {
    const file = lab.file('bad.yaml', play(`    - reboot: {fallback: ${given}}\n`));
    const { exit, err, out } = await lab.run(['plan', file, '-l', 'well']);
    expect([exit, `${err}${out}`]).toEqual([3, expect.stringMatching(why)]);
  });
});
