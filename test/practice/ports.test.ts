// The ports of a practice fleet stay its own from its start to its end.
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loopback } from '../../practice/host/host-server.ts';
import { createFleet, demoHosts } from '../../practice/index.ts';
import { holdPorts } from '../../practice/ports.ts';

/** Whether the kernel has a socket on this port of loopback, listening or connected. */
const isInUse = (port: number): boolean => {
  const local = `0100007F:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .some((fields) => fields[1] === local && ['01', '0A'].includes(fields[3] ?? ''));
};

const answerOf = (port: number): Promise<string> =>
  new Promise((resolve) => {
    const socket = connect(port, loopback);
    socket.once('connect', () => {
      socket.destroy();
      resolve('open');
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''));
  });

it('holds each port, so that it refuses clients and belongs to no other process', async () => {
  const held = await holdPorts(5);
  expect(new Set(held.ports).size).toBe(5);
  expect(held.ports.map(isInUse)).toEqual([true, true, true, true, true]);
  expect(new Set(await Promise.all(held.ports.map(answerOf)))).toEqual(new Set(['ECONNREFUSED']));
  held.release();
  await expect.poll(() => held.ports.filter(isInUse)).toEqual([]);
});

it('closes its ports when the fleet cannot be made', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-ports-'));
  mkdirSync(join(dir, 'inventory.yaml'));
  await expect(createFleet({ dir, hosts: demoHosts.slice(0, 1) })).rejects.toThrow('EISDIR');
  const port = /]:(\d+) /.exec(readFileSync(join(dir, 'known_hosts'), 'utf8'))?.[1];
  expect(await answerOf(Number(port))).toBe('ECONNREFUSED');
  expect(isInUse(Number(port))).toBe(false);
  rmSync(dir, { recursive: true, force: true });
});
