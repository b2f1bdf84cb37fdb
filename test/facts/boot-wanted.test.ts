// boot.wanted: each witness through the real script, and what the programs said (needs-restarting of
// yum-utils 1.1.31 and of dnf 4).
import { afterEach, beforeEach, expect, it } from 'vitest';
import { wantsNamedIn } from '../../src/facts/index.ts';
import { emptyHost, file, program, type Recorded, replay } from './replay.ts';

let host: Recorded;
beforeEach(() => {
  host = emptyHost();
  file(host, 'proc/sys/kernel/osrelease', '6.1.0-9-amd64\n');
});
afterEach(() => host.remove());

const wanted = () => {
  const facts = replay(host, { wants: [{ area: 'wanted' }] });
  return [facts['boot.wanted.yes'], facts['boot.wanted.why']];
};

it('nobody says so', () => {
  for (const release of ['6.1.0-8-amd64', '6.1.0-9-amd64', '6.1.0-10-rt-amd64', '0-rescue-1'])
    file(host, `boot/vmlinuz-${release}`, '');
  expect(wanted()).toEqual([false, []]);
});

it('a newer kernel of the same build, by its numbers', () => {
  for (const release of ['6.1.0-9-amd64', '6.1.0-10-amd64', '6.1.0-8-amd64'])
    file(host, `boot/vmlinuz-${release}`, '');
  expect(wanted()).toEqual([true, ['kernel 6.1.0-10-amd64 is installed, 6.1.0-9-amd64 runs']]);
});

it('the mark of the packages, with their names once each', () => {
  file(host, 'run/reboot-required', '*** System restart required ***\n');
  expect(wanted()).toEqual([true, ['/run/reboot-required is there']]);
  file(host, 'run/reboot-required.pkgs', 'linux-base\ndbus\nlinux-base\n');
  expect(wanted()).toEqual([true, ['/run/reboot-required: dbus, linux-base']]);
});

it.each([
  [
    'dnf 4',
    'Core libraries or services have been updated since boot-up:\n  * glibc\n  * systemd\n\nReboot is required to fully utilize these updates.\nMore information: https://access.redhat.com/solutions/27943\n',
    [true, ['needs-restarting: glibc, systemd']],
  ],
  [
    'yum-utils',
    'Core libraries or services have been updated:\n  kernel -> 3.10.0-1160.el7\n\nReboot is required to ensure that your system benefits from these updates.\n',
    [true, ['needs-restarting: kernel']],
  ],
  [
    'no need',
    'No core libraries or services have been updated.\nReboot is probably not necessary.\n',
    [false, []],
  ],
  ['an error', 'This command has to be run with superuser privileges\n', [false, []]],
])('needs-restarting: %s', (_, said, expected) => {
  file(host, 'said', said);
  program(host, 'needs-restarting', 'cat "$KMEND_ROOT/said"; exit 1');
  expect(wanted()).toEqual(expected);
});

it('is read only where a play names it', () => {
  const areas = (text: string) => wantsNamedIn(text).map(({ area }) => area);
  for (const text of ['when: boot.wanted.yes', "boot['wanted'].why", 'boot["wanted"]["yes"]'])
    expect(areas(text)).toContain('wanted');
  expect(areas('when: boot.pending; wanted')).not.toContain('wanted');
});
