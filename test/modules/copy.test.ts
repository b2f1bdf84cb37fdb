// copy: what it plans, as a table, and its real script on a directory that plays the host.
import { chmodSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeScript } from '../../src/engine/effects/host-scripts.ts';
import { fileArea } from '../../src/facts/areas/host/file.ts';
import { withPrelude } from '../../src/facts/probe/prelude.ts';
import { allOf } from '../../src/model/fact.ts';
import { fileFacts } from './file-facts.ts';
import { hostTree, shells } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const planned = (args: object, text: string | undefined, more = {}) =>
  planOf('copy', { args: { dest: '/etc/f', ...args }, facts: fileFacts(text, more) });

describe('what it plans', () => {
  it.each<[string, object, string | undefined, object, readonly unknown[]]>([
    ['a new file', { content: 'a\n' }, undefined, {}, [['+', '@@ -0,0 +1 @@\n+a']]],
    ['the same', { content: 'a\n' }, 'a\n', {}, []],
    [
      'another text',
      { content: 'a' },
      'b\n',
      {},
      [['~', '@@ -1 +1 @@\n-b\n+a\n\\ No newline at end of file']],
    ],
    ['another mode', { content: 'a', mode: '0600' }, 'a', {}, [['~', undefined]]],
    ['the mode in symbols', { content: 'a', mode: 'go-r' }, 'a', { mode: '0600' }, []],
    ['a file that stays', { content: 'a', force: false }, 'b', {}, []],
    [
      'a link that is replaced',
      { content: 'a' },
      'a',
      { link: 't', real: '/etc/t' },
      [['~', undefined]],
    ],
    [
      'a link that is followed',
      { content: 'a', follow: true },
      'a',
      { link: 't', real: '/etc/t' },
      [],
    ],
  ])('%s', (_, args, text, more, changes) => {
    const plan = planned(args, text, more);
    expect(plan.changes.map(({ sign, diff }) => [sign, diff])).toEqual(changes);
  });

  it('shows no text of a file that not everybody may read, and none of a key', () => {
    const hidden = [
      planned({ content: 'a\n', mode: '0640' }, 'b\n'),
      planned({ content: 'a\n' }, 'b\n', { mode: '0600' }),
      planned({ content: '-----BEGIN OPENSSH PRIVATE KEY-----\n' }, undefined),
    ].map(({ changes }) => changes[0]?.diff);
    for (const diff of hidden) expect(diff).toMatch(/^\(\+1 -[01] lines, not shown/);
  });

  it('copies a file of the host, also into a directory', () => {
    const args = { src: '/root/g', remote_src: true, dest: '/etc/f' };
    const source = fileFacts('g', { mode: '0755' }, '/root/g');
    const plain = planOf('copy', { args, facts: allOf([source, fileFacts(undefined)]) });
    expect(plain.changes[0]?.effects).toMatchObject([
      { path: '/etc/f', content: { from: '/root/g' }, mode: '0755', replaces: '' },
    ]);
    const facts = allOf([
      source,
      fileFacts(undefined, { kind: 'directory' }),
      fileFacts(undefined, {}, '/etc/f/g'),
    ]);
    const inside = planOf('copy', { args, facts });
    expect(inside.changes[0]?.what).toBe('file /etc/f/g');
  });

  it.each<[object, object, RegExp]>([
    [{ content: 'a' }, { parent: false }, /directory \/etc is not there/],
    [{ content: 'a' }, { kind: 'directory' }, /is a directory/],
  ])('fails the host: %j', (args, more, why) => {
    expect(planned(args, undefined, more).unmet?.evidence).toMatch(why);
  });

  it.each([[{}], [{ content: 'a', src: '/b' }], [{ src: 'x', remote_src: true }], [{ src: '' }]])(
    'does not take %j',
    (args) => {
      expect(() => parseArgs(moduleNamed('copy'), { dest: '/etc/f', ...args })).toThrow();
    },
  );
});

describe.each(shells)('its script in %s', (...shell) => {
  const tree = () => {
    const host = hostTree({ 'etc/f': 'old\n' });
    chmodSync(join(host.root, 'etc/f'), 0o640);
    host.program('sync', '');
    return host;
  };
  const read = (host: ReturnType<typeof tree>) => {
    const args = { path: '/etc/f', text: true };
    const script = typeof fileArea.script === 'string' ? '' : fileArea.script(args);
    return fileArea.parse(host.run(withPrelude(script), shell).out, { cut: false, args });
  };
  const write = (host: ReturnType<typeof tree>, more = {}) => {
    const facts = read(host);
    const args = { dest: '/etc/f', content: "it's new\n", ...more };
    const [effect] = planOf('copy', { args, facts }).changes.flatMap(({ effects }) => effects);
    if (effect?.kind !== 'write') throw new Error('no write');
    host.write('sent', String(effect.content));
    const script = writeScript({ run: '2026-01-01-000000-aaaa', number: 1 }, effect);
    return () => host.run(`( ${script}\n) < "$KMEND_ROOT/sent"`, shell).code;
  };
  const backups = (host: ReturnType<typeof tree>): readonly string[] =>
    readdirSync(join(host.root, 'var/lib/kmend')).includes('backup')
      ? readdirSync(join(host.root, 'var/lib/kmend/backup')).map((name) =>
          host.read(`var/lib/kmend/backup/${name}`),
        )
      : [];

  it('replaces the file, keeps the old one and its mode, and may be repeated', () => {
    const host = tree();
    const again = write(host);
    expect([again(), again()]).toEqual([0, 0]);
    expect([host.read('etc/f'), backups(host)]).toEqual(["it's new\n", ['old\n']]);
    expect(host.picture()['etc/f']).toMatch(/^640 /);
  });

  it('does not replace what somebody has changed since', () => {
    const host = tree();
    const late = write(host);
    host.write('etc/f', 'of somebody\n');
    expect([late(), host.read('etc/f'), backups(host)]).toEqual([92, 'of somebody\n', []]);
  });

  it('does not replace it by what its program refuses', () => {
    const host = tree();
    expect(write(host, { validate: 'grep -q old %s' })()).toBe(90);
    expect(host.read('etc/f')).toBe('old\n');
    expect(write(host, { validate: 'grep -q new %s' })()).toBe(0);
  });
});
