// Loads ssh2 with the first connection: it takes 30 ms, and most commands never connect.
import { setFlagsFromString } from 'node:v8';
import type { AuthenticationType, BaseAgent, Client, ParsedKey, utils } from 'ssh2';
import { ignoreOfferedKeys } from './offered-keys.ts';
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
 * Its parts, without those that it loads for others: a server, and agents for HTTP, for which Node loads
 * HTTP and TLS. They are CommonJS, whose exports are on `default`.
 */
async function parts(): Promise<Library> {
  const [client, agents, keys, handlers] = await Promise.all([
    import('ssh2/lib/client.js'),
    import('ssh2/lib/agent.js'),
    import('ssh2/lib/protocol/keyParser.js'),
    import('ssh2/lib/protocol/handlers.js'),
  ]);
  ignoreOfferedKeys(handlers.default);
  const { BaseAgent, createAgent } = agents.default;
  return { Client: client.default, BaseAgent, createAgent, utils: keys.default };
}

/**
 * The flag keeps the young generation of the heap small. Otherwise V8 keeps some 40 MB after a burst of
 * logins (measured for 500 connections: 43 instead of 101 kB each, at the same CPU time).
 */
export function loadLibrary(): Promise<Library> {
  if (loading === undefined) setFlagsFromString('--semi-space-growth-factor=1');
  loading ??= parts().then((library) => {
    verifyRaw(library.utils);
    return library;
  });
  return loading;
}
