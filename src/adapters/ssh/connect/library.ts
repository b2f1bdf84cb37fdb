// ssh2, loaded when the first connection is made: it costs 30 ms, and most commands never connect.
import { setFlagsFromString } from 'node:v8';
import type { AuthenticationType, BaseAgent, Client, ParsedKey, utils } from 'ssh2';

/** What we use of the library. */
export interface Library {
  readonly Client: new () => Client;
  readonly BaseAgent: { readonly prototype: BaseAgent };
  readonly createAgent: (path: string) => BaseAgent;
  readonly utils: Pick<typeof utils, 'parseKey'>;
}

export type { AuthenticationType, BaseAgent, Client, ParsedKey };

let loading: Promise<Library> | undefined;

/**
 * The package is CommonJS: under plain ESM its exports hang on `default`, in a bundle they may not.
 * With it comes a young generation of the heap that does not grow: a burst of logins would make V8
 * keep some 40 MB for good (measured: 43 instead of 101 kB for each of 500 held connections, at the
 * same CPU).
 */
export function loadLibrary(): Promise<Library> {
  if (loading === undefined) setFlagsFromString('--semi-space-growth-factor=1');
  loading ??= import('ssh2').then((found) => {
    const outer = found as unknown as Library & { readonly default?: Library };
    return outer.default ?? outer;
  });
  return loading;
}
