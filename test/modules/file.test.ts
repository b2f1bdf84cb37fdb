// file: what it plans, as a table, and its real scripts on a directory that plays the host.
import { lstatSync, readlinkSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { allOf, fact } from '../../src/model/fact.ts';
import { fileFacts } from './file-facts.ts';
import { hostTree, shells } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const planned = (args: object, text: string | undefined, more = {}, path = '/etc/f') =>
  planOf('file', {
    args: { path, ...args },
    facts: allOf([
      fileFacts(text, { real: path, ...more }, path),
      fact('path./etc/t.exists', true),
      fact('path./etc/none.exists', false),
    ]),
  });

const preserve = { modification_time: 'preserve', access_time: 'preserve' };

describe('what it plans', () => {
  it.each<[string, object, string | undefined, object, readonly string[]]>([
    ['a directory', { state: 'directory' }, undefined, {}, ['+']],
    [
      'one that is there',
      { state: 'directory' },
      undefined,
      { kind: 'directory', mode: '0755' },
      [],
    ],
    [
      'its mode',
      { state: 'directory', mode: '0700' },
      undefined,
      { kind: 'directory', mode: '0755' },
      ['~'],
    ],
    ['rights of a file', { mode: 'o=', owner: 'adm' }, 'a', {}, ['~']],
    ['a link', { state: 'link', src: 't' }, undefined, {}, ['+']],
    ['another link', { state: 'link', src: 't' }, 'a', { link: 'u' }, ['~']],
    ['the link', { state: 'link', src: 't' }, 'a', { link: 't' }, []],
    ['a link to nothing', { state: 'link', src: 'none', force: true }, undefined, {}, ['+']],
    ['a new file', { state: 'touch', mode: '0600' }, undefined, {}, ['+']],
    ['its times', { state: 'touch' }, 'a', {}, ['!']],
    ['one of them', { state: 'touch', access_time: 'preserve' }, 'a', {}, ['!']],
    ['times and rights', { state: 'touch', mode: '0600' }, 'a', {}, ['~', '!']],
    ['rights, and no times', { state: 'touch', mode: '0600', ...preserve }, 'a', {}, ['~']],
    ['no times', { state: 'touch', ...preserve }, 'a', {}, []],
    ['times of a directory', { state: 'touch' }, undefined, { kind: 'directory' }, ['!']],
    ['nothing', { state: 'absent' }, 'a', {}, ['-']],
    ['nothing already', { state: 'absent' }, undefined, {}, []],
  ])('%s', (_, args, text, more, signs) => {
    expect(planned(args, text, more).changes.map(({ sign }) => sign)).toEqual(signs);
  });

  it.each<[string, object, string | undefined, object, RegExp]>([
    ['a link to nothing', { state: 'touch' }, undefined, { link: 'none' }, /is a link to nothing/],
    ['no directory', { state: 'touch' }, undefined, { parent: false }, /directory of .* is not/],
    ['rights of nothing', { mode: '0600' }, undefined, {}, /is not there/],
    ['a directory that is a file', { state: 'directory' }, 'a', {}, /is a file, no directory/],
    ['a link to nothing', { state: 'link', src: 'none' }, undefined, {}, /none is not there/],
    ['a link in place of a file', { state: 'link', src: 't' }, 'a', {}, /not replaced by a link/],
  ])('fails the host: %s', (_, args, text, more, why) => {
    expect(planned(args, text, more).unmet?.evidence).toMatch(why);
  });

  it('never removes the system, and warns of a directory', () => {
    const full = { kind: 'directory', mode: '0755', filled: true };
    for (const path of ['/', '/etc', '/usr/lib', '/var/lib'])
      expect(planned({ state: 'absent' }, undefined, full, path).refuse?.why).toMatch(/the system/);
    const plan = planned({ state: 'absent' }, undefined, full, '/srv/old');
    expect(plan.warnings).toEqual([expect.stringMatching(/does not restore it/)]);
  });

  it.each([
    [{ state: 'link' }],
    [{ src: 't' }],
    [{ state: 'hard', src: 't' }],
    [{ state: 'file', access_time: 'now' }],
    [{ state: 'touch', access_time: '202001010000.00' }],
    [{ state: 'link', src: 't', mode: '0600' }],
    [{ path: 'etc/f' }],
    [{ path: '/etc/../f' }],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('file'), { path: '/etc/f', ...args })).toThrow();
  });
});

describe.each(shells)('its scripts in %s', (...shell) => {
  const perform = (host: ReturnType<typeof hostTree>, plan: ReturnType<typeof planned>) =>
    plan.changes
      .flatMap(({ effects }) => effects)
      .map((effect) => (effect.kind === 'run' ? host.run(effect.script, shell).code : -1));

  it('make a directory with those above it', () => {
    const host = hostTree();
    const path = '/srv/a b/c';
    const plan = planned({ state: 'directory', mode: '0750' }, undefined, {}, path);
    expect(perform(host, plan)).toEqual([0]);
    expect(lstatSync(join(host.root, path)).mode & 0o777).toBe(0o750);
  });

  it.each([
    [{}, [true, true]],
    [{ access_time: 'preserve' }, [false, true]],
    [{ modification_time: 'preserve' }, [true, false]],
  ])('set times of what is there with %j', (times, expected) => {
    const host = hostTree({ 'etc/f': 'a' });
    const at = join(host.root, 'etc/f');
    utimesSync(at, 1000, 1000);
    const plan = planned({ state: 'touch', ...times }, 'a');
    expect(plan.note).toMatch(/each run/);
    expect(perform(host, plan)).toEqual([0]);
    const { atimeMs, mtimeMs } = statSync(at);
    expect([atimeMs, mtimeMs].map((time) => time > 1_000_000)).toEqual(expected);
    host.remove('etc/f');
    expect(perform(host, plan)).toEqual([71]);
    expect(Object.keys(host.picture())).toEqual([]);
  });

  it('replace a link to a directory', () => {
    const host = hostTree({ 'etc/d/x': '', 'etc/t': '' });
    symlinkSync('d', join(host.root, 'etc/f'));
    const plan = planned({ state: 'link', src: 't' }, undefined, { kind: 'directory', link: 'd' });
    expect(perform(host, plan)).toEqual([0]);
    expect(readlinkSync(join(host.root, 'etc/f'))).toBe('t');
    expect(Object.keys(host.picture())).toEqual(['etc/d/x', 'etc/f', 'etc/t']);
  });

  it('keep a file that they remove, and leave one that somebody changed', () => {
    const host = hostTree({ 'etc/f': 'a' });
    const plan = planned({ state: 'absent' }, 'a');
    expect(perform(host, plan)).toEqual([0]);
    expect(Object.values(host.picture())).toEqual(['600 a']);
    host.write('etc/f', 'b');
    expect(perform(host, plan)).toEqual([71]);
    expect(host.read('etc/f')).toBe('b');
  });

  it('remove a link and not what it leads to', () => {
    const host = hostTree({ 'etc/d/x': 'x' });
    symlinkSync('d', join(host.root, 'etc/f'));
    const state = { kind: 'directory', link: 'd', real: '/etc/d', filled: true };
    expect(perform(host, planned({ state: 'absent' }, undefined, state))).toEqual([0]);
    expect(Object.keys(host.picture())).toEqual(['etc/d/x']);
  });
});
