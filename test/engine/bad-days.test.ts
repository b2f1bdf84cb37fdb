// Faults of a host in the middle of its walk: each has its own kind of failure with a hint, and
// nothing is lost.
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Faults, HostSpec } from '../../practice/index.ts';
import type { FailureKind } from '../../src/model/run/failure.ts';
import { eventsOf, type Practice, play, practice, remediationPlay, sick } from '../cli/practice.ts';

interface BadDay {
  readonly name: string;
  /** Set when the plan is made and before it is carried out. */
  readonly fault: Partial<Faults>;
  readonly spec?: Partial<HostSpec>;
  readonly playbook?: string;
  readonly exit: number;
  readonly kind: FailureKind;
  readonly message: RegExp;
  readonly hint: RegExp;
  readonly left: RegExp;
  readonly boots: number;
}

const quick = remediationPlay('{}', '{timeout: 4s, stable_for: 2s}');
const badDays: readonly BadDay[] = [
  {
    name: 'never-back',
    fault: { never: true },
    exit: 6,
    kind: 'unreachable',
    message: /did not come back within \d+ s after the reboot \(last try: .*refused/,
    hint: /power-cycle it; its slot stays taken until an operator runs: kmend resume RUN --retry HOST/,
    left: /^out of reach, a reboot was sent$/,
    boots: 1,
  },
  {
    name: 'no-reboot',
    fault: { noreboot: true },
    exit: 4,
    kind: 'timeout',
    message: /not carried out: the host still runs the same boot \d+ s after the reboot was sent/,
    hint: /check the console/,
    left: /in service/,
    boots: 1,
  },
  {
    name: 'no-reboot-by-force',
    fault: { noreboot: true },
    playbook: remediationPlay('{}', '{timeout: 6s, stable_for: 2s, escalate: [force, sysrq]}'),
    exit: 4,
    kind: 'timeout',
    message: /not carried out: the host still runs the same boot \d+ s after the reboot was sent/,
    hint: /check the console/,
    left: /in service/,
    boots: 1,
  },
  {
    name: 'boot-loop',
    fault: { loop: { times: 9, seconds: 0.6 } },
    exit: 4,
    kind: 'boot_loop',
    message: /booted again within \d+ s|went away again within \d+ s/,
    hint: /it may panic at boot/,
    left: /^booting again and again, a reboot was sent$/,
    boots: 0,
  },
  {
    name: 'old-entry',
    fault: { oldboot: true },
    exit: 4,
    kind: 'not_converged',
    message: /still not as it should be: reboot \(cgroup.memory: not set -> nokmem\)/,
    hint: /^$/,
    left: /in service, rebooted/,
    boots: 2,
  },
  {
    name: 'new-key',
    fault: { newkey: true },
    exit: 4,
    kind: 'host_key',
    message: /after the reboot: .*THE HOST KEY HAS CHANGED/,
    hint: /an attacker may be in between/,
    left: /in service/,
    boots: 2,
  },
  {
    name: 'full-disk',
    fault: { full: true },
    playbook: play("    - {name: Something, command: 'true'}\n"),
    exit: 4,
    kind: 'exit',
    message: /cannot write to \/var\/lib\/kmend or \/run\/kmend/,
    hint: /is the disk full or read-only/,
    left: /in service/,
    boots: 1,
  },
  {
    name: 'full-boot',
    fault: { full: true },
    exit: 4,
    kind: 'refused',
    message: /\/boot has 0 MB left, this needs 1/,
    hint: /make room on \/boot first/,
    left: /^untouched$/,
    boots: 1,
  },
  {
    name: 'goes-dark',
    fault: { mute: true },
    exit: 6,
    kind: 'unreachable',
    message: /no SSH banner within/,
    hint: /^$/,
    left: /untouched/,
    boots: 1,
  },
  {
    name: 'bad-script',
    fault: { badpost: ['docker-ce'] },
    playbook: play(
      '    - package: {packages: {docker-ce: 18.09.9, docker-ce-cli: 18.09.9, containerd.io: 1.4.13}}\n',
    ),
    exit: 4,
    kind: 'exit',
    message: /a script of theirs failed/,
    hint: /see what the script wanted/,
    left: /in service/,
    boots: 1,
  },
  {
    name: 'drain-fails',
    fault: {},
    spec: {
      packages: [
        'container-selinux-2:2.68-1.el7',
        'docker-ce-18.06.1.ce-3.el7',
        'kubelet-1.12.3-0',
      ],
    },
    playbook: play("    - drain: {command: 'echo no >&2; exit 3'}\n    - reboot: {force: true}\n"),
    exit: 4,
    kind: 'exit',
    message: /ended with 3/,
    hint: /^$/,
    left: /^perhaps drained in part$/,
    boots: 1,
  },
];

let lab: Practice;
beforeAll(async () => {
  lab = await practice(
    badDays.map(({ name, spec }) => sick(name, spec)),
    { downSeconds: 0.2 },
  );
});
afterAll(() => lab.close());

/** The journal of the run that this output is of. */
const journalOf = (out: string) => lab.journal(/run (\d{8}-\d{6}-\w+)/.exec(out)?.[1]);

describe('a bad day', () => {
  it.concurrent.each(badDays)(
    '$name: $kind',
    async (day) => {
      const { name } = day;
      const playbook = lab.file(
        `${name}.yaml`,
        (day.playbook ?? quick)
          .replace('hosts: all', `hosts: ${name}`)
          .replace('rollout: {}', 'rollout: {retries: {transport: 0}}'),
      );
      const saved = join(lab.dir, `${name}.json`);
      expect((await lab.run(['plan', playbook, '-o', saved, '-T', '1'])).exit).toBe(2);
      const [[fault, value] = []] = Object.entries(day.fault);
      if (fault !== undefined) lab.fleet.set(name, fault as 'never', value as true);
      const began = Date.now();
      const done = await lab.run(['apply', saved, '--yes', '-T', '1']);
      const [failed] = eventsOf(journalOf(done.out), 'host.failed');
      const details = JSON.stringify({
        ...failed?.failure,
        left: failed?.state,
        exit: done.exit,
        took: Date.now() - began,
      });
      expect(failed?.failure.kind, details).toBe(day.kind);
      expect(failed?.failure.message, details).toMatch(day.message);
      expect(failed?.failure.hint ?? '', details).toMatch(day.hint);
      expect(failed?.state, details).toMatch(day.left);
      expect(done.exit, details).toBe(day.exit);
      expect(done.out).toContain(failed?.failure.message.slice(0, 40) ?? 'a failure');
      if (day.boots > 0) expect(lab.host(name).boots()).toBe(day.boots);
      expect(eventsOf(journalOf(done.out), 'run.finished').map((event) => event.exit)).toEqual([
        day.exit,
      ]);
    },
    40_000,
  );
});
