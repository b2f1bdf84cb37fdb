// ssh2, loaded when the first connection is made: it costs 30 ms, and most commands never connect.
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

/** The package is CommonJS: under plain ESM its exports hang on `default`, in a bundle they may not. */
export function loadLibrary(): Promise<Library> {
  loading ??= import('ssh2').then((found) => {
    const outer = found as unknown as Library & { readonly default?: Library };
    return outer.default ?? outer;
  });
  return loading;
}
