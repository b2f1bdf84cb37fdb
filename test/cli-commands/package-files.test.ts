// The package files of a playbook: found, fetched and read before any host is contacted; every
// error with its place; a changed file makes a plan stale.
import { createHash } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Practice, play, practice, sick } from '../cli/practice.ts';
import { rpmFile } from '../fakes/package-files.ts';

const rpm = rpmFile({ name: 'tool', version: '2', release: '1.el7' });
const sha256 = createHash('sha256').update(rpm).digest('hex');

describe('package files', () => {
  let lab: Practice;
  let server: Server;
  let url = '';
  let asked = 0;
  const tasks = (
    files: string,
    more = '',
  ) => `    - {name: Ahead, package: {name: tool, files: ${files}, predownload: true}}
    - {name: Move, package: {name: tool, files: ${files}}}
${more}`;
  const planned = async (files: string, words: readonly string[] = []) =>
    lab.run(['plan', lab.file('play.yaml', play(tasks(files))), ...words]);

  beforeAll(async () => {
    lab = await practice([sick('one'), sick('two')]);
    mkdirSync(join(lab.dir, 'files/folder'), { recursive: true });
    writeFileSync(join(lab.dir, 'files/tool.rpm'), rpm);
    writeFileSync(join(lab.dir, 'page.rpm'), '<html>not found</html>');
    server = createServer((_, answer) => {
      asked++;
      answer.end(rpm);
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/tool.rpm`;
  });
  afterAll(async () => {
    server.close();
    await lab.close();
  });

  it.each([
    [
      'a missing file',
      '[{path: gone.rpm}]',
      /play\.yaml:5:\d+: error: package file gone\.rpm is not there[\s\S]*looked for \S+\/files\/gone\.rpm and \S+\/gone\.rpm[\s\S]*hint: a relative path begins at the playbook/,
    ],
    ['a directory', '[{path: folder}]', /package file folder is a directory/],
    ['what is no package', '[{path: page.rpm}]', /page\.rpm is neither an RPM nor a deb package/],
    [
      'another checksum',
      `[{path: tool.rpm, sha256: '${'0'.repeat(64)}'}]`,
      /tool\.rpm has another checksum[\s\S]*its sha256 is [0-9a-f]{64}, not 0{64}/,
    ],
    [
      'what only a fact would say',
      "[{path: '{{ kernel.release }}.rpm'}]",
      /package files are read before any host is contacted/,
    ],
    ['a URL without a checksum', '[{url: http://127.0.0.1/x.rpm}]', /a `url` needs `sha256`/],
    [
      'a URL with a password',
      `[{url: 'http://me:secret@127.0.0.1/x.rpm', sha256: '${sha256}'}]`,
      /without a user name/,
    ],
    [
      'a URL with a token, which is not shown',
      `[{url: 'http://127.0.0.1:1/x.rpm?token=geheim', sha256: '${sha256}'}]`,
      /error: package file http:\/\/127\.0\.0\.1:1\/x\.rpm\?\.\.\. cannot be fetched/,
    ],
    [
      'both',
      `[{path: a, url: http://127.0.0.1/x.rpm, sha256: '${sha256}'}]`,
      /needs `path` or `url`, one of them/,
    ],
    ['neither', '[{}]', /needs `path` or `url`, one of them/],
    ['a bad checksum', '[{path: tool.rpm, sha256: abc}]', /should be a sha256 checksum/],
    [
      'a URL that is not answered',
      `[{url: http://127.0.0.1:1/x.rpm, sha256: '${sha256}'}]`,
      /cannot be fetched: .*[\s\S]*hint: or download it by other means/,
    ],
  ])('%s ends the command with exit 3, and no host is contacted', async (_, files, why) => {
    const { exit, err, out } = await planned(files, ['-l', 'one']);
    expect([exit, err], out).toEqual([3, expect.stringMatching(why)]);
    expect(err).toContain('nothing was done');
  });

  it('what variables give is checked as well, before anything is fetched, and shows no password', async () => {
    const given = JSON.stringify({
      package_files: [{ url: url.replace('//', '//me:secret@'), sha256 }],
    });
    const { exit, err } = await planned('"{{ package_files }}"', ['-l', 'one', '-e', given]);
    expect([exit, err]).toEqual([
      3,
      expect.stringMatching(
        /play\.yaml:5:\d+: error: `files\.0\.url` should be an http or https URL without a user name/,
      ),
    ]);
    expect(err).not.toContain('secret');
  });

  it('a file that several tasks name is reported once', async () => {
    const given = JSON.stringify({ package_files: [{ path: '/etc/passwd' }] });
    const playbook = join(import.meta.dirname, '../../playbooks/auto.yaml');
    const { exit, err } = await lab.run(['plan', playbook, '-l', 'one', '-e', given]);
    expect([exit, err.match(/neither an RPM nor a deb package/g)?.length]).toEqual([3, 1]);
  });

  it('validate says the same, and fetches nothing', async () => {
    const before = asked;
    const bad = await lab.run([
      'validate',
      lab.file('bad.yaml', play(tasks('[{path: gone.rpm}]'))),
    ]);
    expect([bad.exit, bad.err]).toEqual([
      3,
      expect.stringMatching(/bad\.yaml:5:\d+: error: package file gone\.rpm is not there/),
    ]);
    const open = await lab.run([
      'validate',
      lab.file('open.yaml', play(tasks('"{{ from_hosts }}"'))),
    ]);
    expect(open.exit).toBe(0);
    const far = await lab.run([
      'validate',
      lab.file('url.yaml', play(tasks(`[{url: '${url}', sha256: '${sha256}'}]`))),
    ]);
    expect([far.exit, asked]).toEqual([0, before]);
  });

  it('is planned with its name, version and size, from -e and from the inventory too', async () => {
    const line = /copy package files: tool 2-1\.el7 \(0\.0 MB\)/;
    expect((await planned('[{path: tool.rpm}]', ['-l', 'one'])).out).toMatch(line);
    const given = JSON.stringify({ package_files: [{ path: join(lab.dir, 'files/tool.rpm') }] });
    expect(
      (await planned('"{{ package_files | default(omit) }}"', ['-l', 'one', '-e', given])).out,
    ).toMatch(line);
    const without = await planned('"{{ package_files | default(omit) }}"', ['-l', 'one']);
    expect(without.out).toMatch(/no enabled repository has tool/);
  });

  it('a URL is fetched once, and kept', async () => {
    const before = asked;
    const files = `[{url: '${url}', sha256: '${sha256.toUpperCase()}'}]`;
    for (const _ of [1, 2])
      expect((await planned(files, ['-l', 'one'])).out).toMatch(
        /copy package files: tool 2-1\.el7/,
      );
    expect(asked).toBe(before + 1);
    const wrong = await planned(`[{url: '${url}', sha256: '${'1'.repeat(64)}'}]`, ['-l', 'one']);
    expect([wrong.exit, wrong.err]).toEqual([
      3,
      expect.stringMatching(/cannot be fetched: what came has the sha256/),
    ]);
  });

  it('a file that was changed makes a saved plan stale', async () => {
    const saved = join(lab.dir, 'plan.json');
    writeFileSync(join(lab.dir, 'files/again.rpm'), rpm);
    await planned('[{path: again.rpm}]', ['-l', 'one', '-o', saved]);
    writeFileSync(join(lab.dir, 'files/again.rpm'), Buffer.concat([rpm, Buffer.from('x')]));
    const { exit, err } = await lab.run(['apply', saved, '--yes']);
    expect([exit, err]).toEqual([
      8,
      expect.stringMatching(/plan\.json is stale: package file again\.rpm has changed/),
    ]);
  });
});
