// Runs a credential plugin (client.authentication.k8s.io) as kubectl does and reads its stdout.
// When it fails, only its stderr is shown.

import { spawn } from 'node:child_process';
import { isAbsolute, join } from 'node:path';
import { present } from '../../../model/present.ts';
import { type Failure, failed, lastDetail, type Outcome, ok } from '../../../model/run/failure.ts';
import type { ClusterConfig, ExecPlugin } from './kubeconfig.ts';

export interface PluginCredential {
  readonly token?: string;
  readonly certificate?: string;
  readonly key?: string;
  /** Milliseconds since 1970. Absent: valid until the server answers 401. */
  readonly expires?: number;
}

export interface PluginCall {
  readonly plugin: ExecPlugin;
  readonly cluster: ClusterConfig;
  /** The CA as PEM, for plugins that ask for the cluster. */
  readonly ca: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Seconds. */
  readonly timeout: number;
}

/**
 * The value of KUBERNETES_EXEC_INFO: the version, that no terminal is there, and the cluster if the
 * plugin needs it.
 */
function execInfo({ plugin, cluster, ca }: PluginCall): string {
  const about = plugin.provideClusterInfo
    ? {
        cluster: {
          server: cluster.server,
          ...present({ 'tls-server-name': cluster.tlsServerName }),
          ...(cluster.insecure ? { 'insecure-skip-tls-verify': true } : {}),
          ...(ca === undefined
            ? {}
            : { 'certificate-authority-data': Buffer.from(ca).toString('base64') }),
          ...present({ 'proxy-url': cluster.proxyUrl }),
        },
      }
    : {};
  return JSON.stringify({
    apiVersion: plugin.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...about },
  });
}

/** A bare name is looked up in PATH; one with a slash is relative to the kubeconfig. */
export const commandOf = ({ command, folder }: ExecPlugin): string =>
  command.includes('/') && !isAbsolute(command) ? join(folder, command) : command;

/** Milliseconds between the exit of a plugin and the close of its output. */
const outputGrace = 1_000;

function readCredential(plugin: ExecPlugin, output: string): Outcome<PluginCredential> {
  let read: unknown;
  try {
    read = JSON.parse(output);
  } catch {
    return failed(
      'auth',
      `the credential plugin ${plugin.command} printed something that is not JSON`,
    );
  }
  const object = read as {
    apiVersion?: unknown;
    kind?: unknown;
    status?: Record<string, unknown>;
  } | null;
  if (object?.kind !== 'ExecCredential')
    return failed('auth', `the credential plugin ${plugin.command} printed no ExecCredential`);
  if (object.apiVersion !== plugin.apiVersion) {
    return failed(
      'auth',
      `the credential plugin ${plugin.command} speaks ${String(object.apiVersion)}, the kubeconfig says ${plugin.apiVersion}`,
    );
  }
  const status = object.status ?? {};
  const text = (key: string): string | undefined =>
    typeof status[key] === 'string' && status[key] !== '' ? status[key] : undefined;
  const token = text('token');
  const certificate = text('clientCertificateData');
  const key = text('clientKeyData');
  if (token === undefined && (certificate === undefined || key === undefined)) {
    return failed(
      'auth',
      `the credential plugin ${plugin.command} gave neither a token nor a certificate with its key`,
    );
  }
  const expires = Date.parse(text('expirationTimestamp') ?? '');
  return ok({
    ...present({ token }),
    ...(certificate === undefined || key === undefined ? {} : { certificate, key }),
    ...(Number.isNaN(expires) ? {} : { expires }),
  });
}

const needsTerminal = ({ command }: ExecPlugin): Outcome<never> =>
  failed(
    'auth',
    `the credential plugin ${command} needs a terminal (interactiveMode: Always), and kmend gives it none`,
    { hint: 'log in with the plugin first, or use a credential that needs no input' },
  );

function notRun(
  { command, installHint }: ExecPlugin,
  error: NodeJS.ErrnoException,
): Outcome<never> {
  const message =
    error.code === 'ENOENT'
      ? `the credential plugin ${command} was not found`
      : `the credential plugin ${command}: ${error.message}`;
  return failed('auth', message, present({ hint: installHint }));
}

/** The message includes stderr, since some screens do not show the details below it. */
function unsuccessful({ command }: ExecPlugin, why: string, stderr: string): Outcome<never> {
  const failure: Failure = {
    kind: 'auth',
    message: `the credential plugin ${command} ${why}`,
    detail: stderr.trim(),
  };
  return {
    ok: false,
    failure: { ...failure, message: `${failure.message}${lastDetail(failure)}` },
  };
}

export function runPlugin(call: PluginCall): Promise<Outcome<PluginCredential>> {
  const { plugin, env, timeout } = call;
  if (plugin.interactive) return Promise.resolve(needsTerminal(plugin));
  const extra = Object.fromEntries(plugin.env.map(({ name, value }) => [name, value]));
  return new Promise((resolve) => {
    const child = spawn(commandOf(plugin), plugin.args, {
      env: { ...env, ...extra, KUBERNETES_EXEC_INFO: execInfo(call) },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: timeout * 1000,
      killSignal: 'SIGKILL',
    });
    const started = performance.now();
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (chunk: string) => {
      stdout = (stdout + chunk).slice(0, 1 << 20);
    });
    child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
      stderr = (stderr + chunk).slice(-2000);
    });
    // A background process of the plugin may keep the output open. The output until the plugin's
    // exit is complete.
    child.on('exit', () => {
      setTimeout(() => child.stdout.destroy(), outputGrace).unref();
      setTimeout(() => child.stderr.destroy(), outputGrace).unref();
    });
    child.on('error', (error) => resolve(notRun(plugin, error)));
    child.on('close', (code, killedBy) => {
      if (code === 0) return resolve(readCredential(plugin, stdout));
      const late = killedBy !== null && performance.now() - started >= timeout * 1000;
      const why = late
        ? `did not answer within ${timeout} s`
        : `ended with ${killedBy ?? `status ${code}`}`;
      return resolve(unsuccessful(plugin, why, stderr));
    });
  });
}
