// The fallback of a reboot: a program on this machine runs once, is journalled before, and never runs
// again after a resume. Only a new boot id proves the reboot.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { LocalHost } from '../../src/engine/ports/local.ts';
import type { Fate } from '../fakes/host-world.ts';
import { eventsOf, play } from '../fakes/plays.ts';
import { recordHost } from '../fakes/recording.ts';
import { type VirtualFleet, virtualFleet } from '../fakes/virtual-fleet.ts';

const secret = 'hunter-of-22-snarks';
const hosts: Readonly<Record<string, Fate['reboot']>> = {
  hung: 'hangs',
  dark: 'dark',
  broken: 'dark',
  slow: 'dark',
  stuck: 'hangs',
  gone: 'dark',
  well: 'good',
};

/** What the program comes to. */
type Board = (host: string) => { readonly code: number; readonly output: string };
const fine: Board = () => ({ code: 0, output: '' });

describe('reboot: fallback', () => {
  let lab: VirtualFleet;
  const called = new Map<string, string[]>();
  const calls = (host: string): readonly string[] => called.get(host) ?? [];
  /**
   * A program on this machine that notes for whom it was asked, and cuts the power where the test
   * says so.
   */
  const machine = (board: Board): { readonly localHost: LocalHost } => ({
    localHost: {
      run: async ({ argv, environment }) => {
        const host = argv.at(-1) ?? '';
        const { KMEND_HOST, KMEND_ADDRESS, BMC_PASSWORD = '' } = environment;
        called.set(host, [...calls(host), `${KMEND_HOST} ${KMEND_ADDRESS} ${BMC_PASSWORD.length}`]);
        return board(host);
      },
      read: () => {
        throw new Error('no file is copied here');
      },
      user: 'root',
      cwd: () => '/',
      spool: '/nowhere',
      script: () => Promise.reject(new Error('no task is delegated here')),
    },
  });
  const playOf = (name: string, escalate = '[]', timeout = '60s') =>
    lab.file(
      `${name}.yaml`,
      play(
        `    - reboot:
        timeout: ${timeout}
        stable_for: 1s
        force: true
        escalate: ${escalate}
        fallback:
          command: [/usr/sbin/board, "{{ inventory_hostname }}"]
          environment: {BMC_PASSWORD: ${secret}}
`,
        '{max_unavailable: 9, brake: {failures: 9}}',
      ),
    );
  const progress = (host: string) =>
    eventsOf(lab.journal(), 'effect.progress', host).map((event) => event.text);

  beforeAll(async () => {
    const fates = Object.entries(hosts).map(
      ([name, reboot]) => [name, { fate: { reboot } }] as const,
    );
    lab = virtualFleet(await recordHost(), Object.fromEntries(fates));
  });
  afterAll(() => lab.close());

  it.each(['hung', 'dark'])(
    '%s: runs once, with the name of the host, and a new boot id proves the reboot',
    async (host) => {
      const board: Board = (name) => {
        lab.host(name).world.power();
        return fine(name);
      };
      const { exit } = await lab.run(
        ['apply', playOf('power'), '--yes', '-l', host],
        machine(board),
      );
      const [started, ...others] = eventsOf(lab.journal(), 'effect.started', host);
      const [done] = eventsOf(lab.journal(), 'effect.done', host);
      const address = `192.0.2.${Object.keys(hosts).indexOf(host) + 1}`;
      expect([exit, others, calls(host)]).toEqual([0, [], [`${host} ${address} ${secret.length}`]]);
      expect(done?.result.data).toMatchObject({ previousBootId: started?.bootId });
      expect(done?.result.data?.bootId).not.toBe(started?.bootId);
      expect(progress(host)).toEqual([
        expect.stringMatching(
          host === 'hung'
            ? /^not carried out: .*: \/usr\/sbin\/board, on this machine$/
            : /^did not come back within .*: \/usr\/sbin\/board, on this machine$/,
        ),
        '/usr/sbin/board succeeded: waiting for a new boot id',
      ]);
      expect(started?.what).toContain('/usr/sbin/board on this machine');
      expect(lab.journalText()).not.toContain(secret);
    },
  );

  it('a host that comes back by itself needs none', async () => {
    const { exit } = await lab.run(
      ['apply', playOf('none', '[force]'), '--yes', '-l', 'well'],
      machine(fine),
    );
    expect([exit, calls('well'), progress('well')]).toEqual([0, [], []]);
  });

  it('if it fails, the host fails as without it, and both failures are reported without the secret', async () => {
    const broken = machine(() => ({ code: 3, output: `no route to board with ${secret}` }));
    const { exit } = await lab.run(['apply', playOf('fails'), '--yes', '-l', 'broken'], broken);
    const [bad] = eventsOf(lab.journal(), 'host.failed', 'broken');
    expect([exit, bad?.failure.kind, bad?.touched, calls('broken').length]).toEqual([
      6,
      'unreachable',
      true,
      1,
    ]);
    expect(bad?.failure.message).toMatch(
      /did not come back within .*; \/usr\/sbin\/board, run on this machine, ended with 3$/,
    );
    expect(bad?.failure.detail).toBe('no route to board with ***');
    expect(lab.journalText()).not.toContain(secret);
  });

  it('is run once: a host that it did not bring back has failed', async () => {
    const { exit } = await lab.run(['apply', playOf('once'), '--yes', '-l', 'gone'], machine(fine));
    expect([exit, calls('gone').length]).toEqual([6, 1]);
    expect(eventsOf(lab.journal(), 'host.failed', 'gone')[0]?.failure.message).toMatch(
      /^did not come back within 12\d s/,
    );
  });

  it('is in the plan, by the name of the program alone', async () => {
    const { out } = await lab.run(['plan', playOf('shown', '[force]'), '-l', 'well']);
    expect(out).toContain('when it hangs: force, then /usr/sbin/board on this machine');
    expect(out).not.toContain(secret);
  });

  it.each([
    ['slow', 6, /did not come back/],
    ['stuck', 4, /^not carried out/],
  ])(
    'does not run a second time after a resume: %s is read again, and fails if it is not back',
    async (host, exit, why) => {
      const running = lab.start(['apply', playOf('twice'), '--yes', '-l', host], machine(fine));
      await lab.until('the board is asked', () => calls(host).length > 0);
      running.kill();
      await running.result;
      const resumed = await lab.run(['resume', lab.runs().at(-1) ?? ''], machine(fine));
      expect([resumed.exit, calls(host).length]).toEqual([exit, 1]);
      expect(progress(host).filter((text) => text?.includes('on this machine'))).toHaveLength(1);
      expect(eventsOf(lab.journal(), 'host.failed', host).at(-1)?.failure.message).toMatch(why);
    },
  );

  it.each([
    ['{command: ipmitool power cycle}', /list/],
    ['{command: []}', /command/],
    ['{command: [a], environment: {A-B: c}}', /names of environment variables/],
    ['{}', /command/],
  ])('%s is refused before anything is touched', async (given, why) => {
    const file = lab.file(
      'bad.yaml',
      play(`    - reboot: {when_pending: true, fallback: ${given}}\n`),
    );
    const { exit, err, out } = await lab.run(['plan', file, '-l', 'well']);
    expect([exit, `${err}${out}`]).toEqual([3, expect.stringMatching(why)]);
  });
});
