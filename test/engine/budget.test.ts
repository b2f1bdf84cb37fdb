// One budget for all runs of a state directory over one pool: what other runs have out of service
// counts, and is named.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, play } from '../fakes/plays.ts';
import { recordHost } from '../fakes/recording.ts';
import { type VirtualFleet, virtualFleet } from '../fakes/virtual-fleet.ts';

let lab: VirtualFleet;
beforeAll(async () => {
  const zones = { h1: 'a', h2: 'a', h3: 'a', h4: 'b' };
  const hosts = Object.entries(zones).map(
    ([name, zone]) => [name, { vars: `{zone: ${zone}}` }] as const,
  );
  lab = virtualFleet(await recordHost(), Object.fromEntries(hosts));
});
afterAll(() => lab.close());

const ran = (host: string, word: string): boolean => lab.ran(host).includes(word);
const work = (word: string, seconds = 0, more = ''): string => `    - name: Work
      shell: {cmd: 'echo ${word} >> "$KMEND_ROOT/var/ran"; sleep ${seconds}${more}'}
`;
const slots = (): readonly string[] =>
  existsSync(join(lab.state, 'slots')) ? readdirSync(join(lab.state, 'slots')) : [];

describe('two runs at once', () => {
  it('the second starts nothing over the budget, and names host and run; with --wait it starts when the first is done', async () => {
    const first = lab.start([
      'apply',
      lab.file('a.yaml', play(work('one', 30))),
      '--yes',
      '-l',
      'h1',
    ]);
    await lab.until('the first run', () => ran('h1', 'one'));
    const run = lab.runs()[0] ?? '';
    const refused = await lab.run([
      'apply',
      lab.file('b.yaml', play(work('two'))),
      '--yes',
      '-l',
      'h2',
    ]);
    expect([refused.exit, refused.out]).toEqual([
      10,
      expect.stringContaining(
        `capacity is missing: 1 out of service, allowed: 1 (h1 by run ${run})`,
      ),
    ]);
    expect(ran('h2', 'two')).toBe(false);
    // Another pool has a budget of its own.
    const elsewhere = lab.file('c.yaml', play(work('two')).replace('hosts: all', 'hosts: h3'));
    expect((await lab.run(['apply', elsewhere, '--yes'])).exit).toBe(0);
    const waited = lab.run([
      'apply',
      lab.file('b.yaml', play(work('two'))),
      '--yes',
      '-l',
      'h2',
      '--wait',
    ]);
    expect((await first.result).exit).toBe(0);
    const ended = lab.clock.now();
    expect((await waited).exit).toBe(0);
    const started = eventsOf(lab.journal(), 'host.started').at(-1)?.at ?? 0;
    expect(started).toBeGreaterThan(ended - 5000);
    expect(slots()).toEqual([]);
  });

  it('max_zones counts the zones of both', async () => {
    const zoned = (word: string, seconds = 0): string =>
      play(work(word, seconds), '{max_unavailable: 4, max_zones: 1}');
    const first = lab.start(['apply', lab.file('d.yaml', zoned('three', 60)), '--yes', '-l', 'h1']);
    await lab.until('the first run', () => ran('h1', 'three'));
    const other = await lab.run(['apply', lab.file('e.yaml', zoned('four')), '--yes', '-l', 'h4']);
    expect([other.exit, other.out]).toEqual([
      10,
      expect.stringContaining('no zone has room: a: 1 by other runs out of service'),
    ]);
    expect(
      (await lab.run(['apply', lab.file('e.yaml', zoned('four')), '--yes', '-l', 'h2'])).exit,
    ).toBe(0);
    expect((await first.result).exit).toBe(0);
  });
});

describe('a host that failed in another run', () => {
  it('counts for the brake of the same play until an operator has acknowledged it, and for the budget of every play', async () => {
    const rollout = '{max_unavailable: 2}';
    expect(
      (
        await lab.run([
          'apply',
          lab.file('h.yaml', play(work('seven', 0, '; false'), rollout)),
          '--yes',
          '-l',
          'h1',
        ])
      ).exit,
    ).toBe(4);
    const run = lab.runs().at(-1) ?? '';
    const same = lab.file('i.yaml', play(work('eight'), rollout));
    const braked = await lab.run(['apply', same, '--yes', '-l', 'h2']);
    expect([braked.exit, braked.out]).toEqual([
      5,
      expect.stringContaining(`failed and not acknowledged: h1 in run ${run}, allowed: 0`),
    ]);
    expect(braked.out).toContain(`kmend resume ${run} --state-dir ${lab.state} --retry h1 (`);
    const another = lab.file(
      'j.yaml',
      play(work('nine'), rollout).replace('name: Test', 'name: Other'),
    );
    expect((await lab.run(['apply', another, '--yes', '-l', 'h2'])).exit).toBe(0);
    const narrow = lab.file('k.yaml', play(work('ten')).replace('name: Test', 'name: Other'));
    expect((await lab.run(['apply', narrow, '--yes', '-l', 'h2'])).exit).toBe(10);
    expect((await lab.run(['resume', run, '--skip', 'h1'])).exit).toBe(4);
    expect((await lab.run(['apply', same, '--yes', '-l', 'h2'])).exit).toBe(0);
    expect(slots()).toEqual([]);
  });
});
