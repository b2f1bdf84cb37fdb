// Plans a login: which keys and passwords are tried, in which order, and the result of each.
import type { Asker } from '../../../engine/ports/local.ts';
import { oneLine } from '../../../model/text/printable.ts';
import type { Hop } from '../config/route.ts';
import {
  type Certificate,
  certificateFile,
  certifiedAgent,
  type Signer,
  signerOf,
} from '../library/certificate.ts';
import type { Library, ParsedKey } from '../library/library.ts';
import type { AgentCertificate, AgentKey, Agents } from './agent.ts';
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
  readonly library: Library;
  readonly keyring: Keyring;
  readonly agents: Agents;
  readonly asker: Asker;
}

/**
 * Order: named key files (the agent's copy first), the password, certificates and other keys of the
 * agent, default files. So neither a wrong agent key nor a wrong default file uses up MaxAuthTries
 * of the server. A certificate goes before its key.
 */
export async function planLogin(hop: Hop, tools: LoginTools): Promise<Attempts> {
  const agent = hop.agent === undefined ? undefined : await tools.agents.keys(hop.agent);
  const keys = agent?.ok === true ? agent.keys : [];
  const shown = await shownFor(hop.certificateFiles ?? []);
  const planning: Planning = { hop, tools, keys, shown, used: new Set(), matched: new Set() };
  const named: Attempt[] = [];
  const usual: Attempt[] = [];
  for (const file of hop.keyFiles) {
    const attempts = await attemptsOf(file, planning);
    if ('message' in attempts) return attempts;
    (file.configured ? named : usual).push(...attempts);
  }
  const others = hop.identitiesOnly ? [] : keys.filter((key) => !planning.used.has(key));
  const all = [
    ...named,
    ...agentShown(planning),
    ...passwords(hop),
    ...(agent?.ok === true ? agentCertificates(planning, agent.certificates) : []),
    ...others.map((key) => agentAttempt(hop, key, `agent key ${key.comment}`)),
    ...(agent?.ok === false ? [noted(`agent ${hop.agent}`, agent.why)] : []),
    ...usual,
    ...asked(hop, tools.asker),
  ];
  return { ok: true, attempts: allowed(all, hop.methods) };
}

/** A file of a certificate, or why it cannot be shown. */
interface Shown {
  readonly label: string;
  readonly certificate: Certificate | string;
}

interface Planning {
  readonly hop: Hop;
  readonly tools: LoginTools;
  readonly keys: readonly AgentKey[];
  /** By `CertificateFile`. */
  readonly shown: readonly Shown[];
  /** Keys of the agent that are also in a file. */
  readonly used: Set<AgentKey>;
  /** Certificates whose key was found. */
  readonly matched: Set<Shown>;
}

async function shownFor(paths: readonly string[]): Promise<readonly Shown[]> {
  return Promise.all(
    paths.map(async (path) => ({
      label: `certificate ${path}`,
      certificate: (await certificateFile(path)) ?? 'it does not exist',
    })),
  );
}

type KeyPath = Hop['keyFiles'][number];

async function attemptsOf(
  file: KeyPath,
  planning: Planning,
): Promise<readonly Attempt[] | Extract<Attempts, { ok: false }>> {
  const { hop, tools, keys } = planning;
  const { path } = file;
  const found = await tools.keyring.read(path);
  if (found.kind === 'key') {
    const publicKey = found.key.getPublicSSH();
    const twin = keys.find((key) => key.publicKey.equals(publicKey));
    if (twin !== undefined) planning.used.add(twin);
    const sign = signerOf(found.key);
    return [
      ...(await certified(planning, path, publicKey, () => Promise.resolve(sign))),
      keyAttempt(hop, path, () => found.key),
    ];
  }
  if (found.kind === 'locked') {
    const { publicKey } = found;
    const twin = keys.find((key) => publicKey?.equals(key.publicKey) === true);
    if (twin !== undefined) planning.used.add(twin);
    // Unlock a named key before the connection: LoginGraceTime is too short for somebody who types.
    const key = file.named && twin === undefined ? await tools.keyring.unlock(path) : '';
    if (file.named && twin === undefined && typeof key === 'string') return unusable(path, key);
    const sign = async (): Promise<Signer | string> => {
      if (twin !== undefined) return twin.sign;
      const open = await tools.keyring.unlock(path);
      return typeof open === 'string' ? open : signerOf(open);
    };
    return [
      ...(publicKey === undefined ? [] : await certified(planning, path, publicKey, sign)),
      twin === undefined
        ? keyAttempt(hop, path, () => tools.keyring.unlock(path))
        : agentAttempt(hop, twin, `${path} (from the agent)`),
    ];
  }
  if (file.named) return unusable(path, found.kind === 'missing' ? 'it does not exist' : found.why);
  return found.kind === 'unusable' ? [noted(path, found.why)] : [];
}

/** The certificates of a key: the one beside its file, and those that the configuration names. */
async function certified(
  planning: Planning,
  path: string,
  publicKey: Buffer,
  sign: () => Promise<Signer | string>,
): Promise<readonly Attempt[]> {
  const beside = `${path}-cert.pub`;
  const isNamed = planning.hop.certificateFiles?.includes(beside) === true;
  const own = isNamed ? undefined : await certificateFile(beside);
  const all: readonly Shown[] = [
    ...planning.shown,
    ...(own === undefined ? [] : [{ label: `certificate ${beside}`, certificate: own }]),
  ];
  return all.flatMap((one) => {
    const { label, certificate } = one;
    if (typeof certificate === 'string')
      return planning.shown.includes(one) ? [] : [noted(label, certificate)];
    if (!certificate.plain.equals(publicKey)) return [];
    planning.matched.add(one);
    return [certificateAttempt(planning, { label, certificate }, sign)];
  });
}

/** Certificates of the configuration whose key only the agent has. */
const agentShown = (planning: Planning): readonly Attempt[] =>
  planning.shown.flatMap((one) => {
    const { label, certificate } = one;
    if (planning.matched.has(one)) return [];
    if (typeof certificate === 'string') return [noted(label, certificate)];
    const key = planning.keys.find(({ publicKey }) => publicKey.equals(certificate.plain));
    return key === undefined
      ? [noted(label, 'its key is in no file and no agent')]
      : [certificateAttempt(planning, { label, certificate }, () => Promise.resolve(key.sign))];
  });

/** With `IdentitiesOnly`, those of named files only. */
const agentCertificates = (
  planning: Planning,
  all: readonly AgentCertificate[],
): readonly Attempt[] =>
  all
    .filter(
      ({ certificate }) =>
        !planning.hop.identitiesOnly ||
        [...planning.used].some(({ publicKey }) => publicKey.equals(certificate.plain)),
    )
    .map(({ certificate, comment, sign }) =>
      certificateAttempt(planning, { label: `agent certificate ${comment}`, certificate }, () =>
        Promise.resolve(sign),
      ),
    );

function certificateAttempt(
  { hop, tools }: Planning,
  { label, certificate }: { readonly label: string; readonly certificate: Certificate },
  signer: () => Promise<Signer | string>,
): Attempt {
  const has = expiry(certificate);
  return {
    label: has === '' ? label : `${label} (${has})`,
    method: 'publickey',
    make: async () => {
      const sign = await signer();
      if (typeof sign === 'string') return skip(sign);
      const agent = certifiedAgent(tools.library, certificate, sign);
      return agent === undefined
        ? skip('its key cannot be used')
        : { type: 'agent', username: hop.user, agent };
    },
  };
}

/** Only a note: the server decides, by its own clock. */
function expiry({ validBefore }: Certificate): string {
  if (validBefore * 1000 > Date.now()) return '';
  return `expired on ${new Date(validBefore * 1000).toISOString().slice(0, 16)}Z`;
}

function keyAttempt(
  hop: Hop,
  path: string,
  open: () => ParsedKey | Promise<ParsedKey | string>,
): Attempt {
  const made = (key: ParsedKey | string): unknown =>
    typeof key === 'string' ? skip(key) : { type: 'publickey', username: hop.user, key };
  return {
    label: path,
    method: 'publickey',
    make: () => {
      const key = open();
      return key instanceof Promise ? key.then(made) : made(key);
    },
  };
}

/** Only attempts by these methods, in their order. */
function allowed(
  attempts: readonly Attempt[],
  methods: readonly string[] | undefined,
): readonly Attempt[] {
  if (methods === undefined) return attempts;
  return methods.flatMap((method) => attempts.filter((attempt) => attempt.method === method));
}

const unusable = (path: string, why: string): Extract<Attempts, { ok: false }> => ({
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
          notes.push(`the server takes only ${oneLine(left.join(', '), 200)}`);
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
