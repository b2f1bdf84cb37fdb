// A host whose kernel drops every packet keeps neither a handshake slot nor its turn, and gets both
// when it answers.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Transport, Turn } from '../../src/engine/ports/transport.ts';
import { startServer, targetAt, transportFor } from './server.ts';

let home = '';
const cleanups: (() => unknown)[] = [];
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-ssh-'));
});
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
  rmSync(home, { recursive: true, force: true });
});

/**
 * A server at this port with a full accept queue: the kernel drops every further packet until it is
 * woken.
 */
async function swallowing(port: number) {
  const program = `const { connect, createServer } = require('node:net');
    createServer((one) => one.on('error', () => {}).pipe(connect(${port}, '127.0.0.1').on('error', () => {})).pipe(one))
      .listen({ host: '127.0.0.1', port: 0, backlog: 1 }, function () { process.stdout.write(String(this.address().port)); });`;
  const child = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  child.kill('SIGSTOP');
  const fillers = Array.from({ length: 3 }, () =>
    connect(Number(said), '127.0.0.1').on('error', () => undefined),
  );
  cleanups.push(() => {
    for (const filler of fillers) filler.destroy();
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    return ended;
  });
  await sleep(200);
  return { port: Number(said), wake: () => child.kill('SIGCONT') };
}

function transport(handshakes: number): Transport {
  const made = transportFor(home, { handshakes });
  cleanups.push(made.close);
  return made;
}

function turnOf(log: string[]): Turn {
  return {
    leave: () => void log.push('leave'),
    again: async (first) => void log.push(first ? 'first again' : 'again'),
  };
}

it('others log in while a host is silent: its turn is left, and taken again before the login', async () => {
  const server = await startServer();
  cleanups.push(server.close);
  const { port, wake } = await swallowing(server.port);
  const [via, log] = [transport(1), [] as string[]];
  const silent = via.connect(targetAt(port, { connectTimeout: 20 }), { turn: turnOf(log) });
  expect(await via.connect(targetAt(server.port), { turn: turnOf([]) })).toMatchObject({
    ok: true,
  });
  await expect.poll(() => log, { timeout: 15_000 }).toEqual(['leave']);
  const before = server.logins();
  wake();
  expect(await silent).toMatchObject({ ok: true });
  expect(log).toEqual(['leave', 'first again']);
  expect(server.logins()).toBe(before + 1);
});

it('a host that never answers ends by its time limit or the signal, and its turn is free', async () => {
  const { port } = await swallowing(1);
  const [via, log] = [transport(1), [] as string[]];
  const stop = new AbortController();
  const stopped = via.connect(targetAt(port, { connectTimeout: 20 }), {
    turn: turnOf(log),
    signal: stop.signal,
  });
  const late = await via.connect(targetAt(port, { connectTimeout: 2 }), { turn: turnOf(log) });
  expect(late).toMatchObject({
    ok: false,
    failure: { transport: true, message: expect.stringContaining('no connection within 2 s') },
  });
  expect(log).toEqual(['leave', 'leave']);
  stop.abort();
  expect(await stopped).toMatchObject({ ok: false, failure: { kind: 'interrupted' } });
});
