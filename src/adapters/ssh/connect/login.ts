// Plans a login: which keys and passwords are tried, in which order, and the result of each.
import type { Asker } from '../../../engine/ports/local.ts';
import type { Hop } from '../config/route.ts';
import type { AgentKey, Agents } from './agent.ts';
import type { Keyring } from './keys.ts';

/**
 * One attempt to log in. `method` is its name in the SSH protocol, by which a server lists what it
 * accepts.
 */
export interface Attempt {
  readonly label: string;
  readonly method: 'publickey' | 'password' | 'keyboard-interactive';
  /** Returns the input of the library, or why the attempt is skipped. It may ask the operator. */
  readonly make: () => unknown | Promise<unknown>;
}

/** The reason to skip an attempt, returned by `make`. */
interface Skip {
  readonly skip: string;
}
const skip = (why: string): Skip => ({ skip: why });
const isSkip = (made: unknown): made is Skip =>
  typeof made === 'object' && made !== null && 'skip' in made;

export type Attempts =
  | { readonly ok: true; readonly attempts: readonly Attempt[] }
  | { readonly ok: false; readonly message: string; readonly hint: string };

export interface LoginTools {
  readonly keyring: Keyring;
  readonly agents: Agents;
  readonly asker: Asker;
}

/**
 * Order: named key files (the agent's copy first), the password, other keys of the agent, default
 * files. So neither a wrong agent key nor a wrong default file uses up MaxAuthTries of the server.
 */
export async function planLogin(hop: Hop, tools: LoginTools): Promise<Attempts> {
  const agent = hop.agent === undefined ? undefined : await tools.agents.keys(hop.agent);
  const inAgent = agent?.ok === true ? agent.keys : [];
  const used = new Set<AgentKey>();
  const named: Attempt[] = [];
  const usual: Attempt[] = [];
  for (const file of hop.keyFiles) {
    const found = await tools.keyring.read(file.path);
    const user = { type: 'publickey', username: hop.user };
    const list = file.configured ? named : usual;
    if (found.kind === 'key') {
      list.push({
        label: file.path,
        method: 'publickey',
        make: () => ({ ...user, key: found.key }),
      });
      const twin = inAgent.find((key) => key.publicKey.equals(found.key.getPublicSSH()));
      if (twin !== undefined) used.add(twin);
    } else if (found.kind === 'locked') {
      const twin = inAgent.find((key) => found.publicKey?.equals(key.publicKey) === true);
      if (twin !== undefined) {
        used.add(twin);
        list.push(agentAttempt(hop, twin, `${file.path} (from the agent)`));
        continue;
      }
      // Unlock a named key before the connection: LoginGraceTime is too short for somebody who
      // types.
      const key = file.named ? await tools.keyring.unlock(file.path) : '';
      if (file.named && typeof key === 'string') return unusable(file.path, key);
      list.push({
        label: file.path,
        method: 'publickey',
        make: () => unlocked(hop, file.path, tools.keyring),
      });
    } else if (file.named)
      return unusable(file.path, found.kind === 'missing' ? 'it does not exist' : found.why);
    else if (found.kind === 'unusable')
      list.push({ label: file.path, method: 'publickey', make: () => skip(found.why) });
  }
  const others = hop.identitiesOnly
    ? []
    : inAgent
        .filter((key) => !used.has(key))
        .map((key) => agentAttempt(hop, key, `agent key ${key.comment}`));
  const silent = agent?.ok === false ? [noted(`agent ${hop.agent}`, agent.why)] : [];
  const all = [
    ...named,
    ...passwords(hop),
    ...others,
    ...silent,
    ...usual,
    ...asked(hop, tools.asker),
  ];
  return { ok: true, attempts: allowed(all, hop.methods) };
}

/** Only attempts by these methods, in their order. */
function allowed(
  attempts: readonly Attempt[],
  methods: readonly string[] | undefined,
): readonly Attempt[] {
  if (methods === undefined) return attempts;
  return methods.flatMap((method) => attempts.filter((attempt) => attempt.method === method));
}

const unusable = (path: string, why: string): Attempts => ({
  ok: false,
  message: `the private key file ${path} cannot be used: ${why}`,
  hint: 'name another key file (--private-key, ansible_ssh_private_key_file)',
});

const noted = (label: string, why: string): Attempt => ({
  label,
  method: 'publickey',
  make: () => skip(why),
});

const agentAttempt = (hop: Hop, key: AgentKey, label: string): Attempt => ({
  label,
  method: 'publickey',
  make: () => ({ type: 'agent', username: hop.user, agent: key.alone }),
});

async function unlocked(hop: Hop, path: string, keyring: Keyring): Promise<unknown> {
  const key = await keyring.unlock(path);
  return typeof key === 'string' ? skip(key) : { type: 'publickey', username: hop.user, key };
}

function passwords(hop: Hop): readonly Attempt[] {
  const password = hop.password;
  if (password === undefined) return [];
  return [
    {
      label: 'password',
      method: 'password',
      make: () => ({ type: 'password', username: hop.user, password: password.reveal() }),
    },
    {
      label: 'keyboard-interactive',
      method: 'keyboard-interactive',
      make: () => ({
        type: 'keyboard-interactive',
        username: hop.user,
        prompt: answerOnce(() => password.reveal()),
      }),
    },
  ];
}

/** For a jump host the operator may type the password, after all other attempts. */
function asked(hop: Hop, asker: Asker): readonly Attempt[] {
  if (!hop.mayAsk || !asker.attended) return [];
  const make = async (): Promise<unknown> => {
    const password = await asker.secret(`Password for ${hop.user}@${hop.alias}: `);
    return password === ''
      ? skip('none was given')
      : { type: 'password', username: hop.user, password };
  };
  return [{ label: 'password', method: 'password', make }];
}

type Prompt = { readonly prompt: string; readonly echo?: boolean };

/**
 * Answers only the first single hidden question: PAM also asks for a new password or a code this
 * way. Empty answers to other questions make the server refuse the login.
 */
export function answerOnce(password: () => string) {
  let answered = false;
  return (
    _name: string,
    _text: string,
    _language: string,
    prompts: readonly Prompt[],
    finish: (answers: readonly string[]) => void,
  ): void => {
    const [only, ...rest] = prompts;
    const ours =
      !answered &&
      only !== undefined &&
      rest.length === 0 &&
      only.echo !== true &&
      !/\bnew\b/i.test(only.prompt);
    answered ||= prompts.length > 0;
    finish(ours ? [password()] : prompts.map(() => ''));
  };
}

export interface LoginCourse {
  /** The library's `authHandler`, called for each attempt. */
  readonly next: (
    left: readonly string[] | null,
    partial: boolean | null,
    give: (attempt: unknown) => void,
  ) => undefined;
  /** The attempts with their results, for the failure. */
  readonly tried: () => readonly string[];
}

/** `busy(true)` means that the operator is being asked, so that no time limit may run. */
export function createCourse(
  attempts: readonly Attempt[],
  busy: (asking: boolean) => void,
): LoginCourse {
  let waiting = [...attempts];
  const done: Attempt[] = [];
  const notes: string[] = [];
  let lastTried: Attempt | undefined;
  const advance = async (
    left: readonly string[] | null,
    give: (attempt: unknown) => void,
  ): Promise<void> => {
    for (;;) {
      const index = waiting.findIndex((attempt) => left === null || left.includes(attempt.method));
      const attempt = waiting[index];
      if (attempt === undefined) {
        const unused = [...new Set(waiting.map((one) => one.method))];
        if (left !== null && unused.length > 0)
          notes.push(`the server takes only ${left.join(', ')}`);
        return give(false);
      }
      waiting = waiting.filter((one) => one !== attempt);
      const made = attempt.make();
      const ready = made instanceof Promise ? await asking(made, busy) : made;
      if (isSkip(ready)) {
        notes.push(`${attempt.label}: ${ready.skip}`);
        continue;
      }
      done.push(attempt);
      lastTried = attempt;
      notes.push(attempt.label);
      return give(ready);
    }
  };
  return {
    next: (left, partial, give) => {
      // One factor was accepted and another is required. Attempts that were refused too early may
      // be repeated.
      if (partial === true) {
        notes.push(
          `${lastTried?.method ?? 'a first factor'} accepted, but the server requires a further factor (${(left ?? []).join(', ')})`,
        );
        waiting = [
          ...done.filter((one) => one !== lastTried && one.method !== lastTried?.method),
          ...waiting,
        ];
      }
      void advance(left, give);
      return undefined;
    },
    tried: () => notes,
  };
}

async function asking(made: Promise<unknown>, busy: (asking: boolean) => void): Promise<unknown> {
  busy(true);
  try {
    return await made;
  } catch (error) {
    return skip(error instanceof Error ? error.message : String(error));
  } finally {
    busy(false);
  }
}
