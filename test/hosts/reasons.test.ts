// Why a host failed, on real hosts: full disks, a file system that is read-only, a script of a
// package, a clock that jumps. The reason reaches the reader.
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator, playbook } from './operator.ts';

const missing = labMissing('el7');

/** In the words of bash and of dash. */
const noSpace = /No space left|I\/O error/;

/**
 * /var as a full file system of its own, with what kmend and the package manager had there; nothing
 * of the package cache.
 */
const fullVar =
  'mkdir /v && mount -t tmpfs -o size=40m tmpfs /v && mkdir -p /v/lib /v/log /v/cache && cp -a /var/lib/rpm /var/lib/dnf /v/lib/ && mount --bind /v /var; dd if=/dev/zero of=/var/fill bs=4k; true';

/**
 * Between the installation and the reboot the clock of h3 goes back five years; before the reboot
 * of h4 /run fills up.
 */
const play = `- name: Unlucky
  hosts: h3:h4:h5
  rollout: {max_unavailable: 5, brake: {failures: 9}, approve: never, rollback: none}
  tasks:
    - name: The runtime
      container_runtime: {engine: docker, kmem: disabled}
      when: inventory_hostname == 'h3'
    - name: The clock jumps
      shell: printf '#!/bin/sh\\n/usr/bin/stat "$@" | sed "s|^at .* /proc/self/.$|at $(($(date +%%s) - 157680000)) 0 /proc/self/.|"\\n' > /usr/local/bin/stat; chmod 755 /usr/local/bin/stat
      when: inventory_hostname == 'h3'
    - name: Fill /run
      shell: dd if=/dev/zero of=/run/fill bs=4k; true
      when: inventory_hostname == 'h4'
    - name: A package whose script fails
      package: {name: lab-broken, state: present}
      when: inventory_hostname == 'h5'
    - name: Reboot
      reboot: {timeout: 2m, stable_for: 1s, drain: none, when_pending: "{{ inventory_hostname != 'h4' }}"}
`;

describe.skipIf(missing !== '')(`reasons on el7 hosts (${missing || 'all there'})`, () => {
  let lab: Lab;
  let op: Operator;
  let screen = '';

  beforeAll(async () => {
    const names = ['h1', 'h2', 'h3', 'h4', 'h5'];
    lab = await startLab({ flavour: 'el7', count: names.length, net: '127.37' });
    op = operator(names.map((host) => ({ name: host, lab, host })));
    await Promise.all([
      lab.ssh('h1', `rm -rf /var/cache/dnf; ${fullVar}`),
      lab.ssh('h2', 'rm -rf /var/cache/dnf; mount -o remount,bind,ro /'),
      // What is installed less than three seconds after a boot cannot be distinguished from what was there
      // before.
      lab.ssh('h3', 'sleep 3'),
    ]);
    screen = (await op.kmend(['apply', op.file('unlucky.yaml', play), '-i', op.inventory, '--yes']))
      .out;
  });
  afterAll(() => {
    op?.close();
    lab?.down();
  });

  it('the plan names a full /var and a read-only file system, and guesses at no repository', async () => {
    const { code, out } = await op.kmend([
      'plan',
      playbook('runtime'),
      '-i',
      op.inventory,
      '-l',
      'h1:h2',
    ]);
    expect(code).toBe(4);
    expect(out).toMatch(/h1 .*cannot look for docker-ce .*\/var is full/);
    expect(out).toMatch(/h2 .*cannot look for docker-ce .*read-only/);
    expect(out).not.toMatch(/no enabled repository|is a repository enabled/);
  });

  it('a clock that goes back does not drop the reboot', () => {
    const [reboot] = eventsOf(op.journal(), 'task.planned', 'h3').filter(
      ({ module }) => module === 'reboot',
    );
    expect(reboot?.changes[0]?.after).toBe(
      'docker-ce was installed after this boot; containerd.io was installed after this boot',
    );
    expect([lab.boots('h3'), failureOf(op.journal(), 'h3')]).toEqual([2, undefined]);
  });

  it('a reboot that could not be sent is not reported as sent', () => {
    expect(lab.boots('h4')).toBe(1);
    expect(failureOf(op.journal(), 'h4')).toMatchObject({
      state: 'in service',
      failure: {
        message: expect.stringMatching(/^the reboot was not sent: cannot write to/),
        detail: expect.stringMatching(noSpace),
      },
    });
  });

  it('the last lines of what failed are on the screen and in both reports', async () => {
    const [failure] = eventsOf(op.journal(), 'host.failed', 'h5');
    const last = failure?.failure.detail?.trim().split('\n').at(-1)?.trim() ?? 'no detail';
    const [run = ''] = op.runs();
    const reports = await Promise.all([
      op.kmend(['report', run]),
      op.kmend(['report', run, '--markdown']),
    ]);
    for (const text of [screen, ...reports.map(({ out }) => out)]) {
      expect(text).toContain(`| ${last}`);
      expect(text).toMatch(/\| .*%post\(lab-broken.* scriptlet failed/);
      expect(text).toMatch(/\| .*(No space left|I\/O error)/);
    }
  });
});
