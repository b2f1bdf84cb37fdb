// Package files as rpmbuild and dpkg-deb write them, as small as they may be: what they say of
// themselves, and some bytes behind it.
import { gzipSync } from 'node:zlib';

export interface FakePackage {
  readonly name: string;
  readonly version: string;
  readonly release?: string;
  readonly epoch?: number;
  readonly arch?: string;
  readonly requires?: readonly string[];
  readonly provides?: readonly string[];
  /** Bytes behind the header. */
  readonly payload?: Buffer;
  readonly source?: boolean;
}

interface Entry {
  readonly tag: number;
  readonly type: number;
  readonly count: number;
  readonly data: Buffer;
}

const textEntry = (tag: number, texts: readonly string[], type = 8): Entry => ({
  tag,
  type,
  count: texts.length,
  data: Buffer.from(texts.map((text) => `${text}\0`).join('')),
});

function header(entries: readonly Entry[]): Buffer {
  const index = Buffer.alloc(entries.length * 16);
  let store = Buffer.alloc(0);
  for (const [at, { tag, type, count, data }] of entries.entries()) {
    // Numbers are aligned to their size.
    if (type === 4) store = Buffer.concat([store, Buffer.alloc((4 - (store.length % 4)) % 4)]);
    for (const [offset, value] of [tag, type, store.length, count].entries())
      index.writeUInt32BE(value, at * 16 + offset * 4);
    store = Buffer.concat([store, data]);
  }
  const intro = Buffer.alloc(16);
  intro.writeUInt32BE(0x8eade801, 0);
  intro.writeUInt32BE(entries.length, 8);
  intro.writeUInt32BE(store.length, 12);
  return Buffer.concat([intro, index, store]);
}

export function rpmFile({
  name,
  version,
  release = '1',
  epoch,
  arch = 'x86_64',
  requires = [],
  provides = [],
  payload,
  source,
}: FakePackage): Buffer {
  const lead = Buffer.alloc(96);
  lead.writeUInt32BE(0xedabeedb, 0);
  lead.writeUInt8(3, 4);
  lead.writeUInt16BE(source === true ? 1 : 0, 6);
  const signature = header([textEntry(269, ['0'.repeat(41)], 6)]);
  const number = Buffer.alloc(4);
  number.writeUInt32BE(epoch ?? 0);
  const main = header([
    textEntry(1000, [name], 6),
    textEntry(1001, [version], 6),
    textEntry(1002, [release], 6),
    ...(epoch === undefined ? [] : [{ tag: 1003, type: 4, count: 1, data: number }]),
    textEntry(1022, [arch], 6),
    textEntry(1047, provides),
    textEntry(1049, requires),
  ]);
  return Buffer.concat([
    lead,
    signature,
    Buffer.alloc((8 - (signature.length % 8)) % 8),
    main,
    payload ?? Buffer.from(`${name} ${version}`),
  ]);
}

const member = (name: string, data: Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(
      `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}${String(data.length).padEnd(10)}\`\n`,
    ),
    data,
    Buffer.alloc(data.length % 2, '\n'),
  ]);

/** A tar archive of one file. */
function tar(name: string, text: string): Buffer {
  const head = Buffer.alloc(512);
  head.write(name, 0);
  head.write(`${text.length.toString(8).padStart(11, '0')}\0`, 124);
  return Buffer.concat([
    head,
    Buffer.from(text),
    Buffer.alloc((512 - (text.length % 512)) % 512),
    Buffer.alloc(1024),
  ]);
}

/** `pack` makes `control.tar` of `archive`; default gzip. */
export function debFile(
  control: string,
  {
    archive = 'control.tar.gz',
    pack = gzipSync as (data: Buffer) => Buffer,
    file = './control',
  } = {},
): Buffer {
  return Buffer.concat([
    Buffer.from('!<arch>\n'),
    member('debian-binary', Buffer.from('2.0\n')),
    member(archive, pack(tar(file, control))),
    member('data.tar', Buffer.alloc(512)),
  ]);
}
