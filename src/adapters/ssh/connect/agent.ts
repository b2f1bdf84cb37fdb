// The SSH agent: its keys are listed once per run. The agent itself makes each signature.
import { type Identity, listIdentities, signByAgent } from '../library/agent-protocol.ts';
import { type Certificate, readCertificate, type Signer } from '../library/certificate.ts';
import type { BaseAgent, Library, ParsedKey } from '../library/library.ts';

export interface AgentKey {
  readonly publicKey: Buffer;
  readonly comment: string;
  /**
   * An agent with this key only. Each attempt then offers one key, so that other keys do not use up
   * the server's limit.
   */
  readonly alone: BaseAgent;
  readonly sign: Signer;
}

export interface AgentCertificate {
  readonly certificate: Certificate;
  readonly comment: string;
  readonly sign: Signer;
}

/** The keys, or why there are none. */
export type AgentKeys =
  | {
      readonly ok: true;
      readonly keys: readonly AgentKey[];
      readonly certificates: readonly AgentCertificate[];
    }
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

async function list(library: Library, socket: string): Promise<AgentKeys> {
  try {
    const identities = await listIdentities(socket);
    const agent = library.createAgent(socket);
    return {
      ok: true,
      keys: identities.flatMap((found) => usable(library, agent, socket, found)),
      certificates: identities.flatMap((found) => certified(socket, found)),
    };
  } catch (error) {
    return { ok: false, why: error instanceof Error ? error.message : String(error) };
  }
}

function usable(
  library: Library,
  agent: BaseAgent,
  socket: string,
  { blob, comment }: Identity,
): readonly AgentKey[] {
  const parsed: unknown = library.utils.parseKey(blob);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  // The library returns errors for certificates and hardware keys.
  if (key === undefined || key instanceof Error) return [];
  const own = key as ParsedKey;
  const sign: Signer = (data) => signByAgent(socket, blob, data);
  return [{ publicKey: own.getPublicSSH(), comment, alone: alone(library, agent, own), sign }];
}

function certified(socket: string, { blob, comment }: Identity): readonly AgentCertificate[] {
  const certificate = readCertificate(blob);
  if (typeof certificate === 'string') return [];
  return [{ certificate, comment, sign: (data) => signByAgent(socket, blob, data) }];
}

function alone(library: Library, agent: BaseAgent, key: ParsedKey): BaseAgent {
  return Object.assign(Object.create(library.BaseAgent.prototype) as BaseAgent, {
    getIdentities: (done: (error: undefined, keys: readonly ParsedKey[]) => void) =>
      done(undefined, [key]),
    sign: (_key: unknown, ...rest: unknown[]) =>
      (agent.sign as (...all: unknown[]) => void).call(agent, key, ...rest),
  });
}
