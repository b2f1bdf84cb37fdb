// Parts of ssh2 that are loaded by themselves: its types name only the whole.
declare module 'ssh2/lib/client.js' {
  import { Client } from 'ssh2';
  export = Client;
}
declare module 'ssh2/lib/agent.js' {
  import type { BaseAgent, createAgent } from 'ssh2';

  const agents: { readonly BaseAgent: typeof BaseAgent; readonly createAgent: typeof createAgent };
  export = agents;
}
declare module 'ssh2/lib/protocol/handlers.js' {
  const handlers: ((protocol: unknown, payload: Buffer) => void)[];
  export = handlers;
}
declare module 'ssh2/lib/protocol/keyParser.js' {
  import type { utils } from 'ssh2';

  const keys: Pick<typeof utils, 'parseKey'>;
  export = keys;
}
