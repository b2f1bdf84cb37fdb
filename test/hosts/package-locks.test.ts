// Locks of package managers on real sshd hosts with real rpm, dnf and dpkg: a process that
// changes packages is waited for, one that only reads stops no run.
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Lab, labMissing, labNumber, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator } from './operator.ts';

const missing = labMissing('el7') || labMissing('deb');

/** A package whose script takes its time, built on the host. */
const slowRpm = (
  seconds: number,
): string => `mkdir -p /root/b && cd /root/b && cat > slow.spec <<'S'
Name: slow
Version: 1
Release: 1
Summary: slow
License: none
BuildArch: noarch
%description
slow
%post
sleep ${seconds}; echo done > /root/whole
%files
S
rpmbuild -bb --quiet --define '_rpmdir /root/b' slow.spec`;
const slowDeb = (seconds: number): string => `mkdir -p /root/b/slow/DEBIAN && cd /root/b/slow/DEBIAN
printf 'Package: slow\\nVersion: 1\\nArchitecture: all\\nMaintainer: x\\nDescription: x\\n' > control
printf '#!/bin/sh\\nsleep ${seconds}; echo done > /root/whole\\n' > postinst && chmod 755 postinst && dpkg-deb -b /root/b/slow /root/b/slow.deb`;

const play = `- hosts: all
  rollout: {max_unavailable: 3, brake: {failures: 5}}
  tasks:
    - shell: sleep 4
    - reboot: {timeout: 40s, stable_for: 1s, lock_timeout: "{{ lock_timeout }}", force: true}
`;

describe.skipIf(missing !== '')(`locks of package managers (${missing || 'all there'})`, () => {
  let lab: Lab;
  let debian: Lab;
  let op: Operator;
  let stalled: Server;
  const sockets: Socket[] = [];
  beforeAll(async () => {
    [lab, debian] = await Promise.all([
      startLab({ flavour: 'el7', count: 2, net: '127.35' }),
      startLab({ flavour: 'deb', count: 1, net: '127.36' }),
    ]);
    op = operator([
      { name: 'waits', lab, host: 'h1', vars: { lock_timeout: '60' } },
      { name: 'stops', lab, host: 'h2', vars: { lock_timeout: '3' } },
      { name: 'debian', lab: debian, host: 'h1', vars: { lock_timeout: '60' } },
    ]);
    await Promise.all([
      lab.ssh('h1', slowRpm(14)),
      lab.ssh('h2', slowRpm(25)),
      debian.ssh('h1', slowDeb(14)),
    ]);
    stalled = createServer((socket) => {
      sockets.push(socket.on('error', () => undefined));
      // Never silent, so that no limit of dnf's own ends it.
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n'),
      );
    });
    await new Promise<void>((resolve) =>
      stalled.listen(0, `127.${35 + 40 * labNumber}.0.99`, resolve),
    );
  }, 120_000);
  afterAll(() => {
    for (const socket of sockets) socket.destroy();
    stalled?.close();
    op?.close();
    lab?.down();
    debian?.down();
  });
  const progress = (host: string) =>
    eventsOf(op.journal(), 'effect.progress', host).map(({ text }) =>
      text.replace(/pid \d+/, 'pid N'),
    );

  it('a reboot waits for a transaction that began after the plan, and gives up in time, not rebooted', async () => {
    const apply = op.start(['apply', op.file('play.yaml', play), '-i', op.inventory, '--yes']);
    await expect
      .poll(() => op.runs().length > 0 && eventsOf(op.journal(), 'effect.started').length, {
        timeout: 30_000,
      })
      .toBe(3);
    const began = Date.now();
    const transactions = [
      lab.ssh('h1', 'dnf -y install /root/b/noarch/slow-1-1.noarch.rpm'),
      lab.ssh('h2', 'rpm -i /root/b/noarch/slow-1-1.noarch.rpm'),
      debian.ssh('h1', 'dpkg -i /root/b/slow.deb'),
    ];
    const { code } = await apply.ended;
    expect([lab.boots('h1'), lab.boots('h2'), debian.boots('h1')]).toEqual([2, 1, 2]);
    expect(Date.now() - began).toBeGreaterThan(14_000);
    expect([lab.written('h1', 'root/whole'), debian.written('h1', 'root/whole')]).toEqual([
      'done\n',
      'done\n',
    ]);
    expect(progress('waits')).toEqual([
      'the reboot waits, up to 60 s: dnf (pid N) holds /var/lib/rpm/.rpm.lock',
    ]);
    expect(progress('debian')).toEqual([
      'the reboot waits, up to 60 s: dpkg (pid N) holds /var/lib/dpkg/lock',
    ]);
    expect([code, failureOf(op.journal(), 'stops')?.failure]).toMatchObject([
      4,
      {
        kind: 'blocked',
        message: expect.stringMatching(
          /^not rebooted: .*rpm \(pid \d+, for \d+ s\) holds \/var\/lib\/rpm\/\.rpm\.lock/,
        ),
      },
    ]);
    await Promise.all(transactions);
  }, 120_000);

  it('two plans at one moment and an operator who asks dnf and rpm refuse no host', async () => {
    const path = op.file(
      'package.yaml',
      '- hosts: waits\n  tasks:\n    - package: {name: docker-ce, version: "18.09.9"}\n',
    );
    const asking = lab.ssh(
      'h1',
      'end=$(($(date +%s) + 8)); while [ $(date +%s) -lt $end ]; do dnf -q list kernel; rpm -Va --nofiles; done',
    );
    const plan = () => op.kmend(['plan', path, '-i', op.inventory]);
    const plans = [
      ...(await Promise.all([plan(), plan(), plan()])),
      ...(await Promise.all([plan(), plan()])),
    ];
    expect(plans.map(({ out }) => /Plan: .* (\d+) refused/.exec(out)?.[1] ?? out)).toEqual(
      plans.map(() => '0'),
    );
    await asking;
  }, 60_000);

  it('a transaction under way refuses the plan of a package, and is named', async () => {
    const busy = lab.ssh('h1', 'rpm -i --replacepkgs /root/b/noarch/slow-1-1.noarch.rpm');
    await sleep(1500);
    const { out } = await op.kmend([
      'plan',
      op.file(
        'kernel.yaml',
        '- hosts: waits\n  tasks:\n    - package: {name: docker-ce, version: "18.09.9"}\n',
      ),
      '-i',
      op.inventory,
    ]);
    expect(out).toMatch(
      /the package manager is in use: rpm \(pid \d+, for \d+ s\) holds \/var\/lib\/rpm\/\.rpm\.lock/,
    );
    await busy;
  }, 60_000);

  it('a query of a mirror that stalls ends with the connection', async () => {
    const address = stalled.address();
    const url =
      typeof address === 'object' && address !== null
        ? `http://${address.address}:${address.port}/`
        : '';
    await lab.ssh(
      'h1',
      `printf '[stall]\\nname=stall\\nbaseurl=${url}\\n' > /etc/yum.repos.d/stall.repo`,
    );
    const drip = setInterval(
      () => sockets.forEach((socket) => void socket.write(' '.repeat(2000))),
      500,
    );
    const asks = async () =>
      (
        await lab.ssh('h1', 'grep -lsz [s]howduplicates /proc/[0-9]*/cmdline | wc -l')
      ).out.trim() !== '0';
    const plan = op.start([
      'plan',
      op.file(
        'stall.yaml',
        '- hosts: waits\n  tasks:\n    - package: {name: docker-ce, version: "18.09.9"}\n',
      ),
      '-i',
      op.inventory,
    ]);
    await expect.poll(asks, { timeout: 20_000 }).toBe(true);
    plan.child.kill('SIGKILL');
    await expect.poll(asks, { timeout: 15_000 }).toBe(false);
    clearInterval(drip);
  }, 60_000);
});
