// hold on a practice host: the plan shows it, a run does it once, and a rollback restores what was
// there.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';

const directory = 'etc/yum/pluginconf.d';

describe('holds of packages', () => {
  let fleet: Practice;
  const locks = (): string =>
    readFileSync(join(fleet.host('h1').root, directory, 'versionlock.list'), 'utf8');
  const write = (name: string, text: string): void =>
    writeFileSync(join(fleet.host('h1').root, directory, name), text);
  const book = () =>
    fleet.file('p.yaml', play('\n    - community.general.yum_versionlock: { name: docker-ce }'));

  beforeAll(async () => {
    fleet = await practice([sick('h1')]);
    mkdirSync(join(fleet.host('h1').root, directory), { recursive: true });
    write('versionlock.list', '# ours\n');
    write('versionlock.conf', '[main]\nenabled = 0\n');
  }, 60_000);
  afterAll(() => fleet.close());

  it('a host without the plugin is refused', async () => {
    const { out } = await fleet.run(['plan', book()]);
    expect(out).toMatch(/the plugin versionlock is not there, or is off/);
    write('versionlock.conf', '[main]\nenabled = 1\n');
  });

  it('a run holds, once, and its rollback lifts the hold', async () => {
    const planned = await fleet.run(['plan', book()]);
    expect(planned.out).toMatch(
      /\+ hold of docker-ce: .*versionlock \d:docker-ce-\S+\.\* \[write\]/,
    );
    const applied = await fleet.run(['apply', book(), '--yes']);
    expect(`${applied.exit} ${applied.err}`).toBe('0 ');
    expect(locks()).toMatch(/^# ours\n\d:docker-ce-[^\n]+\.\*\n$/);
    expect((await fleet.run(['plan', book()])).exit).toBe(0);
    expect((await fleet.run(['rollback', fleet.runs()[0] ?? '', '--yes'])).exit).toBe(0);
    expect(locks()).toBe('# ours\n');
  }, 60_000);
});
