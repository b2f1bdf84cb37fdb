// Makes headers and certificates from the user entry, and renews them when they may have changed.
import { present } from '../../../model/present.ts';
import { failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { type Pair, readCa, readPair, readSource } from './certificates.ts';
import { type PluginCredential, runPlugin } from './exec-plugin.ts';
import { keep } from './kept.ts';
import type { ResolvedConfig, Source, UserConfig } from './kubeconfig.ts';

export interface Identity {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly certificate?: string;
  readonly key?: string;
  /** Parts that no error message may show. */
  readonly secrets: readonly string[];
}

/** An identity, and how to report that the server refused it. */
export interface Issued extends Identity {
  /** Call it when the server refused the identity: 401, or a handshake that failed. */
  readonly refuse: () => void;
}

export interface Credentials {
  /** The CA as PEM. Its file is read each time. */
  readonly ca: () => Promise<string | undefined>;
  readonly identity: (signal?: AbortSignal) => Promise<Outcome<Issued>>;
  /** A file or a plugin may return another identity later. */
  readonly renews: boolean;
  /** For messages: "token of user ci". */
  readonly description: string;
}

/** Milliseconds. A mounted token is replaced about every hour; kubectl too reads it each minute. */
const fileLife = 60_000;
/**
 * Milliseconds. A credential is renewed this long before it expires, so that it is valid on
 * arrival.
 */
const expiryMargin = 10_000;
const pluginTimeout = 60;
const never = Number.POSITIVE_INFINITY;

function impersonationHeaders(config: ResolvedConfig): Record<string, string | readonly string[]> {
  const as = config.user.impersonate;
  if (as === undefined) return {};
  const extra = Object.entries(as.extra).map(
    ([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values] as const,
  );
  return {
    'Impersonate-User': as.user,
    ...present({ 'Impersonate-Uid': as.uid }),
    ...(as.groups.length === 0 ? {} : { 'Impersonate-Group': as.groups }),
    ...Object.fromEntries(extra),
  };
}

function describe(config: ResolvedConfig): string {
  const { user, userName, origin } = config;
  const account = userName === '' ? `the user of ${origin}` : `user "${userName}" of ${origin}`;
  if (user.exec !== undefined) return `${account} (credential plugin ${user.exec.command})`;
  if (user.tokenFile !== undefined) return `${account} (token file ${user.tokenFile})`;
  if (user.idToken !== undefined)
    return `${account} (id-token of auth-provider oidc${untilText(user.idToken)})`;
  if (user.token !== undefined) return `${account} (token)`;
  if (user.certificate !== undefined) return `${account} (client certificate)`;
  return user.username === undefined
    ? `${account} (no credential at all)`
    : `${account} (password)`;
}

export interface CredentialOptions {
  readonly config: ResolvedConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
}

/** Time at which an id-token expires (claim `exp`), milliseconds since 1970. */
function expiryOf(idToken: string): number {
  try {
    const { exp } = JSON.parse(
      Buffer.from(idToken.split('.')[1] ?? '', 'base64url').toString('utf8'),
    ) as { exp?: unknown };
    return typeof exp === 'number' && Math.abs(exp) < 1e11 ? exp * 1000 : never;
  } catch {
    return never;
  }
}

function untilText(idToken: string): string {
  const ends = expiryOf(idToken);
  return ends === never ? '' : `, until ${new Date(ends).toISOString().slice(0, 16)}Z`;
}

/** Checks that a text may be part of a header. A file that is being written may be empty. */
function asToken(text: string, what: string): Outcome<string> {
  const token = text.trim();
  if (token === '') return failed('auth', `${what} is empty`);
  return /[^\x21-\x7e]/.test(token)
    ? failed('auth', `${what} is no token: it holds spaces or other characters that no token has`)
    : ok(token);
}

/** Reads the user's own token. Plugins return theirs by themselves. */
async function tokenOf(
  user: UserConfig,
  description: string,
  now: () => number,
): Promise<Outcome<{ readonly token?: string }>> {
  const { tokenFile, idToken } = user;
  if (
    tokenFile === undefined &&
    user.token === undefined &&
    idToken !== undefined &&
    expiryOf(idToken) <= now()
  ) {
    return failed(
      'auth',
      `the id-token of ${description} has expired, and kmend does not renew it`,
      {
        hint: 'renew it in the kubeconfig (any kubectl command does), or use a credential plugin, which kmend asks again by itself',
      },
    );
  }
  const source: Source | undefined =
    tokenFile === undefined ? undefined : { kind: 'file', path: tokenFile };
  const text =
    source === undefined ? ok(user.token ?? idToken) : await readSource(source, 'token file');
  if (!text.ok || text.value === undefined) return text.ok ? ok({}) : text;
  const token = asToken(
    text.value,
    source === undefined ? `the token of ${description}` : `the token file ${tokenFile}`,
  );
  return token.ok ? ok({ token: token.value }) : token;
}

const fromFile = ({ user }: ResolvedConfig): boolean =>
  user.certificate?.kind === 'file' || user.key?.kind === 'file';

export async function createCredentials({
  config,
  env,
  now,
}: CredentialOptions): Promise<Outcome<Credentials>> {
  const { user } = config;
  const description = describe(config);
  const ca = await caOf(config.cluster.ca, now);
  if (!ca.ok) return ca;
  const { pair, bearer, plugin } = sourcesOf({ config, env, now }, ca.value, description);
  const usable = await pair.get();
  if (!usable.ok) return usable;

  return ok({
    ca: ca.value,
    description,
    renews: user.exec !== undefined || user.tokenFile !== undefined || fromFile(config),
    async identity(signal) {
      const [given, token, own] = [
        await plugin.get(signal),
        await bearer.get(signal),
        await pair.get(signal),
      ];
      if (!given.ok) return given;
      if (!token.ok) return token;
      if (!own.ok) return own;
      return ok({
        ...identityOf(config, { ...token.value, ...own.value, ...given.value }),
        refuse: () => {
          plugin.refuse(given.value);
          bearer.refuse(token.value);
          pair.refuse(own.value);
        },
      });
    },
  });
}

/** Connections are rare and a CA file is small, so that each connection reads it again. */
async function caOf(
  authority: Source | undefined,
  now: () => number,
): Promise<Outcome<Credentials['ca']>> {
  const authorities = keep<string | undefined>({
    now,
    make: async () => (authority === undefined ? ok(undefined) : readCa(authority)),
    freshUntil: () => (authority?.kind === 'file' ? 0 : never),
    goodUntil: () => never,
  });
  const first = await authorities.get();
  if (!first.ok) return first;
  return ok(async () => {
    const read = await authorities.get();
    return read.ok ? read.value : first.value;
  });
}

/** The sources of a user's credential, each renewed by itself. */
function sourcesOf(
  { config, env, now }: CredentialOptions,
  ca: Credentials['ca'],
  description: string,
) {
  const { user, cluster } = config;
  const { exec, certificate, key } = user;
  const until = (ends: number): number => ends - expiryMargin;
  const pair = keep<Partial<Pair>>({
    now,
    make: async () =>
      certificate === undefined || key === undefined
        ? ok({})
        : readPair({ certificate, key }, description, now()),
    freshUntil: ({ ends = never }, at) =>
      Math.min(until(ends), fromFile(config) ? at + fileLife : never),
    goodUntil: ({ ends = never }) => ends,
  });
  const bearer = keep<{ readonly token?: string }>({
    now,
    make: () => tokenOf(user, description, now),
    freshUntil: (_, at) =>
      user.tokenFile === undefined ? (user.idToken === undefined ? never : 0) : at + fileLife,
    goodUntil: () => (user.tokenFile === undefined ? 0 : never),
  });
  const plugin = keep<PluginCredential>({
    now,
    make: async () =>
      exec === undefined
        ? ok({})
        : runPlugin({ plugin: exec, cluster, ca: await ca(), env, timeout: pluginTimeout }),
    freshUntil: ({ expires = never }) => until(expires),
    goodUntil: ({ expires = never }) => expires,
  });
  return { pair, bearer, plugin };
}

function identityOf(
  config: ResolvedConfig,
  { token, certificate, key }: PluginCredential,
): Identity {
  const { username, password } = config.user;
  const basic =
    username === undefined
      ? undefined
      : Buffer.from(`${username}:${password ?? ''}`).toString('base64');
  const authorization =
    token !== undefined ? `Bearer ${token}` : basic === undefined ? undefined : `Basic ${basic}`;
  return {
    headers: { ...impersonationHeaders(config), ...present({ Authorization: authorization }) },
    secrets: [token, basic, password].filter((secret) => secret !== undefined),
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
  };
}
