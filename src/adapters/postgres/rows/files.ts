// The files of a run, as rows: plan and settings, and pieces of long outputs.
import { createHash } from 'node:crypto';
import type { KeptOutput, RunFile, Store } from '../../../engine/ports/store.ts';
import { changedFiles, type KeptFiles } from '../../../engine/state/audit.ts';
import { hashOf } from '../../../engine/state/chain.ts';
import { outputFile, outputLimits, overLimit } from '../../../engine/state/output.ts';
import { fileName, fileNamed } from '../../../engine/state/run-files.ts';
import { jobIn } from '../../../engine/state/run-info.ts';
import type { Db } from '../link/db.ts';

type FilePorts = Pick<Store, 'keepFiles' | 'readFile' | 'placeOf' | 'changedFiles'>;

/** Plan and settings of a run. What is kept once stays: a role of workers cannot replace it. */
export function filePorts(db: Db): FilePorts {
  const placeOf = (run: string, file: RunFile): string =>
    `${fileName(file)} of run ${run} in ${db.place}`;
  return {
    keepFiles: async (run, { plan, settings }) => {
      // The job is kept beside them, so that a list of runs reads no settings.
      const { job = '' } = jobIn(settings);
      await db.query(
        `insert into run_file (run, file, body)
         select $1, * from unnest(array['plan', 'settings', 'job'], array[$2, $3, $4])
         on conflict (run, file) do nothing`,
        [run, plan, settings, job],
      );
      const kept = await db.query<{ file: RunFile; sha256: string }>(
        `select file, encode(sha256(convert_to(body, 'UTF8')), 'hex') as sha256
         from run_file where run = $1 and file in ('plan', 'settings') order by file`,
        [run],
      );
      return Object.fromEntries(kept.map(({ file, sha256 }) => [fileName(file), sha256]));
    },
    readFile: (run, file) => readRunFile(db, run, file),
    placeOf,
    changedFiles: async (run, digests) =>
      (await changedFiles(filesOf(db, run), digests)).map(
        (name) => `${name} of run ${run} in ${db.place}`,
      ),
  };
}

const readRunFile = async (db: Db, run: string, file: RunFile): Promise<string | undefined> =>
  (
    await db.query<{ body: string }>('select body from run_file where run = $1 and file = $2', [
      run,
      file,
    ])
  )[0]?.body;

/** All that is kept beside the journal of a run, as an audit reads it. */
export const filesOf = (db: Db, run: string): KeptFiles => ({
  digest: async ({ file, at = 0, size = Number.POSITIVE_INFINITY }) => {
    const named = fileNamed(file);
    if (named !== undefined) {
      const body = await readRunFile(db, run, named);
      return body === undefined ? undefined : hashOf(body);
    }
    const hash = createHash('sha256');
    let found = false;
    for await (const data of outputPieces(db, run, { file, at, size })) {
      found = true;
      hash.update(data);
    }
    return found ? hash.digest('hex') : undefined;
  },
  size: async (file) =>
    (
      await db.query<{ size: number }>(
        `select coalesce(sum(octet_length(data)), 0)::float8 as size
         from output where run = $1 and file = $2`,
        [run, file],
      )
    )[0]?.size ?? 0,
});

/** The bytes of an output from `at` on, `size` of them, by pieces. */
async function* outputPieces(
  db: Db,
  run: string,
  { file, at, size }: { readonly file: string; readonly at: number; readonly size: number },
): AsyncGenerator<Buffer> {
  for (let next = at; next < at + size; ) {
    const [piece] = await db.query<{ at: number; data: Buffer }>(
      `select at::float8 as at, data from output
       where run = $1 and file = $2 and at <= $3 order by at desc limit 1`,
      [run, file, next],
    );
    const data = piece?.data.subarray(next - piece.at, at + size - piece.at);
    if (data === undefined || data.length === 0) return;
    yield data;
    next += data.length;
  }
}

/** Bytes of a row of output, so that a slow network carries each in time. */
const pieceBytes = 1024 * 1024;

/** Adds text to the output of a host. Never throws: neither a run nor its resume needs it. */
export function outputKeeper(
  db: Db,
  most: typeof outputLimits = outputLimits,
): (run: string, host: string, text: string) => Promise<KeptOutput> {
  const totals = new Map<string, number>();
  const keep = async (run: string, host: string, text: string): Promise<KeptOutput> => {
    const data = Buffer.from(text);
    const file = outputFile(host);
    const [kept = { file: 0, run: 0 }] = await db.query<{ file: number; run: number }>(
      `select coalesce(max(at + octet_length(data)) filter (where file = $2), 0)::float8 as file,
         coalesce(sum(octet_length(data)), 0)::float8 as run
       from output where run = $1${totals.has(run) ? ' and file = $2' : ''}`,
      [run, file],
    );
    const before = totals.get(run) ?? kept.run;
    const full = overLimit(file, data.length, { ofHost: kept.file, inAll: before }, most);
    if (full !== undefined) return { kept: false, why: full };
    if (!(await put(db, run, { file, at: kept.file, data }))) return keep(run, host, text);
    totals.set(run, (totals.get(run) ?? before) + data.length);
    return {
      kept: true,
      file,
      piece: { at: kept.file, size: data.length, sha256: hashOf(data) },
    };
  };
  return (run, host, text) =>
    keep(run, host, text).catch((error: unknown) => ({
      kept: false,
      why: error instanceof Error ? error.message : String(error),
    }));
}

export interface OutputPiece {
  readonly file: string;
  readonly at: number;
  readonly data: Buffer;
}

/** False where other bytes are there: another process wrote at the same time. */
async function put(db: Db, run: string, { file, at, data }: OutputPiece): Promise<boolean> {
  for (let from = 0; from < data.length; from += pieceBytes) {
    const piece = data.subarray(from, from + pieceBytes);
    const [kept] = await db.query<{ sha256: string }>(
      `with kept as (
         insert into output (run, file, at, data) values ($1, $2, $3, $4)
         on conflict do nothing returning data)
       select encode(sha256(data), 'hex') as sha256 from kept
       union all
       select encode(sha256(data), 'hex') from output where run = $1 and file = $2 and at = $3`,
      [run, file, at + from, piece],
    );
    if (kept?.sha256 !== hashOf(piece)) return false;
  }
  return true;
}
