// Hosts that cannot be read when the plan is made: each is left out with its own kind of failure
// and a hint, and the others are remediated.
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Failure, FailureKind } from '../../src/model/run/failure.ts';
import type { Plan } from '../../src/model/run/plan.ts';
import { eventsOf, type Practice, play, practice, remediationPlay, sick } from '../cli/practice.ts';
import type { CommandResult } from '../cli/real-world.ts';

let lab: Practice;
let planned: CommandResult;
let leftOut: ReadonlyMap<string, Failure>;

beforeAll(async () => {
  lab = await practice([
    sick('wrong-key', { faults: { auth: true } }),
    sick('closed', { closed: true }),
    sick('mute', { faults: { mute: true } }),
    sick('banner', { faults: { banner: true } }),
    sick('no-sh', { faults: { nosh: true } }),
    sick('cut', { faults: { cut: 300 } }),
    sick('sudo-tty', { user: 'ops', vars: { ansible_become: true }, faults: { sudo: 'tty' } }),
    sick('sudo-deny', { user: 'ops', vars: { ansible_become: true }, faults: { sudo: 'deny' } }),
    sick('sudo-wrong', {
      user: 'ops',
      vars: { ansible_become: true, ansible_become_password: 'not the horse' },
      faults: { sudo: 'horse battery' },
    }),
    sick('new-key'),
    sick('clock', { faults: { clock: -3 * 365 * 86_400 } }),
    sick('full', { faults: { full: true } }),
    sick('locked', { faults: { lock: true } }),
    sick('noisy', { faults: { noise: 'Welcome to this machine!\nsysstat: 3 %\n' } }),
    sick('good'),
  ]);
  // The key that known_hosts has for it is another host's.
  const known = `${lab.fleet.dir}/known_hosts`;
  const lines = readFileSync(known, 'utf8').split('\n');
  const [other = ''] = lines;
  const port = lab.host('new-key').port;
  lab.file(
    'fleet/known_hosts',
    lines
      .map((line) =>
        line.startsWith(`[127.0.0.1]:${port} `)
          ? line.replace(/ ssh.*/, other.slice(other.indexOf(' ')))
          : line,
      )
      .join('\n'),
  );
  const playbook = lab.file(
    'remediate.yaml',
    remediationPlay(
      '{unplannable: leave_out, retries: {transport: 0}, max_unavailable: 9}',
      '{timeout: 20s, stable_for: 1s, lock_timeout: 2s}',
    ),
  );
  planned = await lab.run(['plan', playbook, '--json', '-T', '1', '-o', `${lab.dir}/plan.json`]);
  const plan = JSON.parse(planned.out) as Plan;
  leftOut = new Map(plan.plays[0]?.leftOut.map(({ host, failure }) => [host, failure]));
}, 60_000);
afterAll(() => lab.close());

describe('left out of the plan', () => {
  const rows: readonly (readonly [string, FailureKind, RegExp, RegExp])[] = [
    [
      'wrong-key',
      'auth',
      /login refused: tried .*\/id$/,
      /check the user, the key files and the agent/,
    ],
    ['closed', 'unreachable', /connection was refused \(ECONNREFUSED\)/, /^$/],
    ['mute', 'unreachable', /connected, but no SSH banner within 1 s/, /^$/],
    ['banner', 'unreachable', /connected, but no SSH banner within 1 s/, /^$/],
    ['no-sh', 'exit', /\/bin\/sh is missing on the host/, /^$/],
    ['cut', 'parse', /probe output is truncated/, /connection may have been lost/],
    ['sudo-tty', 'auth', /sudo requires a terminal/, /!requiretty/],
    ['sudo-deny', 'auth', /sudo does not let this user become root/, /sudoers/],
    ['sudo-wrong', 'auth', /sudo refused the password/, /^$/],
    [
      'new-key',
      'host_key',
      /THE HOST KEY HAS CHANGED/,
      /an attacker may be in between.*ssh-keygen -R/,
    ],
  ];
  it.each(rows)('%s: %s', (host, kind, words, hint) => {
    const failure = leftOut.get(host);
    expect(failure).toMatchObject({ kind });
    expect(failure?.message).toMatch(words);
    expect(failure?.hint ?? '').toMatch(hint);
  });

  it('no other host is left out: a wrong clock and chatty logins do not matter', () => {
    expect([...leftOut.keys()].sort()).toEqual(rows.map(([host]) => host).sort());
  });

  it('the text of an endless banner is reported, truncated', () => {
    expect(leftOut.get('banner')?.detail).toMatch(/^the server said: \* authorised use only/);
    expect(leftOut.get('banner')?.detail?.length).toBeLessThan(1000);
  });

  it('the text names each of them too, and the exit code is 4', async () => {
    const text = await lab.run(['plan', `${lab.dir}/remediate.yaml`, '-T', '1']);
    expect(planned.exit).toBe(4);
    expect(text.exit).toBe(4);
    for (const [host] of rows) expect(text.out).toContain(host);
  });

  it('no password stands in the plan file or the output', () => {
    expect(readFileSync(`${lab.dir}/plan.json`, 'utf8') + planned.out + planned.err).not.toContain(
      'not the horse',
    );
  });
});

describe('the others in the same run', () => {
  it('are remediated, also those whose clock is wrong by years or whose login talks; one with a full disk is refused, untouched; none is rebooted while packages are changed', async () => {
    const done = await lab.run(['apply', `${lab.dir}/plan.json`, '--yes']);
    expect(done.exit).toBe(4);
    const events = lab.journal();
    expect(
      eventsOf(events, 'host.done')
        .map((event) => [event.host, event.proven])
        .sort(),
    ).toEqual(['clock', 'good', 'noisy'].map((host) => [host, 'yes']));
    expect(eventsOf(events, 'host.failed')).toMatchObject([
      { host: 'locked', failure: { kind: 'blocked' } },
    ]);
    expect(lab.host('locked').boots()).toBe(1);
    const full = (JSON.parse(planned.out) as Plan).plays[0]?.hosts.find(
      ({ host }) => host === 'full',
    );
    expect(full?.refused).toMatchObject({
      why: '/boot has 0 MB left, this needs 1',
      hint: 'make room on /boot first',
    });
    expect(readFileSync(`${lab.host('full').root}/boot/grub2/grub.cfg`, 'utf8')).not.toContain(
      'nokmem',
    );
  }, 60_000);

  it('a package manager in use is named in the plan, before anything is done', async () => {
    lab.fleet.set('good', 'lock', true);
    const text = play(
      '    - package: {name: wget, lock_timeout: 1s}\n',
      '{unplannable: leave_out}',
    ).replace('hosts: all', 'hosts: good');
    const done = await lab.run([
      'plan',
      lab.file(
        'wget.yaml',
        text
          .replace('wget', 'docker-ce')
          .replace(
            'name: docker-ce',
            'packages: {docker-ce: 18.09.9, docker-ce-cli: 18.09.9, containerd.io: 1.4.13}',
          ),
      ),
    ]);
    expect(done.exit).toBe(4);
    expect(done.out).toContain(
      'the package manager is in use: yum (pid 4711) holds /var/run/yum.pid (wait for it to end, and try again)',
    );
    lab.fleet.set('good', 'lock', undefined);
  }, 20_000);
});
