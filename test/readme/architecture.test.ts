// docs/architecture.md against the sources: every room and part has a row, and the map is today's.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';

const page = readFileSync('docs/architecture.md', 'utf8');

const foldersOf = (folder: string): readonly string[] =>
  readdirSync(`src/${folder}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => (folder === '' ? entry.name : `${folder}/${entry.name}`));

/** Rooms, and the first folders in them; each adapter is a room. */
const rooms = foldersOf('').flatMap((room) => (room === 'adapters' ? foldersOf(room) : [room]));
const parts = rooms.flatMap(foldersOf);

describe('docs/architecture.md', () => {
  it('has a row for every room and part, and no other', () => {
    const [, table = ''] = page.split('\n## Floors\n');
    const rows = [...(table.split('\n### Map\n')[0] ?? '').matchAll(/^\| \d? ?\| `([^`]+)`/gm)];
    expect(rows.map(([, row]) => row).toSorted()).toEqual(
      ['main.ts', 'practice', 'page', ...rooms, ...parts].toSorted(),
    );
  });

  it('has the map of the rooms as they are: `npm run docs` writes it', async () => {
    const map: { readonly withRoomMap: (page: string) => string } = await import(
      resolve('scripts/rooms.mjs')
    );
    expect(map.withRoomMap(page)).toBe(page);
  });

  it('names files that exist', () => {
    const named = [...page.matchAll(/`((?:src\/|test\/)?[a-z-]+\/[\w/-]+\.(?:ts|mjs|sh))`/g)];
    expect(named.length).toBeGreaterThan(30);
    expect(
      named
        .map(([, path = '']) => path)
        .filter((path) => !['', 'src/', 'src/facts/'].some((at) => existsSync(`${at}${path}`))),
    ).toEqual([]);
  });
});
