// Name, version and dependencies of a package file, read from the RPM header or from the control file
// of a deb, within limits.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { gunzipSync } from 'node:zlib';
import type { PackageFile } from '../../model/package-file.ts';
import { reasonOf } from './disk.ts';

/** `requires` and `provides`: names, without versions. */
export type InspectedFile = Omit<PackageFile, 'needs'> & {
  readonly requires: readonly string[];
  readonly provides: readonly string[];
};

export type Inspected =
  | { readonly ok: true; readonly file: InspectedFile }
  | { readonly ok: false; readonly why: string; readonly absent?: true };

type Identity = Omit<InspectedFile, 'sha256' | 'size' | 'at'>;

/** A reason that an operator can act on. Any other error is a bug of kmend. */
class NoPackage extends Error {}

const megabyte = 1024 * 1024;
const largestFile = 4096 * megabyte;
/** Headers of kernel packages have about 3 MB, since they name all files. */
const largestHeader = 64 * megabyte;
const largestControl = 8 * megabyte;

export async function inspectPackage(path: string): Promise<Inspected> {
  try {
    const size = await sizeOf(path);
    const file = await open(path, 'r');
    try {
      const identity = checked(await identify(file));
      return { ok: true, file: { ...identity, sha256: await sha256Of(path), size, at: path } };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof NoPackage) return { ok: false, why: error.message };
    return {
      ok: false,
      why: reasonOf(error),
      ...(error instanceof Error && 'code' in error && error.code === 'ENOENT'
        ? { absent: true }
        : {}),
    };
  }
}

/** Checked before it is opened, since a pipe would never answer. */
async function sizeOf(path: string): Promise<number> {
  const found = await stat(path);
  if (found.isDirectory()) throw new NoPackage('is a directory');
  if (!found.isFile()) throw new NoPackage('is no regular file');
  if (found.size > largestFile) throw new NoPackage('is larger than 4 GiB');
  return found.size;
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: megabyte })) hash.update(chunk);
  return hash.digest('hex');
}

async function identify(file: FileHandle): Promise<Identity> {
  const magic = await bytesAt(file, 0, 8).catch(() => Buffer.alloc(8));
  if (magic.readUInt32BE(0) === 0xedabeedb) return identifyRpm(file);
  if (magic.toString('latin1') === '!<arch>\n') return identifyDeb(file);
  throw new NoPackage('is neither an RPM nor a deb package');
}

/** Names and versions go into shell commands and file names, so only their usual characters pass. */
function checked(identity: Identity): Identity {
  const isName = /^[A-Za-z0-9][A-Za-z0-9+._-]*$/.test(identity.name);
  const isVersion = /^(?:\d+:)?[0-9A-Za-z][0-9A-Za-z.+~^_-]*$/.test(identity.version);
  if (isName && isVersion && /^[A-Za-z0-9_]+$/.test(identity.arch)) return identity;
  throw new NoPackage(
    `has no usable name, version or architecture: ${JSON.stringify([identity.name, identity.version, identity.arch])}`,
  );
}

async function bytesAt(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  if (bytesRead < length) throw new NoPackage('ends in the middle: it is not whole');
  return buffer;
}

// ---- RPM: lead (96 bytes), signature header, header (rpm's docs/manual/format.md) ----

const tags = {
  name: 1000,
  version: 1001,
  release: 1002,
  epoch: 1003,
  arch: 1022,
  provides: 1047,
  requires: 1049,
} as const;

async function identifyRpm(file: FileHandle): Promise<Identity> {
  const lead = await bytesAt(file, 0, 96);
  if (lead.readUInt16BE(6) !== 0) throw new NoPackage('is a source package');
  const signature = await headerAt(file, 96);
  const header = await headerAt(file, Math.ceil(signature.end / 8) * 8);
  const [name = ''] = header.texts(tags.name);
  const [version = ''] = header.texts(tags.version);
  const [release = ''] = header.texts(tags.release);
  const [arch = ''] = header.texts(tags.arch);
  const epoch = header.number(tags.epoch) ?? 0;
  return {
    kind: 'rpm',
    name,
    version: `${epoch === 0 ? '' : `${epoch}:`}${version}-${release}`,
    arch,
    requires: header.texts(tags.requires),
    provides: header.texts(tags.provides),
  };
}

interface Header {
  /** Offset behind it. */
  readonly end: number;
  readonly texts: (tag: number) => readonly string[];
  readonly number: (tag: number) => number | undefined;
}

async function headerAt(file: FileHandle, at: number): Promise<Header> {
  const intro = await bytesAt(file, at, 16);
  const [entries, size] = [intro.readUInt32BE(8), intro.readUInt32BE(12)];
  if (intro.readUInt32BE(0) !== 0x8eade801 || entries * 16 + size > largestHeader)
    throw new NoPackage('is a damaged RPM package');
  const index = await bytesAt(file, at + 16, entries * 16);
  const store = await bytesAt(file, at + 16 + entries * 16, size);
  /**
   * Where the value of a tag begins, and how many there are; `types`: of the kinds of value that
   * may stand there.
   */
  const entryOf = (
    tag: number,
    types: readonly number[],
  ): { readonly from: number; readonly count: number } | undefined => {
    for (let entry = 0; entry < index.length; entry += 16) {
      if (index.readUInt32BE(entry) !== tag || !types.includes(index.readUInt32BE(entry + 4)))
        continue;
      return { from: index.readUInt32BE(entry + 8), count: index.readUInt32BE(entry + 12) };
    }
    return undefined;
  };
  return {
    end: at + 16 + entries * 16 + size,
    texts: (tag) => {
      const entry = entryOf(tag, [6, 8, 9]);
      return entry === undefined ? [] : textsAt(store, entry.from, entry.count);
    },
    number: (tag) => {
      const entry = entryOf(tag, [4]);
      return entry === undefined || entry.from + 4 > store.length
        ? undefined
        : store.readUInt32BE(entry.from);
    },
  };
}

/** Texts in a row, each with a NUL at its end. */
function textsAt(store: Buffer, from: number, count: number): readonly string[] {
  const texts: string[] = [];
  for (let at = from; texts.length < count && at < store.length; ) {
    const end = store.indexOf(0, at);
    if (end < 0) break;
    texts.push(store.toString('utf8', at, end));
    at = end + 1;
  }
  return texts;
}

// ---- deb: an ar archive with control.tar in it (deb(5)) ----

async function identifyDeb(file: FileHandle): Promise<Identity> {
  for (let at = 8; ; ) {
    const head = (await bytesAt(file, at, 60)).toString('latin1');
    const [name, size] = [head.slice(0, 16).trim().replace(/\/$/, ''), Number(head.slice(48, 58))];
    if (!Number.isSafeInteger(size) || size < 0) throw new NoPackage('is a damaged deb package');
    if (name.startsWith('control.tar')) {
      if (size > largestControl) throw new NoPackage('has a control archive that is too large');
      return fromControl(controlText(unpacked(await bytesAt(file, at + 60, size), name)));
    }
    at += 60 + size + (size % 2);
  }
}

/** Node has gzip; other formats are unpacked by their own programs. */
function unpacked(data: Buffer, name: string): Buffer {
  if (name === 'control.tar') return data;
  if (name === 'control.tar.gz') return gunzipSync(data, { maxOutputLength: largestControl });
  const program =
    name === 'control.tar.xz' ? 'xz' : name === 'control.tar.zst' ? 'zstd' : undefined;
  if (program === undefined)
    throw new NoPackage(`has a control archive of an unknown kind: ${name}`);
  const done = spawnSync(program, ['-dc'], {
    input: data,
    maxBuffer: largestControl,
    timeout: 30_000,
  });
  if (done.status === 0) return done.stdout;
  throw new NoPackage(
    `cannot be read without the program ${program} on this machine (${done.error?.message ?? done.stderr.toString().trim()})`,
  );
}

function controlText(tar: Buffer): string {
  for (let at = 0; at + 512 <= tar.length; ) {
    const name = tar.toString('latin1', at, at + 100).replace(/\0.*$/s, '');
    const size = Number.parseInt(
      tar
        .toString('latin1', at + 124, at + 136)
        .replace(/\0.*$/s, '')
        .trim(),
      8,
    );
    if (name === '' || !Number.isSafeInteger(size)) break;
    if (name === './control' || name === 'control')
      return tar.toString('utf8', at + 512, at + 512 + size);
    at += 512 + Math.ceil(size / 512) * 512;
  }
  throw new NoPackage('has no control file in it');
}

function fromControl(text: string): Identity {
  const field = (name: string): string =>
    new RegExp(`^${name}:[ \\t]*(.*(?:\\n[ \\t].*)*)`, 'mi').exec(text)?.[1]?.trim() ?? '';
  const names = (...fields: readonly string[]): readonly string[] =>
    fields
      .flatMap((name) => field(name).split(/[,|]/))
      .flatMap((one) => /^\s*([a-z0-9][a-z0-9+.-]*)/i.exec(one)?.[1] ?? []);
  return {
    kind: 'deb',
    name: field('Package'),
    version: field('Version').replace(/^0:/, ''),
    arch: field('Architecture'),
    requires: names('Depends', 'Pre-Depends'),
    provides: names('Provides'),
  };
}
