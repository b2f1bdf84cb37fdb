// Forwarding: each entry leaves in order and can be checked against the journal; no log, however
// bad, holds a run up or makes it fail.
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { createServer as createTlsServer } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { createForwarder } from '../../src/adapters/outside/forward.ts';
import { forwardTarget } from '../../src/model/forward-target.ts';
import type { Event } from '../../src/model/run/event.ts';
import { spawnCommand } from '../cli/child.ts';
import { play, practice, sick, until } from '../cli/practice.ts';
import { haveOpenssl, pki } from '../fakes/kube-tls.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const event = (seq: number, text = 'x'): Event => ({
  v: 1,
  seq,
  at: 0,
  run: 'r1',
  prev: '',
  type: 'warning',
  text,
});
const quick = { pause: 20, close: 500 };

const closers: (() => void)[] = [];
afterEach(() => {
  for (const close of closers.splice(0)) close();
});

interface Log {
  readonly url: string;
  readonly text: () => string;
  readonly close: () => void;
}

async function logServer(port = 0, server: Server = createServer(), scheme = 'tcp'): Promise<Log> {
  let text = '';
  const sockets = new Set<Socket>();
  const close = (): void => {
    for (const socket of sockets) socket.destroy();
    server.close();
  };
  closers.push(close);
  server.on(scheme === 'tls' ? 'secureConnection' : 'connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('data', (chunk) => {
      text += String(chunk);
    });
    socket.on('error', () => {});
  });
  server.on('tlsClientError', () => {});
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  return {
    url: `${scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    text: () => text,
    close,
  };
}

/** The messages of a stream whose lengths go before them. */
function framed(text: string): readonly string[] {
  const match = /^(\d+) /.exec(text);
  if (match === null) return text === '' ? [] : [`not framed: ${text.slice(0, 40)}`];
  const begin = match[0].length;
  const end = begin + Number(match[1]);
  return [text.slice(begin, end), ...framed(text.slice(end))];
}

const forwarderTo = (url: string, warn: (text: string) => void = () => {}) => {
  const target = forwardTarget(url);
  if (target === undefined) throw new Error(`no target: ${url}`);
  return createForwarder(target, warn, quick);
};

describe('a syslog server over TCP', () => {
  it('gets each entry in order, framed, with the digest of its line', async () => {
    const log = await logServer();
    const forwarder = forwarderTo(log.url);
    const lines = ['one', 'zwei ü', 'drei \u001b[2J\u009b\u202e'].map((text, seq) =>
      JSON.stringify(event(seq, text)),
    );
    for (const [seq, line] of lines.entries()) forwarder.send(event(seq), line);
    expect(await forwarder.close()).toBeUndefined();
    await until('three messages', () => framed(log.text()).length === 3);
    for (const [seq, message] of framed(log.text()).entries()) {
      const line = lines[seq] ?? '';
      expect(message).toMatch(
        /^<86>1 1970-01-01T00:00:00\.000Z \S+ kmend \d+ warning - run=r1 seq=/,
      );
      expect(message).toContain(`seq=${seq} sha256=${sha256(line)} {`);
      expect(JSON.parse(message.slice(message.indexOf('{')))).toEqual(JSON.parse(line));
      expect(message).toMatch(/^[ -~]+$/);
    }
  });

  it('gets of an entry that is too long for syslog its digest', async () => {
    const log = await logServer();
    const forwarder = forwarderTo(log.url);
    const long = JSON.stringify(event(0, 'é'.repeat(3_000)));
    forwarder.send(event(0), long);
    await forwarder.close();
    await until('a message', () => log.text() !== '');
    const [message = ''] = framed(log.text());
    expect(message.length).toBeLessThan(8_000);
    expect(message).toContain(`sha256=${sha256(long)} type=warning length=${long.length}`);
  });

  it('that comes late gets what waited; the outage is reported once', async () => {
    const first = await logServer();
    first.close();
    const warnings: string[] = [];
    const forwarder = forwarderTo(first.url, (text) => warnings.push(text));
    for (let seq = 0; seq < 5; seq++) forwarder.send(event(seq), '{}');
    await until('a failure', () => warnings.length > 0);
    const log = await logServer(Number(first.url.split(':').at(-1)));
    await until('five messages', () => framed(log.text()).length === 5);
    expect(await forwarder.close()).toBeUndefined();
    expect(warnings).toEqual([expect.stringContaining('ECONNREFUSED')]);
  });

  it('that goes away in the middle is connected to again', async () => {
    const log = await logServer();
    const warnings: string[] = [];
    const forwarder = forwarderTo(log.url, (text) => warnings.push(text));
    forwarder.send(event(0), '{}');
    await until('a message', () => log.text() !== '');
    log.close();
    const again = await logServer(Number(log.url.split(':').at(-1)));
    await until('a message on the new connection', () => {
      if (again.text() === '') forwarder.send(event(1), '{}');
      return again.text() !== '';
    });
    expect(await forwarder.close()).toBeUndefined();
  });
});

describe('a log that does not take anything', () => {
  const to = (open: () => Promise<Writable>) =>
    createForwarder({ kind: 'udp', host: '', port: 1 }, () => {}, quick, open);

  it('does not hold up the end of a run', async () => {
    const forwarder = to(async () => new Writable({ write: () => {} }));
    forwarder.send(event(0), '{}');
    const began = Date.now();
    expect(await forwarder.close()).toBe('1 of its entries did not leave this machine');
    expect(Date.now() - began).toBeLessThan(5_000);
  });

  it('does not fill the memory: 2,000 entries wait, the others are counted', async () => {
    let got = 0;
    let begin = (): void => {};
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    const log = new Writable({
      write: (_chunk, _encoding, done) => {
        got += 1;
        done();
      },
    });
    const forwarder = to(() => begun.then(() => log));
    for (let seq = 0; seq < 5_000; seq++) forwarder.send(event(seq), '{}');
    begin();
    expect(await forwarder.close()).toBe('3000 of its entries did not leave this machine');
    expect(got).toBe(2_000);
  });
});

it.skipIf(!haveOpenssl)(
  'TLS is checked: a server that no authority vouches for gets nothing',
  async () => {
    const { server } = pki();
    const log = await logServer(0, createTlsServer(server), 'tls');
    const warnings: string[] = [];
    const forwarder = forwarderTo(log.url, (text) => warnings.push(text));
    forwarder.send(event(0), '{}');
    expect(await forwarder.close()).toBe('1 of its entries did not leave this machine');
    expect([warnings.length, log.text()]).toEqual([1, '']);
  },
);

it('UDP: one datagram a message', async () => {
  const socket = createSocket('udp4');
  closers.push(() => socket.close());
  const got: string[] = [];
  socket.on('message', (message) => got.push(String(message)));
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const forwarder = forwarderTo(`udp://127.0.0.1:${socket.address().port}`);
  for (const seq of [0, 1]) forwarder.send(event(seq), '{}');
  expect(await forwarder.close()).toBeUndefined();
  await until('two datagrams', () => got.length === 2);
  expect(got.map((message) => /seq=(\d)/.exec(message)?.[1])).toEqual(['0', '1']);
});

describe.each([
  ['syslog', 'logger'],
  ['journald', 'systemd-cat'],
])('%s through %s', (kind, program) => {
  const path = process.env.PATH;
  afterEach(() => {
    process.env.PATH = path;
  });
  /** A program of that name that does this. */
  const emulate = (script: string): string => {
    const dir = mkdtempSync(join(tmpdir(), 'kmend-forward-'));
    closers.push(() => rmSync(dir, { recursive: true }));
    writeFileSync(join(dir, program), `#!/bin/sh\ncd ${dir}\n${script}\n`);
    chmodSync(join(dir, program), 0o755);
    process.env.PATH = `${dir}:${path}`;
    return dir;
  };

  it('gets one line a message, and is waited for', async () => {
    const dir = emulate('echo "$@" > arguments; sleep 0.2; cat > lines');
    const forwarder = forwarderTo(kind);
    for (const seq of [0, 1]) forwarder.send(event(seq), '{}');
    expect(await forwarder.close()).toBeUndefined();
    expect(readFileSync(join(dir, 'arguments'), 'utf8')).toMatch(/^-t kmend -p \S*info/);
    expect(readFileSync(join(dir, 'lines'), 'utf8')).toBe(
      [0, 1].map((seq) => `run=r1 seq=${seq} sha256=${sha256('{}')} {}\n`).join(''),
    );
  });

  it('that ends with an error is reported', async () => {
    emulate('cat > lines; exit 3');
    const forwarder = forwarderTo(kind);
    forwarder.send(event(0), '{}');
    expect(await forwarder.close()).toBe(`${program} ended with 3`);
  });

  it('that is not installed is reported', async () => {
    process.env.PATH = '/nonexistent';
    const warnings: string[] = [];
    const forwarder = forwarderTo(kind, (text) => warnings.push(text));
    forwarder.send(event(0), '{}');
    await until('a failure', () => warnings.length === 1);
    expect(await forwarder.close()).toBe('1 of its entries did not leave this machine');
  });
});

it.each([
  '',
  'elsewhere',
  'http://log',
  'tcp://',
  'tcp://log:0',
  'tcp://log:70000',
  'udp://a b',
  'tcp://log/path',
  'tcp://-o@log',
])('%j is no target', (text) => {
  expect(forwardTarget(text)).toBeUndefined();
});

it.each([
  ['udp://log.example.net', { kind: 'udp', host: 'log.example.net', port: 514 }],
  ['tls://log', { kind: 'tls', host: 'log', port: 6514 }],
  ['tcp://[fe80::1]:10514', { kind: 'tcp', host: 'fe80::1', port: 10_514 }],
])('%s is a target', (text, target) => {
  expect(forwardTarget(text)).toEqual(target);
});

describe('a run', () => {
  const forwarded = (log: Log): readonly string[] =>
    framed(log.text()).map((message) => /sha256=(\w+)/.exec(message)?.[1] ?? '');

  it('forwards each entry of its journal, the one that closes it last, and its journal can be checked by that', async () => {
    const lab = await practice([sick('h1')]);
    closers.push(() => void lab.close());
    const log = await logServer();
    const playbook = lab.file('play.yaml', play("    - shell: {cmd: 'true'}\n"));
    expect(await lab.run(['apply', playbook, '--yes', '--audit-forward', log.url])).toMatchObject({
      exit: 0,
      err: '',
    });
    const lines = lab.journalText().trimEnd().split('\n');
    await until('all entries', () => forwarded(log).length === lines.length);
    expect(forwarded(log)).toEqual(lines.map(sha256));
    expect((await lab.run(['audit', 'verify', '--head', forwarded(log).at(-1) ?? ''])).exit).toBe(
      0,
    );
  });

  it.skipIf(!haveOpenssl)(
    'forwards over TLS to a server whose authority it was given',
    async () => {
      const lab = await practice([sick('h1')]);
      closers.push(() => void lab.close());
      const { server, ca } = pki();
      const log = await logServer(0, createTlsServer(server), 'tls');
      const playbook = lab.file('play.yaml', play("    - shell: {cmd: 'true'}\n"));
      const words = [
        'apply',
        playbook,
        '-i',
        lab.fleet.inventoryFile,
        '--yes',
        '--state-dir',
        lab.state,
        '--audit-forward',
        log.url,
      ];
      const child = await spawnCommand(words, join(lab.dir, 'home'), {
        NODE_EXTRA_CA_CERTS: lab.file('ca.pem', ca),
      });
      expect([await child.ended, child.err()]).toEqual([0, '']);
      await until('all entries', () => forwarded(log).length === lab.journal().length);
    },
  );

  it('ends well where nothing can be forwarded: one warning in the journal, one at the end', async () => {
    const lab = await practice([sick('h1')]);
    closers.push(() => void lab.close());
    lab.file('home/kmend.yaml', 'audit_forward: tcp://127.0.0.1:1\n');
    const done = await lab.run([
      'apply',
      lab.file('play.yaml', play("    - shell: {cmd: 'true'}\n")),
      '--yes',
    ]);
    expect([done.exit, done.err]).toEqual([
      0,
      expect.stringMatching(/^warning: the journal of run \S+ was not forwarded whole: \d+ of its/),
    ]);
    const warnings = lab.journal().filter(({ type }) => type === 'warning');
    expect(warnings).toMatchObject([
      {
        text: expect.stringContaining(
          'entries are not forwarded (--audit-forward): connect ECONNREFUSED',
        ),
      },
    ]);
    expect(lab.journal().at(-1)?.type).toBe('run.closed');
  });

  it('adds nothing to its journal behind the entry that closes it, whatever the log does then', async () => {
    const lab = await practice([sick('h1')]);
    closers.push(() => void lab.close());
    const done = await lab.run(
      [
        'apply',
        lab.file('play.yaml', play("    - shell: {cmd: 'true'}\n")),
        '--yes',
        '--audit-forward',
        'syslog',
      ],
      {
        forwarder: async (_, warn) => ({
          send: ({ type }) => {
            if (type === 'run.closed') warn('late');
          },
          close: async () => 'late',
        }),
      },
    );
    expect([done.exit, done.err]).toEqual([
      0,
      expect.stringMatching(/^warning: the journal of run \S+ was not forwarded whole: late$/),
    ]);
    expect(lab.journal().at(-1)?.type).toBe('run.closed');
  });

  it('is not begun with a target that is none', async () => {
    const lab = await practice([sick('h1')]);
    closers.push(() => void lab.close());
    const done = await lab.run([
      'apply',
      lab.file('play.yaml', play("    - shell: {cmd: 'true'}\n")),
      '--yes',
      '--audit-forward',
      'log',
    ]);
    expect([done.exit, done.err]).toEqual([
      3,
      expect.stringContaining('--audit-forward must be syslog, journald, or udp://HOST:PORT'),
    ]);
  });
});
