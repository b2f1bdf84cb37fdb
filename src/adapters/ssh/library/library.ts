// Loads ssh2 with the first connection: it takes 30 ms, and most commands never connect.
import { setFlagsFromString } from 'node:v8';
import type { AuthenticationType, BaseAgent, Client, ParsedKey, utils } from 'ssh2';
import { verifyRaw } from './parsed-once.ts';

/** The part of the library that is used. */
export interface Library {
  readonly Client: new () => Client;
  readonly BaseAgent: { readonly prototype: BaseAgent };
  readonly createAgent: (path: string) => BaseAgent;
  readonly utils: Pick<typeof utils, 'parseKey'>;
}

export type { AuthenticationType, BaseAgent, Client, ParsedKey };

let loading: Promise<Library> | undefined;

/**
 * The package is CommonJS: under ESM its exports are on `default`, in a bundle they may not be. The
 * flag keeps the young generation of the heap small. Otherwise V8 keeps some 40 MB after a burst of
 * logins (measured for 500 connections: 43 instead of 101 kB each, at the same CPU time).
 */
export function loadLibrary(): Promise<Library> {
  if (loading === undefined) setFlagsFromString('--semi-space-growth-factor=1');
  loading ??= import('ssh2').then((found) => {
    const outer = found as unknown as Library & { readonly default?: Library };
    const library = outer.default ?? outer;
    verifyRaw(library.utils);
    return library;
  });
  return loading;
}
