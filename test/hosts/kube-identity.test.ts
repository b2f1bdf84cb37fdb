// On a real API server: a host that prints another node's name and boot id is refused, and the
// server saw no write of ours.
import { readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type NodeHosts, nodeHosts } from './kube-fleet.ts';
import { missing } from './kube-lab.ts';

const playbook = resolve(import.meta.dirname, '../../playbooks/auto.yaml');
const title = `a host that says it is another node${missing === undefined ? '' : ` (skipped: ${missing})`}`;

describe.skipIf(missing !== undefined)(title, () => {
  let world: NodeHosts;
  let aliases = '';
  const command = (
    name: string,
    ...more: string[]
  ): Promise<{ exit: number; out: string; err: string }> =>
    world.run([
      name,
      playbook,
      '--unplannable',
      'leave_out',
      ...(name === 'apply' ? ['--yes'] : []),
      ...more,
    ]);

  beforeAll(async () => {
    world = await nodeHosts({
      n1: { pool: 'a' },
      n2: { pool: 'a' },
      n3: { pool: 'a' },
      n4: { pool: 'a' },
    });
    const { fleet, file, host } = world.hosts;
    aliases = file(
      'aliases.yaml',
      fleet.inventoryText
        .replace(/^ {8}n(\d): \{/gm, '        web$1: {')
        .replace('web3: {', 'web3: {node_name: n3, '),
    );
    const kernel = `${host('n1').root}/proc/sys/kernel`;
    writeFileSync(`${kernel}/hostname`, 'n2\n');
    writeFileSync(`${kernel}/random/boot_id`, `${host('n2').bootId()}\n`);
  });
  afterAll(() => world?.close());

  /** Calls of ours that write, by the server's own audit log. */
  const writes = (): readonly string[] =>
    readFileSync(world.lab.file('log/audit.log'), 'utf8')
      .split('\n')
      .filter(Boolean)
      .map(
        (line) =>
          JSON.parse(line) as { verb: string; requestURI: string; user: { username: string } },
      )
      .filter(
        ({ user, verb }) =>
          user.username === 'kmend' && ['patch', 'update', 'delete'].includes(verb),
      )
      .map(({ verb, requestURI }) => `${verb} ${requestURI.replace(/\?.*/, '')}`);
  const untouched = (): void => {
    expect(writes()).toEqual([]);
    expect(world.hosts.fleet.hosts.map((host) => host.boots())).toEqual([1, 1, 1, 1]);
  };

  it('under its own name', async () => {
    const { exit, out } = await command('apply', '--limit', 'n1');
    expect([exit, out]).toEqual([
      4,
      expect.stringMatching(/n1: it is node n1, and (calls itself n2|reports the boot id of n2)/),
    ]);
    untouched();
  });

  it('behind an alias: it selects no node, and neither do honest ones; node_name does', async () => {
    const { exit, out } = await command('apply', '-i', aliases, '--limit', 'web1');
    expect([exit, out]).toEqual([
      4,
      expect.stringMatching(/web1: no node of the cluster has its inventory name/),
    ]);
    const planned = await command('plan', '-i', aliases);
    expect(planned.out).toMatch(/web2: no node of the cluster has its inventory name/);
    expect(planned.out.replace(/\s+/g, ' ')).toMatch(
      /web1 and web2 give one boot id .* with different host keys/,
    );
    expect(planned.out).toMatch(/! drain node n3/);
    untouched();
  });

  it('the honest one of that name is drained and remediated, for itself', async () => {
    const { exit, out, err } = await command('apply', '--limit', 'n2');
    expect(exit, out + err).toBe(0);
    expect(world.hosts.fleet.hosts.map((host) => host.boots())).toEqual([1, 2, 1, 1]);
    expect(new Set(writes().filter((write) => write.includes('/nodes/')))).toEqual(
      new Set(['patch /api/v1/nodes/n2']),
    );
  });
});
