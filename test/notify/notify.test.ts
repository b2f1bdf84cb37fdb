// One try of a notice: what each kind of target is given, and what counts as taken. It never prints where a notice goes.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createNotifier } from '../../src/adapters/outside/notify.ts';
import type { Notice } from '../../src/engine/ports/outside.ts';

const notice: Notice = {
  schema: 'kmend.notice/1',
  kind: 'finished',
  key: 'job/nightly/1',
  why: 'exit 4',
  text: 'kmend job nightly on bastion: exit 4',
  job: 'nightly',
  exit: 4,
  run: '20261125-010203-abcd',
  at: 1,
  from: 'bastion',
};

let statuses: number[] = [];
const got: { readonly body: string; readonly type: unknown; readonly key: unknown }[] = [];
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  let body = '';
  request.on('data', (chunk) => {
    body += chunk;
  });
  request.on('end', () => {
    const { 'content-type': type, 'idempotency-key': key } = request.headers;
    got.push({ body, type, key });
    const status = statuses.shift() ?? 200;
    if (status === 0) request.socket.destroy();
    else if (status > 0)
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end('no');
  });
});
let url = '';
const notifier = createNotifier({ seconds: 1, env: process.env });
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
  statuses = [];
});

describe('a webhook', () => {
  it('gets the notice as JSON, once', async () => {
    expect(await notifier.send({ kind: 'webhook', url }, notice)).toEqual({
      ok: true,
      value: true,
    });
    expect(got).toEqual([
      { body: JSON.stringify(notice), type: 'application/json', key: 'job/nightly/1' },
    ]);
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
    ['a server that sheds load', 503, 'it answered 503', true],
    ['another one', 429, 'it answered 429', true],
    ['a refusal', 403, 'it answered 403', false],
    ['a redirection', 302, 'it answered 302', false],
    ['a cut connection', 0, 'it could not be reached (ECONNRESET)', true],
    ['no answer', -1, 'no answer within 1 s', true],
  ] as const)('%s: whether another try is worth it', async (_, status, message, transport) => {
    statuses = [status];
    const sent = await notifier.send({ kind: 'webhook', url }, notice);
    expect(sent).toMatchObject({ ok: false, failure: { message, transport } });
    expect(got).toHaveLength(1);
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
    expect(sent.ok || sent.failure.message).toEqual(end);
    expect(sent.ok || sent.failure.transport === true).toBe(end === true);
  });
});

describe('an e-mail', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-sendmail-'));
  afterAll(() => rmSync(dir, { recursive: true }));
  const mail = (program: string, given: Notice) => {
    writeFileSync(join(dir, 'sendmail'), `#!/bin/sh\n${program}\n`, { mode: 0o755 });
    const env = { PATH: `${dir}:${process.env.PATH}` };
    const target = { kind: 'mail', to: ['ops@example.org', 'root'] } as const;
    return createNotifier({ env, seconds: 1 }).send(target, given);
  };

  it('is given to sendmail, with headers of plain ASCII that no text can add to', async () => {
    const hostile = {
      ...notice,
      key: 'r/1',
      job: 'ü\nBcc: eve@example.org',
      text: 'a: ü; b\nX: y',
    };
    expect(await mail(`printf '%s\\n' "$@" > ${dir}/args; cat > ${dir}/mail`, hostile)).toEqual({
      ok: true,
      value: true,
    });
    expect(readFileSync(join(dir, 'args'), 'utf8')).toBe('-i\n--\nops@example.org\nroot\n');
    expect(readFileSync(join(dir, 'mail'), 'utf8')).toBe(`To: ops@example.org, root
Subject: kmend: job -Bcc:-eve@example.org on bastion: finished
Date: Thu, 01 Jan 1970 00:00:00 +0000
Message-ID: <r.1@bastion>
Auto-Submitted: auto-generated
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: 8bit

a: ü
b⏎X: y
`);
  });

  it('fails where sendmail fails, or is not installed', async () => {
    expect(await mail('echo no relay >&2; exit 75', notice)).toMatchObject({
      failure: { message: 'it ended with 75: no relay', transport: true },
    });
    rmSync(join(dir, 'sendmail'));
    const env = { PATH: dir };
    const sent = await createNotifier({ env }).send({ kind: 'mail', to: ['root'] }, notice);
    expect(sent).toMatchObject({ ok: false });
  });
});
