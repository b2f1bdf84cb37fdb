// An API server that is hostile or broken: whatever it answers, no command of the whole program
// crashes, fills its memory or prints what a terminal obeys.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { bundlePath } from '../cli/child.ts';

const home = mkdtempSync(join(tmpdir(), 'kmend-kube-server-'));
const MiB = 1024 * 1024;
const evil = 'x\u001b]0;owned\u0007\u001b[2J\r\nerror: all is well\u202e\u009b31m';
const evilObject = {
  kind: 'Status',
  message: evil,
  reason: evil,
  details: { causes: [{ reason: 'DisruptionBudget', message: evil }] },
  metadata: {
    name: evil,
    namespace: evil,
    uid: evil,
    annotations: { 'kmend.io/owner': evil, [evil]: evil },
    labels: { [evil]: evil },
  },
  spec: { nodeName: evil, taints: [{ key: evil, effect: evil }], unschedulable: true },
  status: {
    phase: evil,
    conditions: [{ type: evil, status: evil }],
    nodeInfo: { bootID: evil },
    addresses: [{ type: evil, address: evil }],
  },
};
const evilList = {
  ...evilObject,
  items: [evilObject, evilObject],
  resources: [{ name: evil }],
  versions: [{ groupVersion: evil }],
};

const sends =
  (status: number, body: string | Buffer, headers: Record<string, string> = {}) =>
  (response: ServerResponse): void =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body);
const packed = (text: string) => sends(200, gzipSync(text), { 'content-encoding': 'gzip' });

const answers: Readonly<Record<string, (response: ServerResponse) => void>> = {
  'texts that a terminal would obey': sends(200, JSON.stringify(evilList)),
  'a denial with such texts': sends(403, JSON.stringify(evilObject)),
  'an error with such texts': sends(500, JSON.stringify(evilObject), { 'x-evil': '%1b' }),
  'a page of HTML': sends(200, `<html>${evil.replace('\r\n', '')}</html>`),
  'empty lists without end': packed(`{"items":[${'{},'.repeat(10_000_000)}{}]}`),
  'levels without end': packed(`{"items":${'['.repeat(15_000_000)}`),
  'a page of small parts after the other': packed(
    `{"metadata":{"continue":"more"},"items":[${'{"a":{}},{"b":[]},                '.repeat(900_000)}{}]}`,
  ),
  'a page of text after the other': packed(
    JSON.stringify({ metadata: { continue: 'more' }, items: [{ x: 'y'.repeat(30 * MiB) }] }),
  ),
  'bytes without end': (response) => {
    response.writeHead(200);
    const more = (): void => {
      while (!response.destroyed)
        if (!response.write(Buffer.alloc(MiB, ' '))) return void response.once('drain', more);
    };
    more();
  },
};

let answer: (response: ServerResponse) => void;
const server = createServer((_, response) => answer(response));
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const config = {
    'current-context': 'c',
    contexts: [{ name: 'c', context: { cluster: 'c', user: 'u' } }],
    clusters: [{ name: 'c', cluster: { server: `http://127.0.0.1:${port}` } }],
    users: [{ name: 'u', user: { token: 'T0KEN-SECRET' } }],
  };
  writeFileSync(join(home, 'kc'), JSON.stringify(config), { mode: 0o600 });
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
  rmSync(home, { recursive: true, force: true });
});

async function kmend(args: readonly string[]): Promise<{ exit: number | null; text: string }> {
  // A part of what Node would take: a list that is kept has at most 512 MiB.
  const child = spawn(
    process.execPath,
    ['--max-old-space-size=900', bundlePath(), ...args, '--kubeconfig', join(home, 'kc')],
    {
      cwd: home,
      env: { HOME: home, PATH: process.env.PATH },
      timeout: 60_000,
    },
  );
  let text = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  const exit = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { exit, text };
}

const commands = [
  'drain n1 --dry-run',
  'drain n1 --timeout 1s',
  'uncordon n1',
  'inventory from-cluster',
];

describe.each(Object.entries(answers))('law: a server that sends %s', (_, given) => {
  it.each(commands)('%s', async (line) => {
    answer = given;
    const { exit, text } = await kmend(line.split(' '));
    expect([0, 1, 3, 4, 6, 7, 10, 11], text).toContain(exit);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not come
    expect(text).not.toMatch(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202a-\u202e]/);
    expect(text).not.toMatch(/T0KEN-SECRET|is a fault of kmend|^ +at |^error: all is well/m);
    expect(text.length).toBeLessThan(20_000);
  });
});
