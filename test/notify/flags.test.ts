// Flags of notices: an error in them shows before anything is done, and what a run shall send
// comes from its command line, its project file or its job.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Job } from '../../src/app/jobs/jobs.ts';
import { notifyFlagsOfRuns } from '../../src/app/jobs/notify.ts';
import { wantedBy } from '../../src/app/notices/targets.ts';
import { startCommand } from '../cli/real-world.ts';

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-notices-'));
  writeFileSync(join(home, 'none'), 'no address\n');
});
afterAll(() => rmSync(home, { recursive: true }));
const apply = (...flags: readonly string[]) =>
  startCommand(['apply', 'play.yaml', '-i', 'h1,', '--yes', ...flags], { home }).result;

describe('flags that are wrong', () => {
  it.each<[string, readonly string[], string]>([
    ['no target', ['--notify-on', 'brake'], '--notify-on needs a target'],
    ['a text for nobody', ['--notify-text', 'x'], '--notify-text needs a target'],
    [
      'an unknown kind',
      ['--notify-command', 'true', '--notify-on', 'brake,ended'],
      '--notify-on must be of started, canary, brake, waits, paused, finished, not `ended`',
    ],
    [
      'a file without an address',
      ['--notify-url-file', 'none'],
      'should hold the address of a webhook',
    ],
    ['no such file', ['--notify-url-file', 'away'], 'the address of the webhook cannot be read'],
    ['an option as an address', ['--notify-mail=-oQ/tmp'], '--notify-mail must be addresses'],
    [
      'a header in an address',
      ['--notify-mail', 'a@b\nBcc: c@d'],
      '--notify-mail must be addresses',
    ],
    [
      'a secret in the command',
      ['--notify-command', 'curl -H "Authorization: Bearer Zq7canary" x'],
      'may hold a secret, and would be kept',
    ],
    [
      'a field that no notice has',
      ['--notify-command', 'true', '--notify-text', '{{ hostname }}'],
      'a notice has no field hostname; it has kind, key, text',
    ],
    [
      'a template that is none',
      ['--notify-command', 'true', '--notify-text', '{{ run'],
      '--notify-text: ',
    ],
  ])('%s', async (_, flags, message) => {
    const { exit, err } = await apply(...flags);
    expect([exit, err]).toEqual([3, expect.stringContaining(message)]);
    expect(err).not.toContain('Zq7canary');
  });

  it('the project file is read like the flags', async () => {
    writeFileSync(join(home, 'kmend.yaml'), 'notify_command: "true"\nnotify_on: [ended]\n');
    expect((await apply()).err).toContain('not `ended`');
    // Its own flags say what a job sends, not the project.
    const args = ['schedule', 'install', 'nightly', '--every', 'daily', '--', 'check'];
    const installed = await startCommand(args, { home }).result;
    expect([installed.exit, installed.err]).toEqual([0, '']);
    rmSync(join(home, 'kmend.yaml'));
  });
});

describe('the runs of a job', () => {
  const job = (notify: NonNullable<Job['notify']>): Job => ({
    ...{ schema: 'kmend.job/1', name: 'nightly', every: 'daily', args: [], directory: '/' },
    ...{ who: 'ada', units: [], notify },
  });
  const kinds = (notify: NonNullable<Job['notify']>) => [
    ...wantedBy(notifyFlagsOfRuns(job(notify))).kinds,
  ];

  it('send what --notify-on names, without their end: the turn says that', () => {
    expect(kinds({ command: 'true' })).toEqual([]);
    expect(kinds({ command: 'true', on: ['brake', 'finished'] })).toEqual(['brake']);
    const flags = notifyFlagsOfRuns(
      job({ urlFile: '/w', mail: 'ops@example.org', text: '{{ why }}' }),
    );
    expect(flags).toEqual({
      notifyUrlFile: '/w',
      notifyMail: 'ops@example.org',
      notifyText: '{{ why }}',
      notifyOn: [],
    });
  });

  it('are like any others where the job has no targets', () => {
    const { notify: _notify, ...plain } = job({});
    expect(notifyFlagsOfRuns(plain)).toEqual({});
  });
});
