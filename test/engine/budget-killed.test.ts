// A run whose controller was killed keeps its host's place in the budget, until it is resumed.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { spawnCommand } from '../cli/child.ts';
import { type Practice, play, practice, sick, until } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice(['h1', 'h2'].map((name) => sick(name)));
});
afterAll(() => lab.close());

const ran = (host: string, word: string): boolean => {
  const file = join(lab.host(host).root, 'var/ran');
  return existsSync(file) && readFileSync(file, 'utf8').includes(word);
};
const work = (word: string, seconds = 0, more = ''): string => `    - name: Work
      shell: {cmd: 'echo ${word} >> "$KMEND_ROOT/var/ran"; sleep ${seconds}${more}'}
`;
const slots = (): readonly string[] =>
  existsSync(join(lab.state, 'slots')) ? readdirSync(join(lab.state, 'slots')) : [];

describe('a run whose controller was killed', () => {
  it('still has its host out of service, until it is resumed', async () => {
    const child = await spawnCommand(
      [
        'apply',
        lab.file('f.yaml', play(work('five', 2))),
        '-i',
        lab.fleet.inventoryFile,
        '--yes',
        '-l',
        'h1',
        '--state-dir',
        lab.state,
      ],
      join(lab.dir, 'home'),
    );
    await until('the first run', () => ran('h1', 'five'));
    child.signal('SIGKILL');
    await child.ended;
    const run = lab.runs().at(-1) ?? '';
    const other = lab.file('g.yaml', play(work('six')));
    const refused = await lab.run(['apply', other, '--yes', '-l', 'h2']);
    expect([refused.exit, refused.out]).toEqual([
      10,
      expect.stringContaining(`(h1 by run ${run})`),
    ]);
    expect((await lab.run(['resume', run])).exit).toBe(0);
    expect((await lab.run(['apply', other, '--yes', '-l', 'h2'])).exit).toBe(0);
    expect(slots()).toEqual([]);
  }, 60_000);
});
