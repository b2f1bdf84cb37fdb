// A real host that is compromised: an SSH server before it runs every command there for real,
// and changes or replaces the answers.
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { ServerChannel } from 'ssh2';
import { startServer, type TestServer } from '../ssh/server.ts';
import type { Lab } from './lab.ts';

/**
 * What is done with one command: left as it is, its answer rewritten when it is whole, or answered
 * in another way.
 */
export type Answer =
  | { readonly kind: 'real' }
  | { readonly kind: 'rewrite'; readonly text: (stdout: string) => string }
  | { readonly kind: 'own'; readonly say: (channel: ServerChannel, mark: string) => void };

export interface TakenHost {
  readonly server: TestServer;
  /** Variables by which an inventory reaches it in place of the real host. */
  readonly vars: Readonly<Record<string, string>>;
  /** From now on, for each command. */
  answer: (command: string) => Answer;
  readonly close: () => Promise<void>;
}

/** The ready mark of a command, which the command has in two halves. */
function markOf(command: string): string {
  const [left = '', right = ''] =
    [...command.matchAll(/(kmend-[0-9a-f]{12}) (-[0-9a-f]{12})/g)].at(-1)?.slice(1) ?? [];
  return left + right;
}

export async function takeHost(lab: Lab, name: string): Promise<TakenHost> {
  const children = new Set<ChildProcessWithoutNullStreams>();
  const taken = { answer: (_command: string): Answer => ({ kind: 'real' }) };
  const onExec = (channel: ServerChannel, command: string): void => {
    const answer = taken.answer(command);
    if (answer.kind === 'own') return answer.say(channel, markOf(command));
    const child = onHost(lab, name, command);
    children.add(child);
    child.stdin.on('error', () => undefined);
    channel.pipe(child.stdin);
    child.stderr.pipe(channel.stderr, { end: false });
    let whole = '';
    if (answer.kind === 'real') child.stdout.pipe(channel, { end: false });
    else
      child.stdout.setEncoding('utf8').on('data', (text: string) => {
        whole += text;
      });
    child.on('close', (code) => {
      children.delete(child);
      if (answer.kind === 'rewrite') channel.write(answer.text(whole));
      channel.exit(code ?? 255);
      channel.end();
    });
  };
  const server = await startServer({
    publicKeys: [readFileSync(`${lab.key}.pub`, 'utf8')],
    onExec,
  });
  return Object.assign(taken, {
    server,
    vars: { ansible_host: '127.0.0.1', ansible_port: String(server.port) },
    close: async () => {
      for (const child of children) child.kill();
      await server.close();
    },
  });
}

function onHost(lab: Lab, name: string, command: string): ChildProcessWithoutNullStreams {
  const { address = '', port = 22 } = lab.hosts.find((one) => one.name === name) ?? {};
  const options = [
    `UserKnownHostsFile=${lab.knownHosts}`,
    'BatchMode=yes',
    'LogLevel=ERROR',
  ].flatMap((option) => ['-o', option]);
  return spawn('ssh', [
    '-F',
    'none',
    '-i',
    lab.key,
    '-p',
    String(port),
    ...options,
    `root@${address}`,
    command,
  ]);
}
