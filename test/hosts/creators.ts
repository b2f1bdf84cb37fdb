// Ways to start containers through real programs, each with the group that it makes: shared by the
// lab of this machine and the virtual machine.
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import { creatorOf } from '../../src/facts/kmem/creators.ts';

/** The functions that the steps are run with. */
export const functions = readFileSync(
  join(dirname(dirname(fileURLToPath(import.meta.url))), 'lab/creators.sh'),
  'utf8',
);

export interface Way {
  readonly title: string;
  /**
   * The shell command that starts a container of `/bin/sleep N`, limited to 64 MiB; it may call the
   * functions of creators.sh.
   */
  readonly start: (n: number) => string;
  /** The group below the hierarchy's root, HEX for 64 hexadecimal digits. */
  readonly group: string;
  /** Key of its row in the table of creators. */
  readonly row: string;
  /** conmon's group and row, where one watches the container. */
  readonly conmon?: readonly [group: string, row: string];
}

/** A container as a report has it. */
export interface Found {
  readonly group: string;
  readonly limit: string;
  readonly conmon: string;
}

/**
 * A hierarchy as /proc/PID/cgroup names it, where it is mounted, and a file of it that holds a
 * limit.
 */
export type Hierarchy = readonly [controller: string, folder: string, limit: string];

/** N of the sandbox image's command; the ways follow. */
const sandbox = 70_000;

/** Steps that start a container in each way, and then report them. */
export const steps = (ways: readonly Way[], hierarchy: Hierarchy): string =>
  [
    ...ways.map(({ start }, at) => `way ${sandbox + 1 + at} ${quote(start(sandbox + 1 + at))}`),
    `report ${hierarchy.map(quote).join(' ')}`,
    '',
  ].join('\n');

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** The report's lines, a list for each way; the sandboxes come first. */
export function read(report: string, count: number): readonly (readonly Found[])[] {
  const rows = report.split('\n').map((line) => line.split('\t'));
  return Array.from({ length: count + 1 }, (_, at) => {
    const own = rows.filter(([n]) => n === String(sandbox + at));
    const conmon = own.find(([, whose]) => whose === 'conmon')?.[2] ?? '';
    return own
      .filter(([, whose]) => whose !== 'conmon')
      .map(([, whose, group = '', limit = '']) => ({
        group: whose === 'own' ? group : `failed: ${group}`,
        limit,
        conmon,
      }));
  });
}

/** The path with HEX and N for what differs from run to run. */
export const shapeOf = (path: string): string =>
  path.replace(/[0-9a-f]{64}/g, 'HEX').replace(/session-\d+/, 'session-N');

/**
 * One container, in the group that its way makes, with the row of the table that is meant for it;
 * the table says that this was measured.
 */
export function expectCreator(
  { group, row, conmon: [watcher, watchers] = ['', ''] }: Way,
  found: readonly Found[] = [],
  limit = '',
): void {
  const shapes = found.map((one) => [
    shapeOf(one.group),
    limit === '' ? '' : one.limit,
    shapeOf(one.conmon),
  ]);
  expect(shapes).toEqual([[group, limit, watcher]]);
  const rows = found.map((one) => [creatorOf(one.group), creatorOf(one.conmon)] as const);
  expect(
    rows.map(([own, conmon]) => [own.key, own.basis, watcher === '' ? '' : conmon.key]),
  ).toEqual([[row, 'measured', watchers]]);
}

const memory = 64 * 1024 * 1024;

/**
 * What a way needs to know of the machine; `limited` is false where the kernel has no memory
 * controller to limit with.
 */
export interface Programs {
  readonly docker: string;
  readonly podman: string;
  readonly limited: boolean;
}

export const dockerRun =
  ({ docker, limited }: Programs, more = ''): Way['start'] =>
  (n) =>
    `${docker} run -d --network none ${limited ? `--memory ${memory}` : ''} ${more} box /bin/sleep ${n}`;

export const podmanRun =
  ({ podman, limited }: Programs, options = '', more = ''): Way['start'] =>
  (n) =>
    `${podman} ${options} run -d --network none ${limited ? `--memory ${memory}` : ''} ${more} box /bin/sleep ${n}`;

/** In containerd's namespace `default`, under an id like those of docker. */
export const ctrRun: Way['start'] = (n) =>
  `ctr -a "$CONTAINERD" run -d --snapshotter native --memory-limit ${memory} ${image} ${String(n).padStart(64, 'c')} /bin/sleep ${n}`;

/** A pod of one container through containerd's CRI plugin, as a kubelet asks for it. */
export const podRun =
  ({ limited }: Programs, parent: string, handler = ''): Way['start'] =>
  (n) => {
    // Field numbers of runtime.v1 (k8s.io/cri-api). Namespace mode 2 is the node's network: it
    // needs no CNI plugin.
    const uid = randomUUID();
    const config = {
      1: { 1: `pod-${n}`, 2: uid, 3: 'default' },
      8: { 1: parent, 2: { 1: { 1: 2 } } },
    };
    const resources = limited ? { 15: { 1: { 4: memory } } } : {};
    const container = {
      1: { 1: 'one' },
      2: { 1: image },
      3: ['/bin/sleep', String(n)],
      ...resources,
    };
    return [
      `pod=$(echo ${request({ 1: config, 2: handler })} | cri RunPodSandbox)`,
      `container=$(echo ${request({ 1: id, 2: container, 3: config })} | cri CreateContainer "$pod")`,
      `echo ${request({ 1: id })} | cri StartContainer "$container"`,
    ].join(' && ');
  };

const image = 'docker.io/library/box:latest';

/** Stands for an id of the same length, which only the shell knows. */
const id = '0'.repeat(64);

/** Values by field number. */
interface Message {
  readonly [field: number]: Value | readonly Value[];
}
type Value = string | number | Message;

/** A gRPC request (not compressed, its length in four bytes, a protobuf message) in base64. */
function request(message: Message): string {
  const body = encode(message);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(body.length, 1);
  return Buffer.concat([head, body]).toString('base64');
}

const encode = (message: Message): Buffer =>
  Buffer.concat(
    Object.entries(message).flatMap(([field, value]) =>
      [value].flat().map((one) => encodeField(Number(field), one)),
    ),
  );

function encodeField(field: number, value: Value): Buffer {
  if (typeof value === 'number') return Buffer.from([...varint(field * 8), ...varint(value)]);
  const bytes = typeof value === 'string' ? Buffer.from(value) : encode(value);
  return Buffer.from([...varint(field * 8 + 2), ...varint(bytes.length), ...bytes]);
}

const varint = (value: number): readonly number[] =>
  value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
