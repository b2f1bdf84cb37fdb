// The process that holds a lock, and what proves that it is dead: its kernel, its process where it
// can be seen, its socket, its pod. Time proves nothing.

import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import type { PodHolder } from '../../../engine/ports/store.ts';
import { present } from '../../../model/present.ts';
import { number, object, type Shape, text } from '../../../model/shape/shape.ts';

export interface Holder {
  /** The host name, for messages. It proves nothing: containers of several machines may share one. */
  readonly machine: string;
  readonly boot: string;
  readonly pid: number;
  /** Start time in clock ticks after boot, since the pid may belong to another process by now. */
  readonly started: string;
  /**
   * The namespaces in which pid and start time name that process. Absent in claims of older
   * versions: then both prove nothing.
   */
  readonly namespaces?: string;
  /** Absent in a container, since images carry a machine id too. */
  readonly machineId?: string;
  /** Inode of the socket beside the claim. The process listens on it for as long as it lives. */
  readonly socket?: number;
  readonly pod?: PodHolder;
}

export const holderShape: Shape = object(
  { machine: text, boot: text, pid: number, started: text },
  {
    namespaces: text,
    machineId: text,
    socket: number,
    pod: object(
      { namespace: text, name: text, uid: text },
      { node: object({ name: text }, { booted: object({ boot: text, machine: text }) }) },
    ),
  },
);

/** What this process can find out about a holder. */
export interface Witnesses {
  /** Start time of a process; undefined where this process sees none with that pid. */
  readonly startOf: (pid: number) => string | undefined;
  /** Whether a process listens on its socket; undefined = unknown from here. */
  readonly listens: (inode: number) => Promise<boolean | undefined>;
  /** Why a pod is not proven dead; undefined = it is dead. */
  readonly podDoubt: (pod: PodHolder) => Promise<string | undefined>;
}

/** Why this holder is not proven dead, from the view of `me`; undefined = it is dead. */
export async function doubtOf(
  holder: Holder,
  me: Holder,
  ask: Witnesses,
): Promise<string | undefined> {
  const onThisKernel = me.boot !== '' && holder.boot === me.boot;
  const isVisible =
    onThisKernel && me.namespaces !== undefined && holder.namespaces === me.namespaces;
  if (isVisible && ask.startOf(holder.pid) === holder.started) return 'it runs';
  if (onThisKernel && holder.socket !== undefined) {
    const listens = await ask.listens(holder.socket);
    if (listens !== undefined)
      return listens ? 'it runs, in another container of this machine' : undefined;
  }
  if (isVisible || hasBootedSince(holder, me)) return undefined;
  if (holder.pod !== undefined) return ask.podDoubt(holder.pod);
  if (onThisKernel)
    return 'it is in another container (PID namespace) of this machine, or of an older version';
  return holder.machine === me.machine
    ? 'whether this is the machine on which it ran is not known'
    : 'it is on another machine';
}

const hasBootedSince = (holder: Holder, me: Holder): boolean =>
  holder.machineId !== undefined &&
  holder.machineId === me.machineId &&
  holder.machine === me.machine &&
  me.boot !== '' &&
  holder.boot !== me.boot;

export const holderText = ({ pid, machine, pod }: Holder): string =>
  pod === undefined
    ? `process ${pid} on ${machine}`
    : `process ${pid} in pod ${pod.namespace}/${pod.name}${pod.node === undefined ? '' : ` on node ${pod.node.name}`}`;

/** The same for a process without a lock (`kmend drain`), by what its mark on the node says. */
export async function judgeHolder(
  data: unknown,
): Promise<{ readonly name: string; readonly doubt?: string }> {
  if (!isHolder(data))
    return { name: 'its process', doubt: 'what it wrote of itself cannot be read' };
  const podDoubt = async (): Promise<string> => 'it ran in a pod';
  const doubt = await doubtOf(data, ownHolder(), {
    startOf,
    listens: async () => undefined,
    podDoubt,
  });
  return { name: holderText(data), ...present({ doubt }) };
}

const isHolder = (data: unknown): data is Holder => holderShape(data, 'holder') === undefined;

/** The initial namespaces of a machine. Their numbers are built into the kernel. */
const initial = { pid: 'pid:[4026531836]', uts: 'uts:[4026531838]' };

/** This process, as it writes itself down for others. */
export function ownHolder(): Holder {
  const { pid } = process;
  const own = processAt('self');
  // In a PID namespace without its own /proc, /proc shows the processes of another namespace.
  const namespaces = own?.pid === pid ? [namespace('pid'), namespace('time')].join(' ').trim() : '';
  const machineId =
    namespace('pid') === initial.pid && namespace('uts') === initial.uts
      ? readOr('/etc/machine-id')
      : '';
  return {
    machine: hostname(),
    boot: readOr('/proc/sys/kernel/random/boot_id'),
    pid,
    started: own?.started ?? '',
    ...(namespaces === '' ? {} : { namespaces }),
    ...(machineId === '' ? {} : { machineId }),
  };
}

/** Start time of a process; undefined where there is none. A zombie counts as dead. */
export function startOf(pid: number): string | undefined {
  const found = processAt(String(pid));
  return found === undefined || found.state === 'Z' ? undefined : found.started;
}

/** Fields 1, 3 and 22 of /proc/PID/stat; the name in field 2 may hold spaces. */
function processAt(
  name: string,
): { readonly pid: number; readonly state: string; readonly started: string } | undefined {
  const stat = readOr(`/proc/${name}/stat`);
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const [state, started] = [fields[0], fields[19]];
  return state === undefined || started === undefined
    ? undefined
    : { pid: Number.parseInt(stat, 10), state, started };
}

function namespace(kind: string): string {
  try {
    return readlinkSync(`/proc/self/ns/${kind}`);
  } catch {
    return '';
  }
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
