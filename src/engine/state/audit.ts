// Checking a run against its journal: every link, the record that closes it, heads that were kept
// elsewhere, and the files that entries name.
import type { EffectResult } from '../../model/run/effect.ts';
import type { Event } from '../../model/run/event.ts';
import type { Audit, JournalEnd } from '../ports/history.ts';

/** The files that are kept beside a journal. */
export interface KeptFiles {
  /** sha256 of a file or a piece of it; undefined where it is not there. */
  readonly digest: (piece: FilePiece) => Promise<string | undefined>;
  /** Bytes; 0 where it is not there. */
  readonly size: (file: string) => Promise<number>;
}

export interface FilePiece {
  readonly file: string;
  readonly at?: number;
  readonly size?: number;
}

/** Throws a JournalError where a link does not hold. */
export async function auditRun(
  scan: (see: (event: Event) => void) => Promise<JournalEnd>,
  files: KeptFiles,
  wanted: readonly string[],
): Promise<Audit> {
  const heads = new Map<string, number>();
  const reach = (head: string, entries: number): void =>
    void (wanted.includes(head) && heads.set(head, entries));
  const claims: Claim[] = [];
  let closed = false;
  let previous: Audit['previous'];
  const end = await scan((event) => {
    reach(event.prev, event.seq);
    closed = event.type === 'run.closed';
    if (event.type === 'run.started') previous ??= event.previous;
    claims.push(...claimsOf(event));
  });
  reach(end.head, end.entries);
  const wrong: string[] = [];
  for (const claim of claims) {
    const digest = await files.digest(claim);
    if (digest !== claim.sha256)
      wrong.push(
        `${claim.file} ${digest === undefined ? 'is not there' : 'was changed'} (entry ${claim.seq})`,
      );
  }
  const notes = await unnamed(files, claims);
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
  { digest }: KeptFiles,
  digests: Readonly<Record<string, string>>,
): Promise<readonly string[]> {
  const changed: string[] = [];
  for (const [file, sha256] of Object.entries(digests))
    if ((await digest({ file })) !== sha256) changed.push(file);
  return changed;
}

/** A journal entry's digest of a file, or of a piece of one, in the run's directory. */
interface Claim extends FilePiece {
  readonly seq: number;
  readonly sha256: string;
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

async function unnamed(files: KeptFiles, claims: readonly Claim[]): Promise<readonly string[]> {
  const named = new Map<string, number>();
  for (const { file, size } of claims)
    if (size !== undefined) named.set(file, (named.get(file) ?? 0) + size);
  const notes: string[] = [];
  for (const [file, bytes] of named) {
    const more = (await files.size(file)) - bytes;
    if (more > 0)
      notes.push(
        `${file} has ${more} bytes that no entry names: a crash leaves such bytes, or they were added by hand`,
      );
  }
  return notes;
}
