// The HTML report and the CSV of a run, as text.
import { createHash } from 'node:crypto';
import { cpSync, mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { checkChain, inflate } from '../../page/chain.ts';
import { readJson } from '../../page/safe-json.ts';
import type { RunView } from '../../src/core/view/model.ts';
import { reportCsv } from '../../src/screens/html/csv.ts';
import { reportHtml } from '../../src/screens/html/report.ts';
import { command } from '../cli/real-world.ts';
import { builtPage, pageRoot } from './built.ts';
import { viewOf } from './views.ts';

const hostile = [
  '</script><script>alert(1)</script>',
  '<img src=x onerror=alert(2)>',
  '\u202egnp.exe',
  '=cmd()',
];
const few = viewOf({
  hosts: 6,
  zones: 1,
  slots: 2,
  passed: 1,
  name: (index) => hostile[index] ?? `node-${index}`,
});

const html = (view: RunView, more = {}): string =>
  reportHtml({ view, entries: 98, head: 'f00d', page: builtPage, ...more });

/** The base64 of one of its data. */
const packedIn = (text: string, id: string): string =>
  new RegExp(`id="${id}">"([^"]*)"<`).exec(text)?.[1] ?? '';
const unpacked = (base64: string): Buffer => gunzipSync(Buffer.from(base64, 'base64'));
const viewIn = (text: string): RunView =>
  JSON.parse(unpacked(packedIn(text, 'data')).toString()).view;

describe('the HTML report', () => {
  const text = html(few);

  it('allows its own script and style only, by their hashes', () => {
    const policy = /Content-Security-Policy" content="([^"]*)"/.exec(text)?.[1] ?? '';
    const hash = (content: string | undefined): string =>
      `'sha256-${createHash('sha256')
        .update(content ?? '')
        .digest('base64')}'`;
    const script = hash(/<script>([\s\S]*?)<\/script>/.exec(text)?.[1]);
    const style = hash(/<style>([\s\S]*?)<\/style>/.exec(text)?.[1]);
    expect(policy).toBe(
      `default-src 'none'; script-src ${script}; style-src ${style}; base-uri 'none'; form-action 'none'`,
    );
  });

  it('names no other file and no other site', () => {
    const rest = text.replace(/<script>[\s\S]*?<\/script>/, '').replaceAll('src=x onerror', '');
    expect(rest.match(/(?:src|href)=|url\(|@import|https?:/g)).toEqual(null);
  });

  it('shows what hosts say as text', () => {
    const page = text.slice(text.indexOf('id="static"'), text.indexOf('id="data"'));
    expect(page).toContain('&lt;/script&gt;&lt;script&gt;alert(1)&lt;/script&gt;');
    expect(page).toContain('<td>?gnp.exe<td>');
    expect(page.match(/<(?:img|script)/g)).toEqual(['<script']);
    expect(text).not.toContain('\u202e');
  });

  it('has a summary and each host where no script runs', () => {
    const page = text.slice(text.indexOf('id="static"'));
    expect(page).toContain('<b>Done</b> (exit 0): 6 done');
    expect(page).toContain('kmend audit verify 20261126-010000-sim5 --head f00d');
    expect(page.match(/<tr>/g)).toHaveLength(7);
  });

  it('holds the view', () => {
    expect(viewIn(text)).toEqual(few);
  });

  it('of 6,000 hosts has at most 2 MB', () => {
    expect(html(viewOf({ hosts: 6000, zones: 6, slots: 240, passed: 1 })).length).toBeLessThan(2e6);
  });
});

describe('kmend report', () => {
  const fixture = join(import.meta.dirname, '../fixtures/state-89a9427');
  const run: string = JSON.parse(readFileSync(join(fixture, 'runs.json'), 'utf8')).done;

  function kept(): {
    readonly home: string;
    readonly report: (...args: string[]) => ReturnType<typeof command>;
  } {
    const home = mkdtempSync(join(tmpdir(), 'kmend-report-'));
    cpSync(join(fixture, 'state'), join(home, 'state'), { recursive: true });
    return {
      home,
      report: (...args) =>
        command(['report', run, '--state-dir', join(home, 'state'), ...args], {
          home,
          packageRoot: pageRoot,
        }),
    };
  }

  it('writes one HTML file with the journal, byte for byte', async () => {
    const { home, report } = kept();
    const file = join(home, 'report.html');
    const { exit, out } = await report('--html', file, '--with-journal');
    const journal = readFileSync(join(home, 'state/runs', run, 'journal.ndjson'));
    const text = readFileSync(file, 'utf8');
    const packed = packedIn(text, 'journal');
    expect(exit).toBe(0);
    expect(viewIn(text).hosts.map(({ host, status }) => [host, status])).toEqual([
      ['done-1', 'done'],
    ]);
    expect(unpacked(packed).equals(journal)).toBe(true);
    const head = /head ([0-9a-f]{64})/.exec(out)?.[1];
    expect(await checkChain(run, await inflate(packed))).toEqual({
      entries: journal.toString().trimEnd().split('\n').length,
      head,
    });
  });

  it('writes the hosts as CSV', async () => {
    const { home, report } = kept();
    await report('--csv', join(home, 'hosts.csv'));
    expect(readFileSync(join(home, 'hosts.csv'), 'utf8')).toMatchInlineSnapshot(`
      "host,zone,wave,verdict_before,remedy,status,started,ended,seconds,verdict,proof_by,evidence,reason_kind,reason,left,rescued_after
      done-1,,1,leaking,kernel_arg,done,2026-11-27T15:02:25.707Z,2026-11-27T15:02:30.484Z,4.777,off,samples,"EIO on 6 of 6, 1 memory-limited; root kmem usage 0, no cgroup in /sys/kernel/slab",,,,
      "
    `);
  });

  it('refuses to keep the journal nowhere', async () => {
    expect(await kept().report('--with-journal')).toMatchObject({
      exit: 3,
      err: expect.stringContaining('--with-journal needs --html'),
    });
  });
});

describe('a table for spreadsheets', () => {
  it('quotes texts, and lets none be a formula', () => {
    const lines = reportCsv(few).split('\r\n');
    expect(lines.filter((line) => line.startsWith("'=cmd()"))).toHaveLength(1);
    expect(lines).toHaveLength(8);
    expect(reportCsv({ ...few, zones: [{ name: 'a,"b"', hosts: 6 }] })).toContain(',"a,""b""",');
  });
});

describe('the chain in a browser', () => {
  const entry = (seq: number, prev: string): string => JSON.stringify({ seq, prev });
  const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
  const first = entry(0, hash('kmend journal r1'));
  const second = entry(1, hash(first));
  const check = (...lines: string[]) =>
    inflate(gzipSync(lines.map((line) => `${line}\n`).join('')).toString('base64')).then((bytes) =>
      checkChain('r1', bytes),
    );

  it('holds where each entry has the hash of the one before', async () => {
    expect(await check(first, second)).toEqual({ entries: 2, head: hash(second) });
  });

  it.each([
    ['an entry was changed', [`${first} `, second], 1],
    ['an entry is missing', [first, entry(2, hash(first))], 1],
    ['it is of another run', [entry(0, hash('kmend journal r2'))], 0],
  ])('breaks where %s', async (_, lines, entries) => {
    expect(await check(...lines)).toMatchObject({
      entries,
      broken: `entry ${entries} does not follow the one before it`,
    });
  });
});

describe('JSON for the page', () => {
  it.each([
    ['a bidi control', JSON.stringify({ a: 'x\u202ey' }), { a: 'x?y' }],
    ['one that is written as an escape', '{"a":"x\\u202ey"}', { a: 'x?y' }],
    ['a quote that is written as an escape', '{"a":"x\\u0022y"}', { a: 'x"y' }],
    ['a backslash before a u', JSON.stringify({ a: '\\u202e' }), { a: '\\u202e' }],
    ['a line end', JSON.stringify({ a: 'x\ny' }), { a: 'x\ny' }],
  ])('has %s as harmless text', (_, text, value) => {
    expect(readJson(text)).toEqual(value);
  });
});
