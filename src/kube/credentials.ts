// Who we are to the API server: headers and certificates made from the user entry, read again when they can have changed.
import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { type Failure, failed, type Outcome, ok } from '../model/failure.ts';
import { type PluginCredential, runPlugin } from './exec-plugin.ts';
import type { ResolvedConfig, Source } from './kubeconfig.ts';

export interface Identity {
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
  readonly certificate?: string;
  readonly key?: string;
  /** What of it nobody may read in an error. */
  readonly secrets: readonly string[];
}

export interface Credentials {
  readonly ca: string | undefined;
  readonly identity: (signal?: AbortSignal) => Promise<Outcome<Identity>>;
  /** The server said 401: forget what was kept. True = asking again may help. */
  readonly refused: () => boolean;
  /** For messages: "token of user ci". */
  readonly description: string;
}

/** A mounted token is replaced about every hour; kubectl reads it again every minute too. */
const tokenFileLife = 60_000;
/** A plugin's credential is renewed a little before it ends, so that no call carries one that ends on the way. */
const expiryMargin = 10_000;
const pluginTimeout = 60;

async function read(source: Source, what: string): Promise<Outcome<string>> {
  if (source.kind === 'inline') return ok(source.text);
  try {
    return ok(await readFile(source.path, 'utf8'));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return failed('auth', `the ${what} ${source.path} cannot be read`, { detail: why });
  }
}

/** An expired certificate gives only a broken handshake: say it before the first call. */
function certificateFailure(pem: string, who: string, now: number): Failure | undefined {
  try {
    const end = Date.parse(new X509Certificate(pem).validTo);
    if (end >= now) return undefined;
    const message = `the client certificate of ${who} expired on ${new Date(end).toISOString().slice(0, 10)}`;
    return { kind: 'auth', message, hint: 'get a new one and put it into the kubeconfig' };
  } catch {
    return { kind: 'auth', message: `the client certificate of ${who} cannot be read: it is not a PEM certificate` };
  }
}

function impersonationHeaders(config: ResolvedConfig): Record<string, string | readonly string[]> {
  const as = config.user.impersonate;
  if (as === undefined) return {};
  const extra = Object.entries(as.extra).map(([key, values]) => [`Impersonate-Extra-${encodeURIComponent(key)}`, values] as const);
  return {
    'Impersonate-User': as.user,
    ...(as.uid === undefined ? {} : { 'Impersonate-Uid': as.uid }),
    ...(as.groups.length === 0 ? {} : { 'Impersonate-Group': as.groups }),
    ...Object.fromEntries(extra),
  };
}

function describe(config: ResolvedConfig): string {
  const { user, userName, origin } = config;
  const who = userName === '' ? `the user of ${origin}` : `user "${userName}" of ${origin}`;
  if (user.exec !== undefined) return `${who} (credential plugin ${user.exec.command})`;
  if (user.tokenFile !== undefined) return `${who} (token file ${user.tokenFile})`;
  if (user.token !== undefined) return `${who} (token)`;
  if (user.certificate !== undefined) return `${who} (client certificate)`;
  return user.username === undefined ? `${who} (no credential at all)` : `${who} (password)`;
}

export interface CredentialOptions {
  readonly config: ResolvedConfig;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly now: () => number;
}

export async function createCredentials({ config, env, now }: CredentialOptions): Promise<Outcome<Credentials>> {
  const { user, cluster } = config;
  const description = describe(config);
  const ca = cluster.ca === undefined ? ok(undefined) : await read(cluster.ca, 'CA file');
  if (!ca.ok) return ca;
  const certificate = user.certificate === undefined ? ok(undefined) : await read(user.certificate, 'client certificate');
  if (!certificate.ok) return certificate;
  const key = user.key === undefined ? ok(undefined) : await read(user.key, 'client key');
  if (!key.ok) return key;
  const expired = certificate.value === undefined ? undefined : certificateFailure(certificate.value, description, now());
  if (expired !== undefined) return { ok: false, failure: expired };

  let kept: PluginCredential | undefined;
  let pending: Promise<Outcome<PluginCredential>> | undefined;
  let tokenRead: { readonly token: string; readonly at: number } | undefined;

  async function fromPlugin(signal: AbortSignal | undefined): Promise<Outcome<PluginCredential>> {
    if (user.exec === undefined) return ok({});
    if (kept !== undefined && (kept.expires === undefined || kept.expires - expiryMargin > now())) return ok(kept);
    // Many calls at once start one plugin, not one each; so no single call's signal may end it for the others.
    pending ??= runPlugin({ plugin: user.exec, cluster, ca: ca.ok ? ca.value : undefined, env, timeout: pluginTimeout });
    const result = await Promise.race([pending, aborted(signal)]);
    if (!result.ok && signal?.aborted) return result;
    pending = undefined;
    if (result.ok) kept = result.value;
    return result;
  }

  async function bearer(plugin: PluginCredential): Promise<Outcome<string | undefined>> {
    if (plugin.token !== undefined) return ok(plugin.token);
    if (user.tokenFile === undefined) return ok(user.token);
    if (tokenRead !== undefined && now() - tokenRead.at < tokenFileLife) return ok(tokenRead.token);
    const text = await read({ kind: 'file', path: user.tokenFile }, 'token file');
    if (!text.ok) return text;
    tokenRead = { token: text.value.trim(), at: now() };
    return ok(tokenRead.token);
  }

  return ok({
    ca: ca.value,
    description,
    async identity(signal) {
      const plugin = await fromPlugin(signal);
      if (!plugin.ok) return plugin;
      const token = await bearer(plugin.value);
      if (!token.ok) return token;
      const basic = user.username === undefined ? undefined : Buffer.from(`${user.username}:${user.password ?? ''}`).toString('base64');
      const authorization = token.value !== undefined ? `Bearer ${token.value}` : basic === undefined ? undefined : `Basic ${basic}`;
      const headers = { ...impersonationHeaders(config), ...(authorization === undefined ? {} : { Authorization: authorization }) };
      const pair = {
        certificate: plugin.value.certificate ?? certificate.value,
        key: plugin.value.key ?? key.value,
      };
      const secrets = [token.value, basic, user.password].filter((secret) => secret !== undefined);
      return ok({
        headers,
        secrets,
        ...(pair.certificate === undefined || pair.key === undefined ? {} : { certificate: pair.certificate, key: pair.key }),
      });
    },
    refused() {
      const again = kept !== undefined || tokenRead !== undefined;
      kept = undefined;
      tokenRead = undefined;
      return again;
    },
  });
}

function aborted(signal: AbortSignal | undefined): Promise<Outcome<never>> {
  return new Promise((resolve) => {
    if (signal === undefined) return;
    const end = (): void => resolve(failed('interrupted', 'interrupted while waiting for the credential plugin'));
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
  });
}
