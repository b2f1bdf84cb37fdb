// Signals at each stage of a run of the real process: it ends in a safe state that is named, its
// journal is closed, and resume ends the work.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Event } from '../../src/model/run/event.ts';
import { spawnCommand } from '../cli/child.ts';
import { eventsOf, type Practice, play, practice, sick, until } from '../cli/practice.ts';

const kubelet = {
  packages: ['container-selinux-2:2.68-1.el7', 'docker-ce-18.06.1.ce-3.el7', 'kubelet-1.12.3-0'],
};
const tasks = `    - name: Drain
      drain: {command: 'echo drained >> "$KMEND_ROOT/var/ran"; sleep 0.7'}
    - name: Package
      package: {packages: {docker-ce: 18.09.9, docker-ce-cli: 18.09.9, containerd.io: 1.4.13}}
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Reboot
      reboot: {when_pending: true, timeout: 30s, stable_for: 1s}
    - name: Wait
      shell: {cmd: 'echo waited >> "$KMEND_ROOT/var/ran"; sleep 0.7'}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
`;

interface Stage {
  readonly name: string;
  readonly signals: readonly NodeJS.Signals[];
  /** Sends the first signal when this is in the journal. */
  readonly at: (event: Event) => boolean;
  readonly exit: number;
  readonly left: RegExp;
}

const started =
  (what: string) =>
  (event: Event): boolean =>
    event.type === 'effect.started' && event.what.includes(what);

const stages: readonly Stage[] = [
  {
    name: 'drain',
    signals: ['SIGINT'],
    at: started('drain by'),
    exit: 130,
    left: /^drained by a command of the play$/,
  },
  {
    name: 'package',
    signals: ['SIGINT'],
    at: started('yum:'),
    exit: 130,
    left: /^drained by a command of the play$/,
  },
  {
    name: 'reboot',
    signals: ['SIGINT'],
    at: started('reboot'),
    exit: 130,
    left: /^drained by a command of the play, rebooted$/,
  },
  {
    name: 'term',
    signals: ['SIGTERM'],
    at: started('drain by'),
    exit: 143,
    left: /^drained by a command of the play$/,
  },
  {
    name: 'now-package',
    signals: ['SIGINT', 'SIGINT'],
    at: started('yum:'),
    exit: 130,
    left: /^drained by a command of the play, while: yum:/,
  },
  {
    name: 'now-reboot',
    signals: ['SIGINT', 'SIGINT'],
    at: started('reboot'),
    exit: 130,
    left: /^drained by a command of the play, a reboot was sent, while: reboot/,
  },
];

let lab: Practice;
beforeAll(async () => {
  lab = await practice(
    stages.map(({ name }) =>
      sick(name, { ...kubelet, faults: { slowyum: name === 'now-package' ? 6 : 1.5 } }),
    ),
    { downSeconds: 1 },
  );
});
afterAll(() => lab.close());

describe('a signal', () => {
  it.concurrent.each(stages)(
    '$signals in the middle of: $name',
    async ({ name, signals, at, exit, left }) => {
      const state = join(lab.dir, `state-${name}`);
      const playbook = lab.file(
        `${name}.yaml`,
        play(tasks).replace('hosts: all', `hosts: ${name}`),
      );
      const child = await spawnCommand(
        ['apply', playbook, '-i', lab.fleet.inventoryFile, '--yes', '--state-dir', state],
        join(lab.dir, 'home'),
      );
      const run = (): string | undefined => /run (\d{8}-\d{6}-\w+)/.exec(child.out())?.[1];
      const journal = (): readonly Event[] => {
        const id = run();
        if (id === undefined) return [];
        return readFileSync(join(state, 'runs', id, 'journal.ndjson'), 'utf8')
          .split('\n')
          .slice(0, -1)
          .map((line) => JSON.parse(line) as Event);
      };
      await until(`${name}: ${child.out()}`, () => journal().some(at), 30);
      for (const signal of signals) {
        child.signal(signal);
        await new Promise((resolve) => setTimeout(resolve, 150));
      }
      const began = Date.now();
      expect(await child.ended, child.out() + child.err()).toBe(exit);
      if (signals.length > 1) expect(Date.now() - began).toBeLessThan(4000);
      const [failed] = eventsOf(journal(), 'host.failed');
      expect(failed, child.out()).toMatchObject({
        failure: { kind: 'interrupted', resumable: true },
        state: expect.stringMatching(left),
      });
      expect(journal().slice(-2)).toMatchObject([
        { type: 'run.finished', exit: 130 },
        { type: 'run.closed' },
      ]);
      expect(child.out()).toMatch(/interrupted/);
      expect(child.out()).toContain(`kmend resume ${run() ?? ''}`);

      const resumed = await lab.run(['resume', run() ?? '', '--state-dir', state]);
      expect(resumed, child.out()).toMatchObject({ exit: 0, err: '' });
      expect(lab.host(name).boots()).toBe(2);
      expect(readFileSync(join(lab.host(name).root, 'var/ran'), 'utf8')).toBe('drained\nwaited\n');
      expect(
        eventsOf(journal(), 'effect.started').filter((event) => event.kind === 'reboot'),
      ).toHaveLength(1);
      expect(eventsOf(journal(), 'host.done')).toMatchObject([{ proven: 'yes' }]);
    },
    60_000,
  );

  it.concurrent('SIGINT while the plan is made: nothing is begun, 130', async () => {
    const dark = await practice([sick('dark', { faults: { mute: true } })]);
    const port = (dark.fleet.hosts[0]?.port ?? 0).toString(16).toUpperCase().padStart(4, '0');
    const ofPort = new RegExp(`^ *\\d+: 0100007F:${port} 0100007F:[0-9A-F]{4} 01 `, 'gm');
    const connections = () => readFileSync('/proc/net/tcp', 'utf8').match(ofPort)?.length ?? 0;
    // The fleet itself holds the port by a connection.
    const before = connections();
    const child = await spawnCommand(
      [
        'apply',
        dark.file('p.yaml', play(tasks)),
        '-i',
        dark.fleet.inventoryFile,
        '--yes',
        '--state-dir',
        dark.state,
      ],
      join(dark.dir, 'home'),
    );
    await until('it is connected to the silent host', () => connections() > before);
    child.signal('SIGINT');
    expect(await child.ended, child.err()).toBe(130);
    expect(child.err()).toContain('nothing was changed');
    expect(dark.runs()).toEqual([]);
    await dark.close();
  }, 30_000);
});
