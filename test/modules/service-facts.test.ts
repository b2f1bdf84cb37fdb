// service_facts: what systemd has loaded and what has a file, in every shell.
import { describe, expect, it } from 'vitest';
import { hostTree } from './host-tree.ts';
import { everyShell, planIn } from './readings.ts';

const units = `auditd.service loaded active running Security Auditing Service
one.service loaded active exited One shot
● broken.service loaded failed failed Broken
gone.service not-found inactive dead gone.service
getty@tty1.service loaded active running Getty on tty1
x.socket loaded active listening A socket`;
const files = `auditd.service enabled enabled
broken.service enabled enabled
getty@.service enabled enabled
only.service disabled`;

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))('in %s', (_, shell) => {
  const read = (text: string) => {
    const tree = hostTree({ '/units': units, '/files': files });
    tree.program('systemctl', text);
    return planIn(tree, 'service_facts', {}, { shell });
  };

  it('has both, with the state of now and that of the next boot', () => {
    const { sets } = read(
      'case $1 in list-units) cat "$KMEND_ROOT/units";; *) cat "$KMEND_ROOT/files";; esac',
    );
    const rows = Object.fromEntries(
      [
        ['auditd', 'running', 'enabled'],
        ['one', 'stopped', 'active'],
        ['broken', 'stopped', 'failed'],
        ['gone', 'stopped', 'not-found'],
        ['getty@tty1', 'running', 'active'],
        ['getty@', 'unknown', 'enabled'],
        ['only', 'inactive', 'disabled'],
      ].map(([name, state, status]) => [
        `${name}.service`,
        { name: `${name}.service`, state, status, source: 'systemd' },
      ]),
    );
    expect(sets).toEqual({ 'ansible_facts.services': rows, services: rows });
  });

  it('says why it cannot be read', () => {
    const { unmet } = read('echo "System has not been booted with systemd" >&2; exit 1');
    expect(unmet?.evidence).toMatch(/not been booted/);
  });
});
