// A rollout whose hosts are reached by the OpenSSH client: its controller is killed in the middle of
// a reboot, and resumed.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, type Operator, operator, playbook, rebootsOf, until } from './operator.ts';

const missing = labMissing('el7');

describe.skipIf(missing !== '')(
  `nokmem.yaml by the OpenSSH client on two el7 hosts (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    const hosts = ['h1', 'h2'];

    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 2, net: '127.29' });
      op = operator(
        hosts.map((host) => ({
          name: host,
          lab,
          host,
          vars: { ansible_ssh_transport: 'openssh' },
        })),
      );
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    it('is said in the plan', async () => {
      const { out } = await op.kmend(['plan', playbook('nokmem'), '-i', op.inventory]);
      expect(out.match(/by the OpenSSH client/g)).toHaveLength(2);
    });
    it('is killed while a host reboots, and resumed: each host boots once, and is fixed', async () => {
      const words = ['apply', playbook('nokmem'), '-i', op.inventory, '--yes'];
      const first = op.start(words);
      const started = (): boolean =>
        op.runs().length > 0 &&
        eventsOf(op.journal(), 'effect.started').some(({ kind }) => kind === 'reboot');
      await until('a host reboots', 120, started);
      first.child.kill('SIGKILL');
      await first.ended;
      const resumed = await op.kmend(['resume', op.runs().at(-1) ?? '', '--yes']);
      expect(resumed).toMatchObject({ code: 0 });
      for (const host of hosts) {
        const reboots = rebootsOf(op.journal(), host);
        expect(reboots).toHaveLength(1);
        expect(reboots[0]?.after).not.toBe(reboots[0]?.before);
        expect(eventsOf(op.journal(), 'host.failed', host)).toEqual([]);
      }
    });
    it('has nothing left to do, no drift, and a doctor that reaches all', async () => {
      const after = await op.kmend(['plan', playbook('nokmem'), '-i', op.inventory]);
      expect(after.out).toMatch(/0 hosts to change, 2 with nothing to do/);
      expect((await op.kmend(['drift', '-i', op.inventory])).code).toBe(0);
      expect((await op.kmend(['doctor', '-i', op.inventory])).out).not.toMatch(/unreachable|auth/);
    });
  },
);
