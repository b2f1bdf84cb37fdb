// Gates: outside conditions that must hold before a host is started. Any error is a closed gate
// that says why.

import { spawn } from 'node:child_process';
import type { Cluster } from '../../engine/ports/cluster.ts';
import type { GateReading, Gates } from '../../engine/ports/outside.ts';
import type { GateSpec } from '../../model/playbook.ts';
import { causeText } from '../../model/run/failure.ts';
import { plural } from '../../model/text/plural.ts';
import { isList, isMapping, type Value } from '../../model/value.ts';
import type { Env } from '../http/proxy.ts';
import { type HttpAnswer, httpClient, type SendHttp } from '../http/request.ts';

const readingTimeout = 10;
/** Bytes that are read of a decompressed answer: of any server, and of Prometheus. */
const pageLimit = 128 * 1024;
const samplesLimit = 8 * 1024 * 1024;
/** Characters of a reading. Each reading goes into the journal. */
const readingLength = 400;
const mostRedirects = 5;

export interface GateOptions {
  /** The environment, for proxies. */
  readonly env?: Env;
  /** Seconds that one reading may take. */
  readonly seconds?: number;
}

export function createGates(
  cluster: Cluster | undefined,
  { env = {}, seconds = readingTimeout }: GateOptions = {},
): Gates {
  const send = httpClient(env);
  return {
    read: async (gate, signal) => {
      const limit = AbortSignal.timeout(seconds * 1000);
      const either = signal === undefined ? limit : AbortSignal.any([signal, limit]);
      try {
        const { open, read } = await readers[gate.kind](gate, either, { cluster, send });
        return { open, read: read.slice(0, readingLength) };
      } catch (error) {
        const why = limit.aborted ? `no answer within ${seconds} s` : errorText(error);
        return { open: false, read: why };
      }
    },
  };
}

interface Means {
  readonly cluster: Cluster | undefined;
  readonly send: SendHttp;
}

type ReadGate = (gate: GateSpec, signal: AbortSignal, means: Means) => Promise<GateReading>;

const readers: Readonly<Record<GateSpec['kind'], ReadGate>> = {
  http: readHttp,
  prometheus: readPrometheus,
  command: readCommand,
  kubernetes: readKubernetes,
};

const errorText = (error: unknown): string =>
  error instanceof Error ? error.message || String(error) : String(error);

const text = (value: Value | undefined, otherwise: string): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : otherwise;

interface Got {
  readonly answer: HttpAnswer;
  /** The host of a redirect that was not followed. */
  readonly elsewhere?: string;
}

/**
 * A name and password in the address go into a header. A redirect is followed on the same server
 * only: the play names no other.
 */
async function get(address: URL, signal: AbortSignal, send: SendHttp): Promise<Got> {
  const { username, password } = address;
  const given = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  const headers =
    given === ':' ? {} : { authorization: `Basic ${Buffer.from(given).toString('base64')}` };
  let url = new URL(address);
  for (let redirects = 0; ; redirects += 1) {
    url.username = '';
    url.password = '';
    const answer = await send(url, { signal, headers });
    const location = answer.status >= 300 && answer.status < 400 ? answer.location : undefined;
    if (location === undefined || redirects >= mostRedirects) return { answer };
    const next = new URL(location, url);
    const isSame =
      next.host === url.host && (next.protocol === url.protocol || next.protocol === 'https:');
    if (!isSame) return { answer, elsewhere: next.origin };
    answer.discard();
    url = next;
  }
}

/** The beginning of the body; `whole` is false where there is more, which is not awaited. */
async function bodyOf(
  { body }: HttpAnswer,
  limit: number,
): Promise<{ readonly text: string; readonly whole: boolean }> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of body) {
    chunks.push(chunk);
    size += chunk.length;
    if (size > limit) break;
  }
  return { text: Buffer.concat(chunks).subarray(0, limit).toString('utf8'), whole: size <= limit };
}

/** `{ url, status: 200, contains: "ok" }` */
async function readHttp(
  { args }: GateSpec,
  signal: AbortSignal,
  { send }: Means,
): Promise<GateReading> {
  const { answer, elsewhere } = await get(new URL(text(args.url, '')), signal, send);
  const body = await bodyOf(answer, pageLimit);
  const wanted =
    args.status === undefined
      ? answer.status >= 200 && answer.status < 300
      : String(answer.status) === text(args.status, '');
  const contains = text(args.contains, '');
  const holds = contains === '' || body.text.includes(contains);
  const where = body.whole ? '' : ` in its first ${pageLimit / 1024} KiB`;
  const moved =
    elsewhere === undefined ? '' : `, a redirect to ${elsewhere}, which is not followed`;
  const read = `status ${answer.status}${moved}${holds ? '' : `, without "${contains}"${where}`}`;
  return { open: wanted && holds, read };
}

/**
 * `{ url, query }`: open when the query returns nothing, or only zeros, as a query for problems does
 * (`ALERTS{alertstate="firing"}`). With `is: ">= 0.99"` there must be samples, and all must satisfy
 * it.
 */
async function readPrometheus(
  { args }: GateSpec,
  signal: AbortSignal,
  { send }: Means,
): Promise<GateReading> {
  const url = new URL(`${text(args.url, '').replace(/\/$/, '')}/api/v1/query`);
  url.searchParams.set('query', text(args.query, ''));
  const { answer: got, elsewhere } = await get(url, signal, send);
  if (elsewhere !== undefined)
    return {
      open: false,
      read: `status ${got.status}, a redirect to ${elsewhere}, which is not followed`,
    };
  const body = await bodyOf(got, samplesLimit);
  if (!body.whole)
    return { open: false, read: `the answer is longer than ${samplesLimit / 1024 / 1024} MiB` };
  const answer = parsed(body.text);
  if (answer === undefined)
    return {
      open: false,
      read: `status ${got.status}, which is no answer of Prometheus: ${body.text.slice(0, 100)}`,
    };
  const result =
    isMapping(answer) && answer.status === 'success' && isMapping(answer.data)
      ? answer.data.result
      : undefined;
  if (!Array.isArray(result))
    return { open: false, read: `no result: ${JSON.stringify(answer).slice(0, 200)}` };
  const samples = result.map(sampleOf);
  const rule = /^\s*(<=|>=|<|>|==|!=)\s*(-?[\d.]+)\s*$/.exec(text(args.is, ''));
  if (rule === null && args.is !== undefined)
    return {
      open: false,
      read: `\`is\` should be a comparison such as ">= 0.99", not ${JSON.stringify(args.is)}`,
    };
  const holds = (value: number): boolean =>
    // NaN (0/0 in a query) satisfies no comparison, not even `!=`.
    !Number.isNaN(value) &&
    (rule === null ? value === 0 : compare(value, rule[1] ?? '', Number(rule[2])));
  const failing = samples.filter((sample) => !holds(sample.value));
  if (failing.length > 0)
    return {
      open: false,
      read: failing
        .slice(0, 3)
        .map((sample) => `${sample.name} is ${sample.value}`)
        .join(', '),
    };
  if (rule !== null && samples.length === 0)
    return { open: false, read: 'the query gives no sample' };
  return {
    open: true,
    read: samples.length === 0 ? 'nothing matches' : `${samples.length} samples hold`,
  };
}

function parsed(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    return undefined;
  }
}

function sampleOf(sample: unknown): { readonly name: string; readonly value: number } {
  if (!isMapping(sample)) return { name: '?', value: Number.NaN };
  const value = Array.isArray(sample.value) ? Number(sample.value[1]) : Number.NaN;
  const metric = isMapping(sample.metric) ? sample.metric : {};
  return {
    name: text(metric.alertname, text(metric.instance, text(metric.__name__, 'value'))),
    value,
  };
}

function compare(a: number, operator: string, b: number): boolean {
  switch (operator) {
    case '<':
      return a < b;
    case '<=':
      return a <= b;
    case '>':
      return a > b;
    case '>=':
      return a >= b;
    case '==':
      return a === b;
    default:
      return a !== b;
  }
}

/** `{ command: "..." }`, run by sh on the machine that runs kmend: open when it exits with 0. */
function readCommand({ args }: GateSpec, signal: AbortSignal): Promise<GateReading> {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', text(args.command, 'false')], {
      stdio: ['ignore', 'pipe', 'pipe'],
      signal,
    });
    let output = '';
    const keep = (chunk: Buffer): void => {
      output = (output + chunk.toString('utf8')).slice(-400);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', reject);
    child.once('close', (code) =>
      resolve({
        open: code === 0,
        read: `exit ${code}${output.trim() === '' ? '' : `: ${output.trim().split('\n').at(-1)}`}`,
      }),
    );
  });
}

/**
 * `{ not_ready: 0, min_ready: 40, pending_pods: 0, deployments: all }`: every condition must hold,
 * and those that do not are reported. `deployments` (all, or a list of `namespace/name`) wants all
 * replicas ready.
 */
async function readKubernetes(
  { args }: GateSpec,
  signal: AbortSignal,
  { cluster }: Means,
): Promise<GateReading> {
  if (cluster === undefined)
    return { open: false, read: 'no cluster is configured (give --kubeconfig)' };
  const readings = await Promise.all([
    nodesHold(args, cluster, signal),
    typeof args.pending_pods === 'number' ? podsHold(args.pending_pods, cluster, signal) : [],
    args.deployments === undefined ? [] : deploymentsHold(args.deployments, cluster, signal),
  ]);
  const all = readings.flat();
  const closed = all.filter((reading) => !reading.open);
  return {
    open: closed.length === 0,
    read: (closed.length > 0 ? closed : all).map(({ read }) => read).join('; '),
  };
}

/** The first three names, for messages. */
const some = (names: readonly string[]): string =>
  names.length === 0
    ? ''
    : ` (${names.slice(0, 3).join(', ')}${names.length > 3 ? `, and ${names.length - 3} more` : ''})`;

async function nodesHold(
  args: GateSpec['args'],
  cluster: Cluster,
  signal: AbortSignal,
): Promise<readonly GateReading[]> {
  const nodes = await cluster.nodes(signal);
  if (!nodes.ok) return [{ open: false, read: causeText(nodes.failure) }];
  const down = nodes.value.filter((node) => !node.ready).map((node) => node.name);
  const allowed = typeof args.not_ready === 'number' ? args.not_ready : 0;
  const ready = nodes.value.length - down.length;
  const least = typeof args.min_ready === 'number' ? args.min_ready : 0;
  const few =
    ready < least
      ? [
          {
            open: false,
            read: `${plural(ready, 'node is', 'nodes are')} ready, ${least} are wanted`,
          },
        ]
      : [];
  return [
    {
      open: down.length <= allowed,
      read: `${down.length} of ${plural(nodes.value.length, 'node')} not ready${some(down)}`,
    },
    ...few,
  ];
}

async function podsHold(
  allowed: number,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<readonly GateReading[]> {
  const pods = await cluster.pendingPods(signal);
  if (!pods.ok) return [{ open: false, read: causeText(pods.failure) }];
  return [
    {
      open: pods.value.length <= allowed,
      read: `pods pending: ${pods.value.length}${some(pods.value)}`,
    },
  ];
}

async function deploymentsHold(
  wanted: Value,
  cluster: Cluster,
  signal: AbortSignal,
): Promise<readonly GateReading[]> {
  const read = await cluster.deployments(signal);
  if (!read.ok) return [{ open: false, read: causeText(read.failure) }];
  const names = isList(wanted) ? wanted.map(String) : read.value.map(({ name }) => name);
  const short = names.flatMap((name) => {
    const found = read.value.find((one) => one.name === name);
    if (found === undefined) return [`${name} does not exist`];
    return found.available < found.wanted
      ? [`${name} has ${found.available} of ${found.wanted}`]
      : [];
  });
  return [
    {
      open: short.length === 0,
      read: `deployments short of replicas: ${short.length} of ${names.length}${some(short)}`,
    },
  ];
}
