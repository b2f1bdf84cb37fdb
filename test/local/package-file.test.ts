// What package files say of themselves, and every way in which a file is none.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { inspectPackage } from '../../src/adapters/local/index.ts';
import { debFile, type FakePackage, rpmFile } from '../fakes/package-files.ts';

const dir = mkdtempSync(join(tmpdir(), 'kmend-package-'));
afterAll(() => rmSync(dir, { recursive: true }));

function inspect(bytes: Buffer) {
  const path = join(dir, 'file');
  writeFileSync(path, bytes);
  return inspectPackage(path);
}
async function why(bytes: Buffer): Promise<string> {
  const inspected = await inspect(bytes);
  return inspected.ok ? JSON.stringify(inspected.file) : inspected.why;
}

const docker: FakePackage = {
  name: 'docker-ce',
  version: '18.09.9',
  release: '3.el7',
  epoch: 3,
  requires: ['containerd.io'],
  provides: ['docker-ce', 'moby'],
};
const control = `Package: docker-ce
Version: 5:18.09.9~3-0~debian-stretch
Architecture: amd64
Depends: docker-ce-cli, containerd.io (>= 1.2.2-1),
 iptables, libc6 (>= 2.8) | musl
Pre-Depends: init-system-helpers:any
Provides: moby (= 1)
Description: not
 Depends: on this
`;

describe('an RPM package', () => {
  it('has its name, version with epoch, architecture, and what it requires and provides', async () => {
    const bytes = rpmFile(docker);
    expect(await inspect(bytes)).toEqual({
      ok: true,
      file: {
        kind: 'rpm',
        name: 'docker-ce',
        version: '3:18.09.9-3.el7',
        arch: 'x86_64',
        requires: ['containerd.io'],
        provides: ['docker-ce', 'moby'],
        sha256: createHash('sha256').update(bytes).digest('hex'),
        size: bytes.length,
        at: join(dir, 'file'),
      },
    });
  });
  it('has no epoch where it is 0 or absent', async () => {
    expect(await inspect(rpmFile({ ...docker, epoch: 0 }))).toMatchObject({
      file: { version: '18.09.9-3.el7' },
    });
    const { epoch: _epoch, ...plain } = docker;
    expect(await inspect(rpmFile(plain))).toMatchObject({ file: { version: '18.09.9-3.el7' } });
  });
  it('is refused when it is a source package, damaged, cut, or has a name that a shell would read', async () => {
    expect(await why(rpmFile({ ...docker, source: true }))).toBe('is a source package');
    expect(await why(rpmFile(docker).subarray(0, 120))).toBe('ends in the middle: it is not whole');
    const broken = rpmFile(docker);
    broken.writeUInt32BE(0xffffffff, 96 + 8);
    expect(await why(broken)).toBe('is a damaged RPM package');
    expect(await why(rpmFile({ ...docker, name: 'x;reboot' }))).toMatch(/no usable name/);
    expect(await why(rpmFile({ ...docker, version: '$(reboot)' }))).toMatch(/no usable name/);
    expect(await why(rpmFile({ ...docker, arch: '../x' }))).toMatch(/no usable name/);
  });
});

describe('a deb package', () => {
  const said = {
    kind: 'deb',
    name: 'docker-ce',
    version: '5:18.09.9~3-0~debian-stretch',
    arch: 'amd64',
    requires: [
      'docker-ce-cli',
      'containerd.io',
      'iptables',
      'libc6',
      'musl',
      'init-system-helpers',
    ],
    provides: ['moby'],
  };
  const same = (data: Buffer): Buffer => data;
  it.each([
    ['gzip', {}],
    ['nothing', { archive: 'control.tar', pack: same }],
    ['a name without ./', { file: 'control' }],
  ])('with %s', async (_, options) => {
    expect(await inspect(debFile(control, options))).toMatchObject({ ok: true, file: said });
  });
  it.each(['xz', 'zstd'])('with %s, where the program is there', async (program) => {
    const archive = `control.tar.${program === 'zstd' ? 'zst' : program}`;
    const has = spawnSync(program, ['--version']).status === 0;
    const pack = has
      ? (data: Buffer): Buffer => execFileSync(program, ['-c'], { input: data })
      : same;
    const inspected = await inspect(debFile(control, { archive, pack }));
    expect(inspected).toMatchObject(
      has
        ? { ok: true, file: said }
        : { ok: false, why: expect.stringContaining(`without the program ${program}`) },
    );
  });
  it('is refused without a control file, with one of an unknown kind, or damaged', async () => {
    expect(await why(debFile(control, { file: './other' }))).toBe('has no control file in it');
    expect(await why(debFile(control, { archive: 'control.tar.br' }))).toMatch(/unknown kind/);
    expect(await why(debFile(control).subarray(0, 90))).toMatch(/not whole|damaged/);
    expect(await why(debFile(control, { pack: () => Buffer.from('no gzip') }))).toMatch(
      /header|gzip/,
    );
  });
});

it('whatever else there is, is no package, and says why', async () => {
  mkdirSync(join(dir, 'folder'));
  expect(await inspectPackage(join(dir, 'folder'))).toMatchObject({
    ok: false,
    why: 'is a directory',
  });
  expect(await inspectPackage(join(dir, 'nothing'))).toMatchObject({
    ok: false,
    why: 'there is no such file',
    absent: true,
  });
  expect(await inspectPackage('/dev/null')).toMatchObject({ ok: false, why: 'is no regular file' });
  for (const text of ['', 'PK', '<html>404 not found</html>'])
    expect(await why(Buffer.from(text))).toBe('is neither an RPM nor a deb package');
});

it('no damage makes it hang, throw, or give a name that is none', async () => {
  const whole = rpmFile(docker);
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
      async (damage) => {
        const bytes = Buffer.from(whole);
        for (const [at, byte] of damage) bytes[at] = byte;
        const inspected = await inspect(bytes);
        if (inspected.ok) expect(inspected.file.name).toMatch(/^[A-Za-z0-9][A-Za-z0-9+._-]*$/);
        else expect(inspected.why).toMatch(/^(?:is|has|ends|cannot)/);
      },
    ),
    { numRuns: 300 },
  );
});
