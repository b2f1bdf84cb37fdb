// The head of a journal leaves the machine by every way that a run has to people, and each of them
// gives the head that `audit verify` wants.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { eventsOf, type Practice, play, practice, sick } from '../cli/practice.ts';

let lab: Practice;
beforeAll(async () => {
  lab = await practice([sick('h1')]);
});
afterAll(() => lab.close());

const loud = play("    - shell: {cmd: 'yes | head -n 3000'}\n");
const last = (text: string): string => text.trimEnd().split('\n').at(-1) ?? '';
const headIn = (text: string): string => /[0-9a-f]{64}/.exec(text)?.[0] ?? 'none';

describe('the head of a run', () => {
  it('ends its output, is in its reports, and is the head that audit verify wants', async () => {
    const done = await lab.run(['apply', lab.file('loud.yaml', loud), '--yes']);
    const [run = ''] = lab.runs().slice(-1);
    const head = headIn(last(done.out));
    expect(last(done.out)).toBe(`journal: ${lab.journal(run).length} entries, head ${head}`);
    for (const flags of [[], ['--markdown'], ['--json'], ['--events']])
      expect((await lab.run(['report', run, ...flags])).out).toContain(head);
    const verified = await lab.run(['audit', 'verify', run, '--head', head]);
    expect([verified.exit, verified.out]).toMatchObject([
      0,
      expect.stringContaining('3 files and pieces of output as its entries say'),
    ]);
  });

  it('is the last line of JSON output, since no event can hold its own hash', async () => {
    const done = await lab.run(['apply', lab.file('loud.yaml', loud), '--yes', '--json']);
    const [run = ''] = lab.runs().slice(-1);
    const end = JSON.parse(last(done.out));
    expect(end).toEqual({
      schema: 'kmend.journal/1',
      run,
      entries: lab.journal(run).length,
      head: headIn(last(done.out)),
    });
    expect(JSON.parse(last((await lab.run(['report', run, '--events'])).out))).toEqual(end);
    expect((await lab.run(['audit', 'verify', '--head', end.head])).exit).toBe(0);
  });

  it('is in the notice of a job, and in its text', async () => {
    const noticeFile = join(lab.dir, 'notice.json');
    const words = ['apply', lab.file('loud.yaml', loud), '-i', lab.fleet.inventoryFile];
    const done = await lab.run([
      'schedule',
      'run',
      'nightly',
      '--notify-command',
      `cat > ${noticeFile}`,
      '--state-dir',
      lab.state,
      '--',
      ...words,
    ]);
    expect(done.exit).toBe(0);
    const notice = JSON.parse(readFileSync(noticeFile, 'utf8'));
    expect(notice.text).toContain(`journal head ${notice.head}`);
    expect((await lab.run(['audit', 'verify', notice.run, '--head', notice.head])).exit).toBe(0);
  });

  it('is named by the next run, which vouches for it', async () => {
    const [before = '', run = ''] = lab.runs().slice(-2);
    const [began] = eventsOf(lab.journal(run), 'run.started');
    expect(began?.previous?.run).toBe(before);
    expect(
      (await lab.run(['audit', 'verify', before, '--head', began?.previous?.head ?? ''])).exit,
    ).toBe(0);
  });
});

it('a run whose plan was changed is not resumed, and no host is contacted', async () => {
  const [run = ''] = lab.runs().slice(-1);
  appendFileSync(join(lab.state, 'runs', run, 'plan.json'), ' ');
  const entries = lab.journal(run).length;
  const done = await lab.run(['resume', run, '--yes'], {
    transport: async () => ({
      connect: () => Promise.reject(new Error('contacted')),
      close: async () => {},
    }),
  });
  expect([done.exit, done.err]).toMatchObject([
    1,
    expect.stringContaining(`plan.json changed since run ${run} began`),
  ]);
  expect(lab.journal(run)).toHaveLength(entries);
  expect((await lab.run(['audit', 'verify', run])).exit).toBe(1);
});
