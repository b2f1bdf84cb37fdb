// docs/kmem.md shows the tables that the code decides by, all of them and as they are.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { docTables } from './kmem-doc-tables.ts';

const text = readFileSync(join(import.meta.dirname, '../../docs/kmem.md'), 'utf8');

/** The formatter pads cells: blanks and the length of rules do not count. */
const bare = (table: string): string => table.replaceAll(/ +/g, ' ').replaceAll(/-{3,}/g, '---').trim();

describe('docs/kmem.md', () => {
  it.each(Object.entries(docTables))('shows the table %s', (name, table) => {
    const shown = new RegExp(`<!-- table: ${name.replace('.', '\\.')} -->\\n((?:\\|.*\\n)+)`).exec(text)?.[1];
    expect(bare(shown ?? '')).toBe(bare(table));
  });
});
