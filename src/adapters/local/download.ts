// Fetches a package file over HTTP within limits of time and size. It is kept only where its sha256
// is right.
import { createHash } from 'node:crypto';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { reasonOf } from './disk.ts';

const mostRedirects = 5;
const largest = 4 * 1024 * 1024 * 1024;
/** Milliseconds without a byte, and for the whole download. */
const silence = 60_000;
const wholeTime = 30 * 60_000;

export interface Download {
  readonly url: string;
  readonly sha256: string;
  /** Path to keep it at. */
  readonly to: string;
  readonly signal: AbortSignal;
}

class Refused extends Error {}

/** Why it failed; undefined = the file is there. */
export async function download({ url, sha256, to, signal }: Download): Promise<string | undefined> {
  const draft = `${to}.${process.pid}.new`;
  const quiet = new AbortController();
  const ended = AbortSignal.any([signal, quiet.signal, AbortSignal.timeout(wholeTime)]);
  const timer = setTimeout(
    () => quiet.abort(new Refused(`nothing came for ${silence / 1000} s`)),
    silence,
  );
  try {
    await mkdir(dirname(to), { recursive: true, mode: 0o700 });
    const response = await follow(new URL(url), ended);
    const found = await save(response, draft, () => timer.refresh());
    if (found !== sha256) return `what came has the sha256 ${found}`;
    await rename(draft, to);
    return undefined;
  } catch (error) {
    return failureText(ended.aborted ? ended.reason : error);
  } finally {
    clearTimeout(timer);
    await rm(draft, { force: true });
  }
}

async function follow(first: URL, signal: AbortSignal): Promise<Response> {
  let url = first;
  for (let redirects = 0; ; redirects++) {
    const response = await fetch(url, {
      signal,
      redirect: 'manual',
      headers: { 'accept-encoding': 'identity' },
    });
    const next = response.headers.get('location');
    if (response.status < 300 || response.status > 399 || next === null) {
      if (!response.ok || response.body === null)
        throw new Refused(`the server answered ${response.status} for ${placeOf(url)}`);
      return response;
    }
    await response.body?.cancel();
    url = new URL(next, url);
    if (url.protocol !== 'http:' && url.protocol !== 'https:')
      throw new Refused(`it is redirected to ${url.protocol} which is no http`);
    if (url.username !== '' || url.password !== '')
      throw new Refused(`it is redirected to ${placeOf(url)} with a login in the address`);
    if (redirects >= mostRedirects)
      throw new Refused(`it is redirected more than ${mostRedirects} times`);
  }
}

/** Without login and query, which may be secret. */
const placeOf = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

async function save(response: Response, draft: string, onChunk: () => void): Promise<string> {
  const hash = createHash('sha256');
  const file = await open(draft, 'w', 0o600);
  try {
    let size = 0;
    for await (const chunk of response.body ?? []) {
      onChunk();
      size += chunk.length;
      if (size > largest) throw new Refused('it is larger than 4 GiB');
      hash.update(chunk);
      await file.writeFile(chunk);
    }
    await file.datasync();
  } finally {
    await file.close();
  }
  return hash.digest('hex');
}

/** `fetch` hides the reason of a failed connection in `cause`. */
function failureText(error: unknown): string {
  if (error instanceof Error && error.name === 'TimeoutError')
    return `it took longer than ${wholeTime / 60_000} minutes`;
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  return reasonOf(cause);
}
