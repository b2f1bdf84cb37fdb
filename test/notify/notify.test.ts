// Notices arrive once, are tried again only where that can help, and never print where they go.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createNotifier } from '../../src/adapters/outside/notify.ts';
import type { Notice } from '../../src/engine/ports/outside.ts';

const notice: Notice = {
  schema: 'kmend.notice/1',
  text: 'kmend job nightly on bastion: exit 4',
  job: 'nightly',
  exit: 4,
  run: '20261125-010203-abcd',
  at: 1,
  from: 'bastion',
};

let statuses: number[] = [];
const got: { readonly body: string; readonly type: string | undefined }[] = [];
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    got.push({ body, type: request.headers['content-type'] });
    const status = statuses.shift() ?? 200;
    if (status === 0) request.socket.destroy();
    else if (status > 0)
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('no');
  });
});
let url = '';
const slept: number[] = [];
const clock = { sleep: async (milliseconds: number) => void slept.push(milliseconds) };
const notifier = createNotifier(clock, 1);
beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook/s3cret`;
});
afterAll(() => {
  server.closeAllConnections();
  server.close();
});
beforeEach(() => {
  got.length = 0;
  slept.length = 0;
  statuses = [];
});

describe('a webhook', () => {
  it('gets the notice as JSON, once', async () => {
    expect(await notifier.send({ kind: 'webhook', url }, notice)).toEqual({
      ok: true,
      value: true,
    });
    expect(got).toEqual([{ body: JSON.stringify(notice), type: 'application/json' }]);
  });

  it('gives chats the words of a host, not its orders and links', async () => {
    const text =
      'h1 failed: <!channel> <http://x|click> [a](http://x) @Channel ops@here.example \u001b[31m\nFORGED\u202e';
    await notifier.send({ kind: 'webhook', url }, { ...notice, text });
    expect(JSON.parse(got[0]?.body ?? '')).toEqual({
      ...notice,
      text: 'h1 failed: ‹!channel› ‹http://x|click› [a] (http://x) @ Channel ops@ here.example ?[31m⏎FORGED?',
    });
  });

  it.each([
    ['a server that sheds load', [503, 429], 3, [1000, 5000], true],
    ['one that stays ill', [500, 500, 500, 200], 3, [1000, 5000], 'it answered 500'],
    ['a refusal', [403, 200], 1, [], 'it answered 403'],
    ['a redirection', [302, 200], 1, [], 'it answered 302'],
    ['a cut connection', [0], 2, [1000], true],
    ['no answer', [-1, -1, -1], 3, [1000, 5000], 'no answer within 1 s'],
  ] as const)('%s', async (_, answers, tries, pauses, end) => {
    statuses = [...answers];
    const sent = await notifier.send({ kind: 'webhook', url }, notice);
    expect([got.length, slept, sent.ok || sent.failure.message]).toEqual([tries, pauses, end]);
  });

  it.each([
    'http://127.0.0.1:1/hook/s3cret',
    'not a url with s3cret',
    'http://eve:s3cret@127.0.0.1:1/',
  ])('%j cannot be reached, and is not printed', async (wrong) => {
    const sent = await notifier.send({ kind: 'webhook', url: wrong }, notice);
    expect(sent.ok).toBe(false);
    expect(JSON.stringify(sent)).not.toContain('s3cret');
  });
});

describe('a command', () => {
  it('gets the notice on its standard input', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kmend-notify-'));
    try {
      expect(
        await notifier.send({ kind: 'command', command: `cat > ${dir}/notice` }, notice),
      ).toMatchObject({ ok: true });
      expect(JSON.parse(readFileSync(join(dir, 'notice'), 'utf8'))).toEqual(notice);
    } finally {
      rmSync(dir, { recursive: true });
    }
  });

  it.each([
    ['true', true],
    ['echo not today >&2; exit 3', 'it ended with 3: not today'],
    ['kill -9 $$', 'it ended with SIGKILL'],
    ['exec sleep 20', 'no answer within 1 s'],
  ])('%s', async (command, end) => {
    const sent = await notifier.send({ kind: 'command', command }, notice);
    expect([sent.ok || sent.failure.message, slept]).toEqual([end, []]);
  });
});
