// The repositories are asked once, not after every effect: what cannot change them leaves their
// answers as they are.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { HostView, type HostViewInput } from '../../src/engine/host/host-view.ts';
import type { Session } from '../../src/engine/session/session.ts';
import type { FactWant } from '../../src/model/fact.ts';
import { ok } from '../../src/model/run/failure.ts';
import { emptyHost, file, program, type Recorded } from '../facts/replay.ts';

let host: Recorded;
let now = 0;
beforeEach(() => {
  now = 0;
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '3.10.0-862.el7.x86_64\n');
  file(host, 'proc/cmdline', 'ro\n');
  file(host, 'etc/os-release', 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="7"\n');
  install('18.06.1-3.el7');
  offer('18.09.1-3.el7');
});
afterEach(() => host.remove());

const install = (version: string): void =>
  program(
    host,
    'rpm',
    `case "$*" in *"-- docker-ce") echo "installed ${version} rpm";; *) exit 1;; esac`,
  );
const offer = (version: string): void =>
  program(
    host,
    'yum',
    `echo asked >> "$KMEND_ROOT/../asked"; echo 'docker-ce.x86_64 ${version} stable'`,
  );
const asked = (): number => {
  const path = join(host.root, '../asked');
  return existsSync(path) ? readFileSync(path, 'utf8').trim().split('\n').length : 0;
};

/** Runs each script of the engine on the host. */
const session = (): Session =>
  ({
    target: {},
    read: async (script: string) => {
      const env = { PATH: `${host.bin}:${process.env.PATH}`, KMEND_ROOT: host.root };
      const stdout = execFileSync('sh', { input: script, env, encoding: 'utf8' });
      return ok({ code: 0, stdout, stderr: '', truncated: false });
    },
    hostKey: () => '',
  }) as unknown as Session;

const view = (): HostView =>
  new HostView({
    host: 'n1',
    setup: { play: { vars: {}, rollout: {} } },
    hostSetup: { target: {} },
    ports: { clock: { now: () => now } },
    session: session(),
    ours: [],
    when: { kind: 'start' },
    node: () => undefined,
    readNode: async () => ok({}),
    given: () => ({}),
    done: () => ({}),
    full: () => undefined,
  } as unknown as HostViewInput);

const want: FactWant = { area: 'package', args: { name: 'docker-ce' } };
const facts = ({ facts: all }: HostView): readonly unknown[] => [
  all['package.docker-ce.installed'],
  all['package.docker-ce.available'],
];

it('an effect that cannot change them is followed by the new version, with the old answer', async () => {
  const seen = view();
  expect(await seen.refresh([want])).toBe(undefined);
  install('18.09.1-3.el7');
  seen.invalidate(true);
  expect(await seen.refresh([want])).toBe(undefined);
  expect([facts(seen), asked()]).toEqual([['18.09.1-3.el7', ['18.09.1-3.el7']], 1]);
  expect(seen.frame.asked.has('package:[["name","docker-ce"]]')).toBe(true);
});

it.each<[string, (seen: HostView) => void]>([
  ['any other effect', (seen) => seen.invalidate()],
  [
    'two, one of which may have',
    (seen) => {
      seen.invalidate();
      seen.invalidate(true);
    },
  ],
  [
    'ten minutes',
    (seen) => {
      now += 600_000;
      seen.invalidate(true);
    },
  ],
])('they are asked again after %s', async (_, after) => {
  const seen = view();
  await seen.refresh([want]);
  offer('18.09.9-3.el7');
  after(seen);
  await seen.refresh();
  expect([facts(seen)[1], asked()]).toEqual([['18.09.9-3.el7'], 2]);
});

it('they are asked again where they had no answer', async () => {
  program(host, 'yum', `echo asked >> "$KMEND_ROOT/../asked"; exit 1`);
  const seen = view();
  await seen.refresh([want]);
  seen.invalidate(true);
  offer('18.09.9-3.el7');
  await seen.refresh();
  expect([facts(seen)[1], asked()]).toEqual([['18.09.9-3.el7'], 2]);
});
