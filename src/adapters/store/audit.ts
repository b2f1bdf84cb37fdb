// Checking a run against its journal: every link, the record that closes it, heads that were kept
// elsewhere, and the files that entries name.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Audit } from '../../engine/ports/history.ts';
import type { EffectResult } from '../../model/run/effect.ts';
import type { Event } from '../../model/run/event.ts';
import { scanJournal } from './chain.ts';

/** Throws a JournalError where a link does not hold. */
export async function auditJournal(
  directory: string,
  path: string,
  run: string,
  wanted: readonly string[],
): Promise<Audit> {
  const heads = new Map<string, number>();
  const reach = (head: string, entries: number): void =>
    void (wanted.includes(head) && heads.set(head, entries));
  const claims: Claim[] = [];
  let closed = false;
  let previous: Audit['previous'];
  const end = await scanJournal(path, run, (event) => {
    reach(event.prev, event.seq);
    closed = event.type === 'run.closed';
    if (event.type === 'run.started') previous ??= event.previous;
    claims.push(...claimsOf(event));
  });
  reach(end.head, end.entries);
  const wrong: string[] = [];
  for (const claim of claims) {
    const digest = await digestOf(join(directory, claim.file), claim);
    if (digest !== claim.sha256)
      wrong.push(
        `${claim.file} ${digest === undefined ? 'is not there' : 'was changed'} (entry ${claim.seq})`,
      );
  }
  const notes = await unnamed(directory, claims);
  return {
    ...end,
    closed,
    heads,
    ...(previous && { previous }),
    files: claims.length - wrong.length,
    wrong,
    notes,
  };
}

/** Names of the files whose sha256 differs from the one given here. */
export async function changedFiles(
  directory: string,
  files: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const [file, sha256] of Object.entries(files))
    if ((await digestOf(join(directory, file), {})) !== sha256) changed.push(file);
  return changed;
}

/** A journal entry's digest of a file, or of a piece of one, in the run's directory. */
interface Claim {
  readonly seq: number;
  readonly file: string;
  readonly sha256: string;
  readonly at?: number;
  readonly size?: number;
}

/** A rewritten journal must not have other files read. */
const isOurs = ({ file }: { readonly file: string }): boolean => /^(?:output\/)?[^/]+$/.test(file);

function claimsOf(event: Event): readonly Claim[] {
  const { seq } = event;
  if (event.type === 'run.started')
    return Object.entries(event.files ?? {})
      .map(([file, sha256]) => ({ seq, file, sha256 }))
      .filter(isOurs);
  if (event.type !== 'effect.done' && event.type !== 'effect.failed') return [];
  const output: EffectResult['output'] = event.result?.output;
  if (output === undefined || !('piece' in output) || output.piece === undefined) return [];
  return [{ seq, file: output.file, ...output.piece }].filter(isOurs);
}

async function digestOf(
  path: string,
  { at = 0, size = Number.POSITIVE_INFINITY }: Pick<Claim, 'at' | 'size'>,
): Promise<string | undefined> {
  const hash = createHash('sha256');
  try {
    for await (const chunk of createReadStream(path, { start: at, end: at + size - 1 }))
      hash.update(chunk as Buffer);
  } catch {
    return undefined;
  }
  return hash.digest('hex');
}

async function unnamed(directory: string, claims: readonly Claim[]): Promise<readonly string[]> {
  const named = new Map<string, number>();
  for (const { file, size } of claims)
    if (size !== undefined) named.set(file, (named.get(file) ?? 0) + size);
  const notes: string[] = [];
  for (const [file, bytes] of named) {
    const more = (await stat(join(directory, file)).catch(() => ({ size: 0 }))).size - bytes;
    if (more > 0)
      notes.push(
        `${file} has ${more} bytes that no entry names: a crash leaves such bytes, or they were added by hand`,
      );
  }
  return notes;
}
