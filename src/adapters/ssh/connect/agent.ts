// The SSH agent: its keys are listed once per run. The agent itself makes each signature.
import type { BaseAgent, Library, ParsedKey } from './library.ts';

export interface AgentKey {
  readonly publicKey: Buffer;
  readonly comment: string;
  /**
   * An agent with this key only. Each attempt then offers one key, so that other keys do not use up
   * the server's limit.
   */
  readonly alone: BaseAgent;
}

/** The keys, or why there are none. */
export type AgentKeys =
  | { readonly ok: true; readonly keys: readonly AgentKey[] }
  | { readonly ok: false; readonly why: string };

export interface Agents {
  readonly keys: (socket: string) => Promise<AgentKeys>;
}

export function createAgents(library: Library): Agents {
  const listed = new Map<string, Promise<AgentKeys>>();
  return {
    keys: async (socket) => {
      const asked = listed.get(socket) ?? list(library, socket);
      listed.set(socket, asked);
      const keys = await asked;
      // An agent that failed is asked again for the next host.
      if (!keys.ok) listed.delete(socket);
      return keys;
    },
  };
}

function list(library: Library, socket: string): Promise<AgentKeys> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => resolve({ ok: false, why: 'it does not answer' }), 5000);
    const done = (result: AgentKeys): void => {
      clearTimeout(timer);
      resolve(result);
    };
    try {
      const agent = library.createAgent(socket);
      agent.getIdentities((error, keys) => {
        if (error !== undefined && error !== null) done({ ok: false, why: error.message });
        else done({ ok: true, keys: (keys ?? []).flatMap((key) => usable(library, agent, key)) });
      });
    } catch (error) {
      done({ ok: false, why: error instanceof Error ? error.message : String(error) });
    }
  });
}

function usable(library: Library, agent: BaseAgent, found: unknown): readonly AgentKey[] {
  const parsed: unknown = library.utils.parseKey(found as Buffer);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  // The library returns errors for certificates and hardware keys. A plain key beside them is
  // listed by itself.
  if (key === undefined || key instanceof Error) return [];
  const own = key as ParsedKey;
  return [
    { publicKey: own.getPublicSSH(), comment: own.comment, alone: alone(library, agent, own) },
  ];
}

function alone(library: Library, agent: BaseAgent, key: ParsedKey): BaseAgent {
  return Object.assign(Object.create(library.BaseAgent.prototype) as BaseAgent, {
    getIdentities: (done: (error: undefined, keys: readonly ParsedKey[]) => void) =>
      done(undefined, [key]),
    sign: (_key: unknown, ...rest: unknown[]) =>
      (agent.sign as (...all: unknown[]) => void).call(agent, key, ...rest),
  });
}
