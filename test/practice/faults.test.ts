// The faults of practice hosts: each one does what its description says, and can be taken away
// again.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createFleet, type Fleet, type HostSpec } from '../../practice/index.ts';
import { hostOf, rebooted, ssh } from './client.ts';

const dir = mkdtempSync(join(tmpdir(), 'kmend-faults-'));
const packages = ['container-selinux-2:2.68-1.el7', 'docker-ce-18.06.1.ce-3.el7'];
const host = (name: string, more: Partial<HostSpec> = {}): HostSpec => ({
  name,
  flavour: 'el7',
  kernel: '3.10.0-1160.el7.x86_64',
  packages,
  ...more,
});
let fleet: Fleet;

beforeAll(async () => {
  fleet = await createFleet({
    dir,
    hosts: [host('h1'), host('h2'), host('h3'), host('ops1', { user: 'ops' })],
    downSeconds: 0.2,
  });
});
afterAll(async () => {
  await fleet.close();
  rmSync(dir, { recursive: true, force: true });
});

const reboot = (name: string): Promise<unknown> =>
  ssh(fleet, name, 'reboot; sleep 1').catch(() => undefined);

/** What a bare TCP client hears in that time. */
const hear = (name: string, milliseconds: number): Promise<string> =>
  new Promise((resolve) => {
    const { address, port } = hostOf(fleet, name);
    const socket = connect(port, address);
    let heard = '';
    socket.on('data', (chunk) => (heard += String(chunk)));
    socket.on('error', (error) => (heard += error.message));
    setTimeout(() => {
      socket.destroy();
      resolve(heard);
    }, milliseconds);
  });

describe('reboots that go wrong', () => {
  it('noreboot: says yes and nothing happens', async () => {
    fleet.set('h1', 'noreboot', true);
    const before = hostOf(fleet, 'h1').bootId();
    expect((await ssh(fleet, 'h1', 'reboot')).code).toBe(0);
    await sleep(500);
    expect(hostOf(fleet, 'h1').bootId()).toBe(before);
    fleet.set('h1', 'noreboot', undefined);
  });

  it('never: stays away until somebody gives it power', async () => {
    fleet.set('h1', 'never', true);
    const before = hostOf(fleet, 'h1').bootId();
    await reboot('h1');
    await sleep(800);
    expect(hostOf(fleet, 'h1').isUp()).toBe(false);
    fleet.power('h1');
    await rebooted(fleet, 'h1', before);
  });

  it('oldboot: another boot id, the old arguments', async () => {
    fleet.set('h1', 'oldboot', true);
    const before = hostOf(fleet, 'h1').bootId();
    await ssh(fleet, 'h1', 'grubby --update-kernel=ALL --args=cgroup.memory=nokmem');
    await reboot('h1');
    await rebooted(fleet, 'h1', before);
    expect((await ssh(fleet, 'h1', 'cat "$KMEND_ROOT/proc/cmdline"')).out).not.toContain('nokmem');
    fleet.set('h1', 'oldboot', undefined);
  });

  it('loop: reboots again by itself, so many times', async () => {
    fleet.set('h2', 'loop', { times: 2, seconds: 0.2 });
    await reboot('h2');
    for (let tries = 0; tries < 100 && hostOf(fleet, 'h2').boots() < 4; tries++) await sleep(100);
    await sleep(1000);
    expect(hostOf(fleet, 'h2').boots()).toBe(4);
  });

  it('newkey: another host key from the next boot on', async () => {
    fleet.set('h3', 'newkey', true);
    await reboot('h3');
    await sleep(800);
    await expect(ssh(fleet, 'h3', 'true')).rejects.toThrow(/verification failed/i);
  });

  it('a boot loader file without a kernel never comes back', async () => {
    await ssh(fleet, 'h2', ': > "$KMEND_ROOT/boot/grub2/grub.cfg"');
    await reboot('h2');
    await sleep(800);
    expect(hostOf(fleet, 'h2').isUp()).toBe(false);
  });
});

describe('connections that go wrong', () => {
  it('mute: TCP connects and nothing is said', async () => {
    fleet.set('h1', 'mute', true);
    expect(await hear('h1', 300)).toBe('');
    fleet.set('h1', 'mute', undefined);
    expect(await hear('h1', 300)).toMatch(/^SSH-2/);
  });

  it('banner: endless text in the place of the identification', async () => {
    fleet.set('h1', 'banner', true);
    const heard = await hear('h1', 400);
    expect(heard.split('\n').length).toBeGreaterThan(5);
    expect(heard).not.toContain('SSH-2');
    fleet.set('h1', 'banner', undefined);
  });

  it('drop: cut in the middle of a command, so many times', async () => {
    fleet.set('h1', 'drop', { seconds: 0.1, times: 1 });
    await expect(ssh(fleet, 'h1', 'sleep 3')).rejects.toThrow(/cut/);
    expect((await ssh(fleet, 'h1', 'sleep 0.3; echo on')).out).toBe('on\n');
  });

  it('cut and noise: half the output, and words before it', async () => {
    fleet.set('h1', 'cut', 4);
    fleet.set('h1', 'noise', 'Welcome!\n');
    expect((await ssh(fleet, 'h1', 'echo 123456789')).out).toBe('Welcome!\n1234');
    fleet.set('h1', 'cut', undefined);
    fleet.set('h1', 'noise', undefined);
  });

  it('auth and nosh: no login, no shell', async () => {
    fleet.set('h1', 'nosh', true);
    expect(await ssh(fleet, 'h1', 'true')).toEqual({
      code: 127,
      out: '',
      err: '/bin/sh: No such file or directory\n',
    });
    fleet.set('h1', 'nosh', undefined);
    fleet.set('h1', 'auth', true);
    await expect(ssh(fleet, 'h1', 'true')).rejects.toThrow(/authentication/);
    fleet.set('h1', 'auth', undefined);
  });
});

describe('hosts with faults', () => {
  it('full: no new folders, no packages, nothing free', async () => {
    fleet.set('h1', 'full', true);
    expect((await ssh(fleet, 'h1', 'mkdir -p "$KMEND_ROOT/var/lib/kmend"')).err).toContain(
      'No space left on device',
    );
    expect((await ssh(fleet, 'h1', 'stat -f -c %f "$KMEND_ROOT/boot"')).out).toBe('0\n');
    expect((await ssh(fleet, 'h1', 'yum -q -y install kernel-3.10.0-1127.el7')).err).toContain(
      'more space needed',
    );
    fleet.set('h1', 'full', undefined);
    expect((await ssh(fleet, 'h1', 'mkdir -p "$KMEND_ROOT/var/lib/kmend"')).code).toBe(0);
  });

  it('clock: the host thinks it is another year', async () => {
    fleet.set('h1', 'clock', -3 * 365 * 86_400);
    const seconds = Number((await ssh(fleet, 'h1', 'date +%s')).out);
    expect(Math.abs(seconds - (Date.now() / 1000 - 3 * 365 * 86_400))).toBeLessThan(10);
    fleet.set('h1', 'clock', undefined);
  });

  it('sudo: nopasswd, a password, a terminal, no right at all', async () => {
    const sudo = 'sudo -n -H -u root -- /bin/sh -c "id -u"';
    expect((await ssh(fleet, 'ops1', 'id -u')).out).toBe('1000\n');
    expect((await ssh(fleet, 'ops1', sudo)).out).toBe('0\n');
    fleet.set('ops1', 'sudo', 'tty');
    expect((await ssh(fleet, 'ops1', sudo)).err).toContain('must have a tty');
    fleet.set('ops1', 'sudo', 'deny');
    expect((await ssh(fleet, 'ops1', sudo)).err).toContain('not in the sudoers file');
    fleet.set('ops1', 'sudo', 'horse battery');
    expect((await ssh(fleet, 'ops1', sudo)).err).toContain('a password is required');
    const asking = 'sudo -k -S -p PROMPT -u root -- /bin/sh -c "id -u; cat"';
    expect(await ssh(fleet, 'ops1', asking, 'horse battery\nrest\n')).toEqual({
      code: 0,
      out: '0\nrest\n',
      err: 'PROMPT',
    });
    expect((await ssh(fleet, 'ops1', asking, 'wrong\nwrong\nwrong\n')).err).toContain(
      '3 incorrect password attempts',
    );
    fleet.set('ops1', 'sudo', undefined);
  });

  it('slowyum: a transaction takes its time and is gone with a reboot', async () => {
    fleet.set('h1', 'slowyum', 1);
    const before = hostOf(fleet, 'h1').bootId();
    await ssh(
      fleet,
      'h1',
      'setsid yum -q -y install kernel-3.10.0-1062.4.1.el7 </dev/null >/dev/null 2>&1 & sleep 0.3; reboot',
    ).catch(() => undefined);
    await rebooted(fleet, 'h1', before);
    await sleep(1200);
    expect((await ssh(fleet, 'h1', 'rpm -q kernel')).out).not.toContain('3.10.0-1062');
    fleet.set('h1', 'slowyum', undefined);
  });
});

it('twenty hosts stand side by side in one process', async () => {
  const many = await createFleet({
    dir: join(dir, 'many'),
    hosts: Array.from({ length: 20 }, (_none, i) => host(`m${i}`)),
  });
  const names = many.hosts.map(({ name }) => name);
  const answers = await Promise.all(names.map((name) => ssh(many, name, 'uname -n')));
  expect(answers.map(({ out }) => out)).toEqual(names.map((name) => `${name}\n`));
  await many.close();
});
