// Merges kubeconfig documents into one cluster, user and context. Only `readKubeconfigs` reads
// files.

import { nearest } from '../../../model/diagnostic.ts';
import { present } from '../../../model/present.ts';
import { type Failure, failed, type Outcome, ok } from '../../../model/run/failure.ts';
import { isMapping, type Mapping, type Value } from '../../../model/value.ts';

export interface KubeconfigFile {
  readonly path: string;
  readonly text: string;
}

/** An inline value, or the absolute path of the file that holds it. */
export type Source =
  | { readonly kind: 'inline'; readonly text: string }
  | { readonly kind: 'file'; readonly path: string };

export interface ExecPlugin {
  readonly apiVersion: string;
  readonly command: string;
  /** Folder of the kubeconfig. A command with a slash is relative to it. */
  readonly folder: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  readonly provideClusterInfo: boolean;
  readonly installHint?: string;
  readonly interactive: boolean;
}

export interface ClusterConfig {
  readonly server: string;
  readonly ca?: Source;
  readonly insecure: boolean;
  readonly tlsServerName?: string;
  readonly proxyUrl?: string;
}

export interface UserConfig {
  readonly certificate?: Source;
  readonly key?: Source;
  readonly token?: string;
  readonly tokenFile?: string;
  /**
   * Of auth-provider oidc. kmend does not use its refresh token: the provider may replace the
   * token, and only kubectl stores the new one.
   */
  readonly idToken?: string;
  readonly username?: string;
  readonly password?: string;
  readonly exec?: ExecPlugin;
  readonly impersonate?: {
    readonly user: string;
    readonly uid?: string;
    readonly groups: readonly string[];
    readonly extra: Readonly<Record<string, readonly string[]>>;
  };
}

export interface ResolvedConfig {
  /** Source of the configuration, for messages: `context "lab" of /home/u/.kube/config`. */
  readonly origin: string;
  readonly cluster: ClusterConfig;
  readonly user: UserConfig;
  readonly userName: string;
}

interface Named {
  readonly value: Mapping;
  readonly path: string;
}

const text = (value: Value | undefined): string | undefined =>
  typeof value === 'string' && value !== ''
    ? value
    : typeof value === 'number'
      ? String(value)
      : undefined;
const texts = (value: Value | undefined): readonly string[] =>
  Array.isArray(value) ? value.map((item) => String(item)) : [];
const mapping = (value: Value | undefined): Mapping => (isMapping(value) ? value : {});

/**
 * Paths to read, in order: the flag alone, else KUBECONFIG (colon-separated), else ~/.kube/config.
 * Empty: use the in-cluster account.
 */
export function kubeconfigPaths(
  env: Readonly<Record<string, string | undefined>>,
  home: string,
  flag?: string,
): readonly string[] {
  if (flag !== undefined && flag !== '') return [flag];
  const listed = (env.KUBECONFIG ?? '').split(':').filter((path) => path !== '');
  if (listed.length > 0) return listed;
  return env.KUBERNETES_SERVICE_HOST === undefined || env.KUBERNETES_SERVICE_HOST === ''
    ? [`${home}/.kube/config`]
    : [];
}

type Read =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly why: string; readonly distrusted?: true };

/** Skips missing files, as kubectl does with KUBECONFIG, if at least one file can be read. */
export function readKubeconfigs(
  paths: readonly string[],
  read: (path: string) => Read,
): Outcome<readonly KubeconfigFile[]> {
  const files: KubeconfigFile[] = [];
  const missing: string[] = [];
  for (const path of paths) {
    const found = read(path);
    if (found.ok) files.push({ path, text: found.text });
    else if (found.distrusted === true)
      return failed('refused', `the kubeconfig ${path} is not obeyed: ${found.why}`);
    else missing.push(`${path}: ${found.why}`);
  }
  if (files.length > 0 || paths.length === 0) return ok(files);
  return failed('refused', `no kubeconfig can be read: ${missing.join('; ')}`, {
    hint: 'is --kubeconfig or KUBECONFIG right?',
  });
}

const folderOf = (path: string): string =>
  path.includes('/') ? path.slice(0, path.lastIndexOf('/')) || '/' : '.';
const resolvePath = (path: string, from: string): string =>
  path.startsWith('/') ? path : `${folderOf(from)}/${path}`;

/** Collects named entries. As in kubectl, the first file that defines a name wins. */
function collect(
  documents: readonly (readonly [Mapping, string])[],
  list: string,
  key: string,
): ReadonlyMap<string, Named> {
  const found = new Map<string, Named>();
  for (const [document, path] of documents) {
    const entries = document[list];
    for (const entry of Array.isArray(entries) ? entries.filter(isMapping) : []) {
      const name = text(entry.name);
      if (name !== undefined && !found.has(name))
        found.set(name, { value: mapping(entry[key]), path });
    }
  }
  return found;
}

const source = (entry: Named, inline: string, file: string): Source | undefined => {
  const data = text(entry.value[inline]);
  // As in kubectl, inline data wins over a file.
  if (data !== undefined)
    return { kind: 'inline', text: Buffer.from(data, 'base64').toString('utf8') };
  const path = text(entry.value[file]);
  return path === undefined ? undefined : { kind: 'file', path: resolvePath(path, entry.path) };
};

function execOf(value: Mapping, path: string): ExecPlugin {
  const env = Array.isArray(value.env) ? value.env.filter(isMapping) : [];
  const hint = text(value.installHint);
  return {
    apiVersion: text(value.apiVersion) ?? 'client.authentication.k8s.io/v1',
    command: text(value.command) ?? '',
    folder: folderOf(path),
    args: texts(value.args),
    env: env.map((entry) => ({ name: text(entry.name) ?? '', value: text(entry.value) ?? '' })),
    provideClusterInfo: value.provideClusterInfo === true,
    interactive: value.interactiveMode === 'Always',
    ...present({ installHint: hint }),
  };
}

function impersonation(value: Mapping): UserConfig['impersonate'] {
  const user = text(value.as);
  if (user === undefined) return undefined;
  const uid = text(value['as-uid']);
  const extra = Object.fromEntries(
    Object.entries(mapping(value['as-user-extra'])).map(([key, list]) => [key, texts(list)]),
  );
  return { user, groups: texts(value['as-groups']), extra, ...present({ uid }) };
}

/** The settings of auth-provider oidc. */
function oidcOf(value: Mapping): Mapping | undefined {
  const provider = mapping(value['auth-provider']);
  return provider.name === 'oidc' ? mapping(provider.config) : undefined;
}

function userOf(entry: Named): UserConfig {
  const { value, path } = entry;
  const tokenFile = text(value.tokenFile);
  return present({
    certificate: source(entry, 'client-certificate-data', 'client-certificate'),
    key: source(entry, 'client-key-data', 'client-key'),
    token: text(value.token),
    tokenFile: tokenFile === undefined ? undefined : resolvePath(tokenFile, path),
    idToken: text(oidcOf(value)?.['id-token']),
    username: text(value.username),
    password: text(value.password),
    exec: isMapping(value.exec) ? execOf(value.exec, path) : undefined,
    impersonate: impersonation(value),
  });
}

const clusterOf = (entry: Named, server: string): ClusterConfig =>
  present({
    server,
    ca: source(entry, 'certificate-authority-data', 'certificate-authority'),
    insecure: entry.value['insecure-skip-tls-verify'] === true,
    tlsServerName: text(entry.value['tls-server-name']),
    proxyUrl: text(entry.value['proxy-url']),
  });

const among = (names: Iterable<string>, wanted: string): string => {
  const known = [...names];
  const near = nearest(wanted, known);
  if (near !== undefined) return `did you mean "${near}"?`;
  return known.length === 0 ? 'the kubeconfig has none' : `there are: ${known.join(', ')}`;
};

function parseAll(
  files: readonly KubeconfigFile[],
  parseYaml: (text: string) => unknown,
): Outcome<readonly (readonly [Mapping, string])[]> {
  const documents: (readonly [Mapping, string])[] = [];
  for (const { path, text: content } of files) {
    if (content.trim() === '') continue;
    let parsed: unknown;
    try {
      parsed = parseYaml(content);
    } catch (error) {
      // The parser's message may quote a line, and a kubeconfig holds secrets. Show its first line
      // only.
      const why = error instanceof Error ? (error.message.split('\n')[0] ?? '') : '';
      return failed('parse', `the kubeconfig ${path} is not valid YAML: ${why}`);
    }
    if (!isMapping(parsed)) return failed('parse', `the kubeconfig ${path} is not a mapping`);
    documents.push([parsed, path]);
  }
  return ok(documents);
}

/** Resolves cluster, user and context from all files. `context` is the value of `--context`. */
export function resolveKubeconfig(
  files: readonly KubeconfigFile[],
  parseYaml: (text: string) => unknown,
  context?: string,
): Outcome<ResolvedConfig> {
  const parsed = parseAll(files, parseYaml);
  if (!parsed.ok) return parsed;
  const documents = parsed.value;
  const where = files.map((file) => file.path).join(', ');
  const contexts = collect(documents, 'contexts', 'context');
  const wanted =
    context ??
    documents
      .map(([document]) => text(document['current-context']))
      .find((name) => name !== undefined);
  if (wanted === undefined) {
    return failed('refused', `no current-context in ${where}`, {
      hint: `name one with --context; ${among(contexts.keys(), '')}`,
    });
  }
  const chosen = contexts.get(wanted);
  if (chosen === undefined) {
    return failed('refused', `there is no context "${wanted}" in ${where}`, {
      hint: among(contexts.keys(), wanted),
    });
  }
  const clusters = collect(documents, 'clusters', 'cluster');
  const clusterName = text(chosen.value.cluster) ?? '';
  const cluster = clusters.get(clusterName);
  if (cluster === undefined) {
    return failed(
      'refused',
      `context "${wanted}" of ${chosen.path} names the cluster "${clusterName}", which does not exist`,
      {
        hint: among(clusters.keys(), clusterName),
      },
    );
  }
  const users = collect(documents, 'users', 'user');
  const userName = text(chosen.value.user) ?? '';
  const user = users.get(userName);
  if (user === undefined && userName !== '') {
    return failed(
      'refused',
      `context "${wanted}" of ${chosen.path} names the user "${userName}", which does not exist`,
      {
        hint: among(users.keys(), userName),
      },
    );
  }
  return check(wanted, chosen.path, cluster, user, userName);
}

function check(
  context: string,
  path: string,
  cluster: Named,
  user: Named | undefined,
  userName: string,
): Outcome<ResolvedConfig> {
  const origin = `context "${context}" of ${path}`;
  const server = text(cluster.value.server);
  if (server === undefined || !/^https?:\/\//.test(server) || !URL.canParse(server)) {
    return failed('refused', `${origin}: its cluster has no server address (https://host:port)`);
  }
  // The user name would be shown wherever the server is named.
  if (new URL(server).username !== '')
    return failed(
      'refused',
      `${origin}: its server address holds a user name: that belongs into \`users\``,
    );
  const known = user === undefined ? {} : userOf(user);
  const connection = clusterOf(cluster, server);
  const refusal =
    contradiction(connection) ?? (user === undefined ? undefined : unsupported(user.value, known));
  return refusal === undefined
    ? ok({ origin, cluster: connection, user: known, userName })
    : { ok: false, failure: { ...refusal, message: `${origin}: ${refusal.message}` } };
}

/** kubectl refuses this too, since the insecure setting would win. */
const contradiction = ({ insecure, ca }: ClusterConfig): Failure | undefined =>
  insecure && ca !== undefined
    ? {
        kind: 'refused',
        message: 'insecure-skip-tls-verify and a certificate-authority exclude each other',
        hint: 'keep the CA',
      }
    : undefined;

/**
 * Refuses user settings that kmend does not support. Without them it would act as somebody else.
 */
function unsupported(value: Mapping, user: UserConfig): Failure | undefined {
  const refuse = (message: string, hint?: string): Failure => ({
    kind: 'refused',
    message,
    ...present({ hint }),
  });
  const provider = value['auth-provider'];
  if (
    isMapping(provider) &&
    [user.exec, user.token, user.tokenFile, user.idToken].every((given) => given === undefined)
  ) {
    const name = text(provider.name) ?? '?';
    return name === 'oidc'
      ? refuse(
          'auth-provider "oidc" holds no id-token',
          'log in first (any kubectl command does), or use a credential plugin such as kubelogin',
        )
      : refuse(
          `auth-provider "${name}" is not supported`,
          'use a credential plugin (exec), as kubectl needs it since 1.26, a token or a certificate',
        );
  }
  if (user.exec !== undefined && user.exec.command === '')
    return refuse('its exec plugin names no command');
  const lonely = ['as-uid', 'as-groups', 'as-user-extra'].find(
    (key) => value[key] !== undefined && user.impersonate === undefined,
  );
  if (lonely !== undefined) return refuse(`${lonely} needs \`as\`: whom to impersonate`);
  if ((user.certificate === undefined) !== (user.key === undefined))
    return refuse(
      `it has a client ${user.key === undefined ? 'certificate without its key' : 'key without its certificate'}`,
    );
  return undefined;
}

export const accountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** Configuration of the service account that Kubernetes mounts into a pod. */
export function inClusterConfig(
  env: Readonly<Record<string, string | undefined>>,
  folder: string = accountFolder,
): Outcome<ResolvedConfig> {
  const host = env.KUBERNETES_SERVICE_HOST ?? '';
  if (host === '') {
    return failed(
      'refused',
      'no kubeconfig, and not inside a cluster (KUBERNETES_SERVICE_HOST is not set)',
      {
        hint: 'set KUBECONFIG or --kubeconfig',
      },
    );
  }
  const server = `https://${host.includes(':') ? `[${host}]` : host}:${env.KUBERNETES_SERVICE_PORT ?? '443'}`;
  return ok({
    origin: 'the in-cluster service account',
    cluster: { server, insecure: false, ca: { kind: 'file', path: `${folder}/ca.crt` } },
    user: { tokenFile: `${folder}/token` },
    userName: 'service account',
  });
}

/**
 * Explains how a third party on the network could read our credential or answer for the server.
 * Undefined: TLS with a checked certificate.
 */
export function unsafeConnection({ origin, cluster, user }: ResolvedConfig): string | undefined {
  const { server, insecure } = cluster;
  if (server.startsWith('https:'))
    return insecure
      ? `${origin}: the certificate of ${server} is not checked (insecure-skip-tls-verify): anybody on the network path can answer for it`
      : undefined;
  const hasSecret = [user.token, user.tokenFile, user.idToken, user.password, user.exec].some(
    (given) => given !== undefined,
  );
  return hasSecret
    ? `${origin}: the credential is sent to ${server} without encryption: anybody on the network path can read it`
    : undefined;
}
