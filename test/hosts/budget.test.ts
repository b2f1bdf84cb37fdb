// Twenty races of two runs for one slot, on real hosts with real processes: never are two hosts of
// the pool down at one moment.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { type Operator, operator } from './operator.ts';

const missing = labMissing('el7');
const races = 20;
/** Races at one moment, each with a pool of its own. */
const pools = [
  ['h1', 'h2'],
  ['h3', 'h4'],
  ['h5', 'h6'],
] as const;

const play = (hosts: readonly string[]): string => `- name: Race
  hosts: ${hosts.join(',')}
  rollout: {max_unavailable: 1}
  tasks:
    - shell: {cmd: 'date +%s%N >> /root/busy; sleep 1; date +%s%N >> /root/busy'}
`;

describe.skipIf(missing !== '')(
  `two runs of one pool with max_unavailable 1 (${missing || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 6, net: '127.33' });
      op = operator(lab.hosts.map(({ name }) => ({ name, lab, host: name })));
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    /**
     * Both run at one moment; gives their exit codes. The one that found no room has named the other.
     */
    async function race(pool: readonly string[]): Promise<readonly number[]> {
      const path = op.file(`${pool.join('-')}.yaml`, play(pool));
      const ended = await Promise.all(
        pool.map((host) => op.kmend(['apply', path, '-i', op.inventory, '-l', host, '--yes'])),
      );
      for (const { code, out } of ended)
        if (code === 10)
          expect(out).toMatch(/1 out of service, allowed: 1 \(h\d by run \d{8}-\d{6}-\w+\)/);
      return ended.map(({ code }) => code);
    }

    /** When the host was down, from its own file: pairs of begin and end. */
    async function busy(host: string): Promise<readonly (readonly [number, number])[]> {
      const { out } = await lab.ssh(host, 'cat /root/busy 2>/dev/null');
      const times = out.trim().split('\n').filter(Boolean).map(Number);
      return Array.from(
        { length: times.length / 2 },
        (_, at) => [times[2 * at] ?? 0, times[2 * at + 1] ?? 0] as const,
      );
    }

    it(`${races} races: one of the two goes, the other waits for it or ends with 10`, async () => {
      const exits: (readonly number[])[] = [];
      while (exits.length < races)
        exits.push(...(await Promise.all(pools.slice(0, races - exits.length).map(race))));
      expect(
        exits.every(
          (codes) => codes.includes(0) && codes.every((code) => code === 0 || code === 10),
        ),
        JSON.stringify(exits),
      ).toBe(true);
      const downs = new Map(
        await Promise.all(lab.hosts.map(async ({ name }) => [name, await busy(name)] as const)),
      );
      expect([...downs.values()].flat()).toHaveLength(
        exits.flat().filter((code) => code === 0).length,
      );
      for (const [one, other] of pools)
        for (const [from, to] of downs.get(one) ?? [])
          expect(
            (downs.get(other) ?? []).filter(([begun, ended]) => begun < to && from < ended),
            `${one} and ${other}`,
          ).toEqual([]);
    }, 300_000);
  },
);
