// The forms of .github: a forge shows only those that it can read.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseDocument } from 'yaml';

const folder = '.github/ISSUE_TEMPLATE';

interface Form {
  readonly name: string;
  readonly description: string;
  readonly body: readonly {
    readonly type: string;
    readonly id?: string;
    readonly attributes: { readonly label?: string; readonly value?: string };
  }[];
}

describe('issue forms', () => {
  it.each(readdirSync(folder).filter((file) => file !== 'config.yml'))('%s is a form', (file) => {
    const document = parseDocument(readFileSync(join(folder, file), 'utf8'));
    expect(document.errors).toEqual([]);
    const form = document.toJS() as Form;
    expect([form.name, form.description].map((text) => typeof text)).toEqual(['string', 'string']);
    const fields = form.body.filter(({ type }) => type !== 'markdown');
    expect(fields.length).toBeGreaterThan(0);
    for (const { type, attributes } of fields)
      expect([type, attributes.label]).toEqual([
        expect.stringMatching(/^(?:input|textarea)$/),
        expect.any(String),
      ]);
    const ids = fields.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });
});
