// kmend's own probe, byte for byte, on the demo's hosts: each comes out as what it was made to be.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { createFleet, demoHosts, type Fleet } from '../../practice/index.ts';
import { buildProbe, derive, parseProbe } from '../../src/facts/index.ts';
import type { Facts } from '../../src/model/fact.ts';
import { rebooted, ssh } from './client.ts';

const dir = mkdtempSync(join(tmpdir(), 'kmend-probe-'));
let fleet: Fleet;

beforeAll(async () => {
  fleet = await createFleet({ dir, hosts: demoHosts, downSeconds: 0.2 });
});
afterAll(async () => {
  await fleet.close();
  rmSync(dir, { recursive: true, force: true });
});

async function factsOf(name: string): Promise<Facts> {
  const { out } = await ssh(fleet, name, buildProbe());
  const read = parseProbe(out);
  if (!read.ok) throw new Error(read.failure.message);
  return derive(read.value);
}

it.each([
  ['node-a1', 'leaking', 'kernel_and_arg'],
  ['node-a2', 'on', 'kernel_arg'],
  ['node-a3', 'off', 'none'],
  ['node-b1', 'on', 'kernel_arg'],
  ['build-b2', 'on', 'runtime'],
  ['build-b3', 'on', 'runtime'],
  ['node-c1', 'not_applicable', 'none'],
])('%s is %s, and its remedy is %s', async (name, verdict, remedy) => {
  const facts = await factsOf(name);
  expect([facts['kmem.verdict'], facts['kmem.remedy']]).toEqual([verdict, remedy]);
});

it('everything that the probe asks for can be read', async () => {
  for (const name of ['node-a1', 'node-c1']) {
    const facts = await factsOf(name);
    // Growth is not read: it comes of two checks, and on kernels that leak.
    const unread = Object.entries(facts).filter(
      ([fact, value]) =>
        !/^(kmem\.ids\.|memory\.sunreclaim_per_day)/.test(fact) &&
        typeof value === 'object' &&
        value !== null &&
        '$unknown' in value,
    );
    expect(unread).toEqual([]);
  }
});

it('a host is off after the argument and a reboot, with a sample of this boot', async () => {
  const before = String((await factsOf('node-a2'))['boot.id']);
  await ssh(fleet, 'node-a2', 'grubby --update-kernel=ALL --args=cgroup.memory=nokmem');
  expect((await factsOf('node-a2'))['boot.pending']).toBe(true);
  await ssh(fleet, 'node-a2', 'reboot').catch(() => undefined);
  await rebooted(fleet, 'node-a2', before);
  const after = await factsOf('node-a2');
  expect([after['kmem.verdict'], after['boot.pending'], after['kmem.proof']]).toEqual([
    'off',
    false,
    'samples',
  ]);
});
