// `npm run test:chaos -- --kills N --seed S`: rollouts of the shipped playbooks over six real hosts
// whose controllers are killed at random times.
import { beforeAll, describe, expect, it } from 'vitest';
import { labMissing } from '../hosts/lab.ts';
import { type Playbook, playbooks, type Round, round, slots } from './campaign.ts';

const missing = labMissing('el7');
const kills = Number(process.env.KMEND_CHAOS_KILLS ?? 40);
const seed = Number(process.env.KMEND_CHAOS_SEED ?? 1);

describe.skipIf(missing !== '')(`${kills} kills, seed ${seed} (${missing || 'all there'})`, () => {
  const whole = new Map<Playbook, Round>();

  beforeAll(async () => {
    for (const name of playbooks) whole.set(name, await round(name, seed));
  }, 900_000);

  it.each(playbooks)(
    '%s.yaml, which nobody kills, remediates and proves every host by one reboot',
    (name) => {
      const { last, hosts, spools, audit } = whole.get(name) as Round;
      expect([last.code, last.err, spools, audit], last.out).toEqual([0, '', [], 0]);
      for (const host of Object.values(hosts))
        expect(host).toMatchObject({ boots: '2', slabinfo: 'off', fence: 'closed' });
    },
  );

  it('every rollout whose controllers are killed ends as one that nobody kills', async () => {
    let done = 0;
    for (let number = 0; done < kills; number++) {
      const name = playbooks[number % playbooks.length] ?? 'nokmem';
      const reference = whole.get(name) as Round;
      const end = await round(name, seed * 1000 + number, reference.seconds);
      done += end.kills.length;
      const where = `${name}.yaml, round ${number}, killed at ${end.kills.join(' | ') || 'no time'}\n${end.last.out}\n${end.last.err}`;
      process.stdout.write(`${done} of ${kills} kills: ${where.split('\n')[0]}\n`);
      expect(end.last.code, where).toBe(0);
      expect(end.hosts, where).toEqual(reference.hosts);
      expect([end.spools, end.audit], where).toEqual([[], 0]);
      expect([end.mostDown <= slots, end.mostFences <= slots], where).toEqual([true, true]);
    }
  }, 36_000_000);
});
