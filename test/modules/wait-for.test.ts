// wait_for: its condition by the host's own tables and files in every shell, and the wait itself.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { grepPattern } from '../../src/modules/wait/grep-pattern.ts';
import { hostTree } from './host-tree.ts';
import { moduleNamed, noContext, parseArgs } from './laws.ts';
import { everyShell, planIn } from './readings.ts';

const heading =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n';
const row = (local: string, state: string): string => `   0: ${local} 00000000:0000 ${state} 0:0\n`;

/** 22 on all addresses, 5000 on loopback by IPv6, 81 on another address, one connection to 80. */
const sockets = {
  '/proc/net/tcp': `${heading}${row('00000000:0016', '0A')}${row('0201A8C0:0051', '0A')}${row('0100007F:0050', '01')}`,
  '/proc/net/tcp6': `${heading}${row('00000000000000000000000001000000:1388', '0A')}`,
};
const acted = { done: { ...noContext.done, acted: true } };

describe.each(everyShell.map((shell) => [shell.join(' '), shell] as const))(
  'wait_for in %s',
  (_, shell) => {
    const tree = hostTreeOf();
    const holds = (args: object): boolean => {
      const { changes, unmet } = planIn(tree(), 'wait_for', args, { shell });
      expect(unmet).toBeUndefined();
      return changes.length === 0;
    };

    it('looks a port of the host up in its table of sockets', () => {
      expect([22, 5000, 81, 80, 9].map((port) => holds({ port }))).toEqual([
        true,
        true,
        false,
        false,
        false,
      ]);
      expect(holds({ port: 22, state: 'stopped' })).toBe(false);
      expect(holds({ port: 9, state: 'stopped' })).toBe(true);
    });

    it('knows whether connections to a port are left', () => {
      expect(holds({ port: 80, state: 'drained' })).toBe(false);
      expect(holds({ port: 22, state: 'drained' })).toBe(true);
      const closing = { port: 80, state: 'drained', active_connection_states: ['FIN_WAIT1'] };
      expect(holds(closing)).toBe(true);
    });

    it('knows whether a path exists, and what a line of it says', () => {
      expect(holds({ path: '/var/it' })).toBe(true);
      expect(holds({ path: '/var/dangling' })).toBe(false);
      expect(holds({ path: '/var/it', state: 'absent' })).toBe(false);
      expect(holds({ path: '/var/none', state: 'absent' })).toBe(true);
      expect(holds({ path: '/var/it', search_regex: 'rea\\w+\\s\\d' })).toBe(true);
      expect(holds({ path: '/var/it', search_regex: '^eady' })).toBe(false);
    });

    it('waits until it holds, or the time is over', () => {
      const made = tree();
      const script = (args: object): string => {
        const [effect] = planIn(made, 'wait_for', args, { shell }).changes.flatMap(
          ({ effects }) => effects,
        );
        if (effect?.kind !== 'run') throw new Error('no script');
        return effect.script;
      };
      const wait = script({ path: '/var/none', timeout: 1 });
      expect(made.run(wait, shell).code).toBe(64);
      made.write('/var/none', '');
      expect(made.run(wait, shell)).toMatchObject({
        code: 0,
        out: expect.stringMatching(/^\d+\n$/),
      });
    });
  },
);

/** `/proc/uptime` is that of this machine, so that time passes. */
function hostTreeOf() {
  return () => {
    const made = hostTree({ ...sockets, '/var/it': 'one\nready 2\n' });
    symlinkSync('nowhere', join(made.root, 'var/dangling'));
    symlinkSync('/proc/uptime', join(made.root, 'proc/uptime'));
    return made;
  };
}

describe('wait_for', () => {
  it('waits for its delay first, on a host that was changed', () => {
    const made = hostTree(sockets);
    const kinds = (context: object): readonly string[] =>
      planIn(made, 'wait_for', { port: 22, delay: 5 }, { context }).changes.flatMap(({ effects }) =>
        effects.map(({ kind }) => kind),
      );
    expect(kinds(acted)).toEqual(['wait', 'run']);
    expect(kinds({})).toEqual([]);
  });

  it('leaves a host untouched where it fails before any change', () => {
    const made = hostTree(sockets);
    const effect = (context: object) =>
      planIn(made, 'wait_for', { port: 9, msg: 'no' }, { context }).changes[0]?.effects[0];
    expect(effect({})).toMatchObject({ harmless: true, errors: { 64: 'no' } });
    expect(effect(acted)).not.toHaveProperty('harmless');
  });

  it('ends in its time where the clock of the host is read at first, and where it is not', () => {
    for (const first of ['', '7.1 9.9\n']) {
      const made = hostTree({ '/proc/uptime': first });
      made.program(
        'sleep',
        'cd "$KMEND_ROOT"; echo "1000007.1 9" > proc/uptime; echo >> tries; [ $(wc -l < tries) -lt 9 ] || touch none; exec /bin/sleep "$1"',
      );
      const [effect] =
        planIn(made, 'wait_for', { path: '/none', timeout: 2 }, { context: acted }).changes[0]
          ?.effects ?? [];
      if (effect?.kind !== 'run') throw new Error('no script');
      expect(made.run(effect.script).code).toBe(64);
    }
  });

  it('is a pause without a port and a path', () => {
    const made = hostTree();
    const plan = planIn(made, 'wait_for', { timeout: 30 }, { context: acted });
    expect(plan.changes).toMatchObject([{ what: 'wait 30 s' }]);
  });

  it.each([
    { port: 1, path: '/x' },
    { port: 1, search_regex: 'x' },
    { path: '/x', state: 'drained' },
    { path: '/x', search_regex: '(?i)x' },
    { path: 'x' },
    { port: 0 },
    { port: 1, host: '$(id)' },
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('wait_for'), args)).toThrow();
  });

  it.each<[string, string | undefined]>([
    ['a.c', 'a.c'],
    ['^\\d+\\.\\d{1,3}$', '^[0-9]+\\.[0-9]{1,3}$'],
    ['(up|on) \\w', '(up|on) [A-Za-z0-9_]'],
    ['[a-z_]+x', '[a-z_]+x'],
    ['a*?', undefined],
    ['(?:a)', undefined],
    ['\\bword', undefined],
    ['[\\d]', undefined],
    ['a\nb', undefined],
    ['(a', '(a'],
  ])('%j is %j for grep', (pattern, wanted) => {
    expect(grepPattern(pattern)).toBe(wanted);
  });
});
