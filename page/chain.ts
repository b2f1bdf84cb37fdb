// The journal in a report: unpacked, and its chain of hashes checked by the browser itself.

export interface Evidence {
  readonly entries: number;
  /** sha256 of the last line. */
  readonly head: string;
  /** The journal, as gzip in base64. */
  readonly journal?: string;
}

export async function inflate(base64: string): Promise<Uint8Array<ArrayBuffer>> {
  const text = atob(base64);
  const packed = new Uint8Array(text.length);
  for (let index = 0; index < text.length; index += 1) packed[index] = text.charCodeAt(index);
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

const hashOf = async (bytes: Uint8Array<ArrayBuffer>): Promise<string> =>
  [...new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))]
    .map((byte) => byte.toString(16).padStart(2, '0'))
    .join('');

export interface Checked {
  readonly entries: number;
  readonly head: string;
  /** The first entry that does not follow the one before it, and why. */
  readonly broken?: string;
}

const lineEnd = 10;

/** Each entry holds the sha256 of the one before; the first that of the run's name. */
export async function checkChain(run: string, journal: Uint8Array<ArrayBuffer>): Promise<Checked> {
  const reader = new TextDecoder();
  let head = await hashOf(new Uint8Array(new TextEncoder().encode(`kmend journal ${run}`)));
  let entries = 0;
  for (let from = 0; from < journal.length; ) {
    const end = journal.indexOf(lineEnd, from);
    const line = journal.slice(from, end < 0 ? journal.length : end);
    const entry: { readonly seq?: unknown; readonly prev?: unknown } = JSON.parse(
      reader.decode(line),
    );
    if (entry.seq !== entries || entry.prev !== head)
      return { entries, head, broken: `entry ${entries} does not follow the one before it` };
    head = await hashOf(line);
    entries += 1;
    from += line.length + 1;
  }
  return { entries, head };
}
