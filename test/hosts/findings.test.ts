// Two experiments in which Ansible's brakes and batches were measured to fail, repeated on eight
// real hosts.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator } from './operator.ts';

const missing = labMissing('el7');
const names = ['h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'h7', 'h8'];
/**
 * In this order two slots that are refilled at once need 13 s, and pairs with a barrier 18 s and
 * more.
 */
const slow = new Set(['h1', 'h3', 'h5']);

const play = (policy: string, command: string): string => `- hosts: all
  rollout: ${policy}
  tasks:
    - shell: {cmd: ${JSON.stringify(command)}}
`;

describe.skipIf(missing !== '')(
  `what Ansible was measured to do wrong, on eight el7 hosts (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: names.length, net: '127.13' });
      op = operator(
        names.map((host) => ({
          name: host,
          lab,
          host,
          vars: { work: slow.has(host) ? '6' : '1' },
        })),
      );
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    const startedAfterFailure = (): readonly string[] => {
      const at = op.journal().find(({ type }) => type === 'host.failed')?.seq ?? Number.NaN;
      return op
        .journal()
        .flatMap((event) => (event.type === 'host.started' && event.seq > at ? [event.host] : []));
    };

    it.each([
      ['with one slot', '{max_unavailable: 1, retries: {transport: 0}}', ['h1', 'h2', 'h3']],
      [
        'in waves of four',
        '{max_unavailable: 4, waves: [4], retries: {transport: 0}}',
        ['h1', 'h2', 'h3', 'h4'],
      ],
    ])(
      'a host that goes dark after the plan, %s: no host is started after it',
      async (_name, policy, started) => {
        const path = op.file('dark.yaml', play(policy, 'echo done >> /var/log/dark'));
        expect((await op.kmend(['plan', path, '-i', op.inventory, '-o', 'plan.json'])).code).toBe(
          2,
        );
        lab.freeze('h3');
        const { code, out } = await op.kmend(['apply', 'plan.json', '--yes', '-T', '2']);
        lab.thaw('h3');
        expect([code, failureOf(op.journal(), 'h3')?.failure.kind]).toEqual([5, 'unreachable']);
        expect([
          eventsOf(op.journal(), 'host.started').map(({ host }) => host),
          startedAfterFailure(),
        ]).toEqual([started, []]);
        expect(out).toMatch(new RegExp(`${8 - started.length} not started \\(brake\\)`));
        for (const host of names.slice(started.length))
          expect((await lab.ssh(host, 'cat /var/log/dark')).code).not.toBe(0);
        // Until then it is out of service for every other run.
        expect((await op.kmend(['resolve', op.runs().at(-1) ?? '', 'h3'])).code).toBe(0);
      },
    );

    it('three slow hosts (6 s) and five fast ones (1 s), two slots: at most 14.5 s', async () => {
      const path = op.file('slots.yaml', play('{max_unavailable: 2}', 'sleep {{ work }}'));
      expect((await op.kmend(['apply', path, '-i', op.inventory, '--yes'])).code).toBe(0);
      const at = (type: 'host.started' | 'host.done', name: string): number =>
        op.journal().find((event) => event.type === type && event.host === name)?.at ?? Number.NaN;
      const walks = names.map((name) => ({
        name,
        from: at('host.started', name) / 1000,
        to: at('host.done', name) / 1000,
      }));
      const took =
        Math.max(...walks.map(({ to }) => to)) - Math.min(...walks.map(({ from }) => from));
      // What a busy machine makes a walk longer than its work and half a second is not the slots'
      // doing; on a quiet one it is nothing.
      const late = walks.reduce(
        (sum, { name, from, to }) => sum + Math.max(0, to - from - (slow.has(name) ? 6.5 : 1.5)),
        0,
      );
      expect(took).toBeGreaterThan(13);
      expect(took - late).toBeLessThanOrEqual(14.5);
    });

    it('and none is started after a failure, while the other slot runs on', async () => {
      const path = op.file(
        'fails.yaml',
        play('{max_unavailable: 2}', 'sleep {{ work }}; test {{ inventory_hostname }} != h2'),
      );
      const { code } = await op.kmend(['apply', path, '-i', op.inventory, '--yes']);
      expect([code, eventsOf(op.journal(), 'host.started').map(({ host }) => host)]).toEqual([
        5,
        ['h1', 'h2'],
      ]);
      expect([
        startedAfterFailure(),
        eventsOf(op.journal(), 'host.done').map(({ host }) => host),
      ]).toEqual([[], ['h1']]);
    });
  },
);
