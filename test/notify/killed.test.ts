// The real program, killed with SIGKILL between a notice and its entry in the journal: after the
// resume a receiver that honours the key has each notice once, and no hanging receiver delays a run.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { type Child, spawnCommand } from '../cli/child.ts';
import { play, practice, sick } from '../cli/practice.ts';

interface Arrived {
  readonly key: unknown;
  readonly kind: string;
}

/** A webhook; `answers` says whether it answers a notice at all. */
async function webhook(answers: (one: Arrived) => boolean) {
  const arrived: Arrived[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      const one = { key: request.headers['idempotency-key'], kind: JSON.parse(body).kind };
      arrived.push(one);
      if (answers(one)) response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const close = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return {
    arrived,
    close,
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/s3cret`,
  };
}

const tasks = `    - name: Touch
      shell: {cmd: 'touch "$KMEND_ROOT/var/made"', creates: /var/made}
`;

it('killed before it was journalled, a notice is sent again with its key', async () => {
  const lab = await practice([sick('h1')]);
  let child: Child | undefined;
  const hook = await webhook(() => {
    if (hook.arrived.length > 1) return true;
    child?.signal('SIGKILL');
    return false;
  });
  try {
    const home = join(lab.dir, 'home');
    const address = lab.file('webhook', `${hook.url}\n`);
    const playbook = lab.file('play.yaml', play(tasks));
    const fleet = ['-i', lab.fleet.inventoryFile, '--state-dir', lab.state];
    child = await spawnCommand(
      ['apply', playbook, ...fleet, '--yes', '--notify-url-file', address],
      home,
    );
    expect(await child.ended).toBe('SIGKILL');
    const [run = ''] = lab.runs();
    const again = await spawnCommand(['resume', run, '--state-dir', lab.state, '--yes'], home);
    expect([await again.ended, again.err()]).toEqual([0, '']);
    const journal = lab.journal(run);
    const end = journal.find(({ type }) => type === 'run.finished')?.seq;
    expect(hook.arrived).toEqual([
      { key: `${run}/0`, kind: 'started' },
      { key: `${run}/0`, kind: 'started' },
      { key: `${run}/${end}`, kind: 'finished' },
    ]);
    expect(journal.filter(({ type }) => type === 'notice.sent')).toMatchObject([
      { notice: 0, target: 'webhook' },
      { notice: end, target: 'webhook' },
    ]);
    expect(journal.at(-1)?.type).toBe('run.closed');
    expect((await lab.run(['audit', 'verify', run])).exit).toBe(0);
    for (const text of [lab.journalText(run), again.out(), again.err()])
      expect(text).not.toContain('s3cret');
  } finally {
    hook.close();
    await lab.close();
  }
}, 60_000);

it('a webhook that never answers delays no host, and the end of the run by seconds', async () => {
  const lab = await practice([sick('h1')]);
  const hook = await webhook(() => false);
  try {
    const address = lab.file('webhook', `${hook.url}\n`);
    const playbook = lab.file('play.yaml', play(tasks));
    const fleet = ['-i', lab.fleet.inventoryFile, '--state-dir', lab.state];
    const { exit, err } = await lab.run([
      ...['apply', playbook, ...fleet, '--yes', '--notify-url-file', address],
    ]);
    const journal = lab.journal();
    const [begun = 0, done = 0, closed = 0] = ['run.started', 'run.finished', 'run.closed'].map(
      (type) => journal.find((event) => event.type === type)?.at,
    );
    expect([exit, err]).toEqual([
      0,
      expect.stringMatching(
        /^warning: notices of run \S+ that were not sent: 2; a resume sends them$/,
      ),
    ]);
    expect(done - begun).toBeLessThan(5_000);
    expect(closed - done).toBeLessThan(8_000);
    expect(hook.arrived).toHaveLength(1);
  } finally {
    hook.close();
    await lab.close();
  }
}, 60_000);
