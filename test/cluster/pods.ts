// Pods without a kubelet: containers of runc with the volumes, the environment and the security
// context that a kubelet makes of a manifest. They share the network of this machine.
import { spawn, spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Image } from './image.ts';

/** An object of a manifest, as YAML has it. */
// biome-ignore lint/suspicious/noExplicitAny: objects of Kubernetes have many shapes
export type KubeObject = any;

export interface PodOptions {
  readonly image: Image;
  readonly name: string;
  /** The spec of a pod, of a pod template. Its first container is run. */
  readonly spec: KubeObject;
  /** ConfigMaps and Secrets that it names. */
  readonly objects?: readonly KubeObject[];
  /** Folders of its PersistentVolumeClaims, by name. */
  readonly claims?: Readonly<Record<string, string>>;
  /** More variables, such as those of the API server. */
  readonly env?: Readonly<Record<string, string>>;
  /** Replaces the arguments of the manifest. */
  readonly args?: readonly string[];
  /** Folder of the service account. */
  readonly account?: string;
  readonly uid?: string;
  readonly node?: string;
}

export interface Pod {
  readonly out: () => string;
  readonly err: () => string;
  readonly ended: Promise<number>;
  /** To the first process of the container, as a runtime does. */
  readonly signal: (name: 'TERM' | 'KILL' | 'STOP' | 'CONT') => void;
  /**
   * Runs another program in it, as `kubectl exec` and probes do, for half a minute at most (143).
   * The fleet and the cluster that it may ask live in this process, which goes on meanwhile.
   */
  readonly exec: (
    argv: readonly string[],
  ) => Promise<{ readonly code: number; readonly out: string }>;
  /** Kills what is left of it, and removes its folder. */
  readonly close: () => void;
}

interface Mount {
  readonly destination: string;
  readonly source: string;
  readonly type?: string;
  readonly options: readonly string[];
}

let counter = 0;

export function startPod(options: PodOptions): Pod {
  const dir = mkdtempSync(join(tmpdir(), 'kmend-pod-'));
  counter += 1;
  const id = `kmend-${process.pid}-${counter}`;
  const runc = ['--root', join(dir, 'runc')];
  writeFileSync(join(dir, 'config.json'), JSON.stringify(runtimeConfig(options, dir)));
  const { output, ended } = startRunc([...runc, 'run', '--bundle', dir, id]);
  return {
    out: () => output.out,
    err: () => output.err,
    ended,
    signal: (name) => void spawnSync('runc', [...runc, 'kill', id, name]),
    exec: async (argv) => {
      const { output: said, ended: end } = startRunc([...runc, 'exec', id, ...argv], 30_000);
      return { code: await end, out: said.out + said.err };
    },
    close: () => {
      spawnSync('runc', [...runc, 'delete', '--force', id]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

/** Starts a program that is sent SIGTERM after `timeout` milliseconds. */
function startRunc(argv: readonly string[], timeout?: number) {
  const child = spawn('runc', argv, { stdio: ['ignore', 'pipe', 'pipe'], timeout });
  const output = { out: '', err: '' };
  for (const stream of ['out', 'err'] as const)
    child[`std${stream}`].setEncoding('utf8').on('data', (text: string) => {
      output[stream] += text;
    });
  const ended = new Promise<number>((resolve) =>
    child.on('close', (code, signal) => resolve(code ?? (signal === 'SIGKILL' ? 137 : 143))),
  );
  return { output, ended };
}

/** The `config.json` of the OCI runtime specification. */
function runtimeConfig(options: PodOptions, dir: string): object {
  const { image, name, spec } = options;
  const [container] = spec.containers;
  const security = { ...spec.securityContext, ...container.securityContext };
  const uid = security.runAsUser ?? Number(image.config.User.split(':')[0]);
  const gid = security.runAsGroup ?? (security.runAsUser === undefined ? uid : 0);
  const env = environment(options);
  const argv = [
    ...(container.command ?? image.config.Entrypoint),
    ...(options.args ?? container.args ?? []),
  ].map((word: string) => word.replace(/\$\((\w+)\)/g, (all, key) => env.get(key) ?? all));
  const none = { bounding: [], effective: [], inheritable: [], permitted: [], ambient: [] };
  return {
    ociVersion: '1.0.2',
    process: {
      user: { uid, gid, additionalGids: security.fsGroup === undefined ? [] : [security.fsGroup] },
      args: argv,
      env: [...env].map(([key, value]) => `${key}=${value}`),
      cwd: container.workingDir ?? image.config.WorkingDir,
      capabilities: none,
      noNewPrivileges: security.allowPrivilegeEscalation === false,
    },
    root: { path: image.rootfs, readonly: security.readOnlyRootFilesystem === true },
    hostname: name,
    mounts: [...systemMounts(dir, name), ...volumeMounts(options, dir)],
    linux: { namespaces: ['pid', 'ipc', 'uts', 'mount'].map((type) => ({ type })) },
  };
}

function environment({ image, name, spec, objects = [], ...more }: PodOptions) {
  const fields: Readonly<Record<string, string>> = {
    'metadata.name': name,
    'metadata.namespace': 'kmend',
    'metadata.uid': more.uid ?? name,
    'spec.nodeName': more.node ?? 'n1',
  };
  const env = new Map(
    image.config.Env.map((row): [string, string] => {
      const at = row.indexOf('=');
      return [row.slice(0, at), row.slice(at + 1)];
    }),
  );
  for (const one of spec.containers[0].env ?? []) {
    const { fieldRef, secretKeyRef, configMapKeyRef } = one.valueFrom ?? {};
    const key = secretKeyRef ?? configMapKeyRef;
    const value =
      fieldRef === undefined
        ? key === undefined
          ? one.value
          : dataOf(key.name, objects)[key.key]
        : fields[fieldRef.fieldPath];
    if (value === undefined && key?.optional === true) continue;
    if (value === undefined) throw new Error(`the pod has no value for ${one.name}`);
    env.set(one.name, value);
  }
  for (const [key, value] of Object.entries(more.env ?? {})) env.set(key, value);
  return env;
}

function dataOf(name: string, objects: readonly KubeObject[]): Readonly<Record<string, string>> {
  const found = objects.find(({ metadata }) => metadata.name === name);
  if (found === undefined) throw new Error(`there is no object ${name}`);
  return { ...found.data, ...found.stringData };
}

const systemMounts = (dir: string, name: string): readonly Mount[] => {
  writeFileSync(join(dir, 'hosts'), `127.0.0.1 localhost ${name}\n`);
  chmodSync(join(dir, 'hosts'), 0o644);
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: [] },
    { destination: '/dev', type: 'tmpfs', source: 'tmpfs', options: ['nosuid', 'mode=755'] },
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'nodev', 'mode=1777'],
    },
    { destination: '/sys', type: 'sysfs', source: 'sysfs', options: ['nosuid', 'ro'] },
    { destination: '/etc/hosts', source: join(dir, 'hosts'), options: ['bind', 'ro'] },
  ];
};

function volumeMounts(options: PodOptions, dir: string): readonly Mount[] {
  const { spec, account } = options;
  const folders = new Map<string, string>(
    (spec.volumes ?? []).map((volume: KubeObject) => [
      volume.name,
      volumeFolder(volume, options, dir),
    ]),
  );
  const mounts = (spec.containers[0].volumeMounts ?? []).map(
    ({ name, mountPath, readOnly }: KubeObject): Mount => ({
      destination: mountPath,
      source: folders.get(name) ?? name,
      options: ['bind', readOnly === true ? 'ro' : 'rw'],
    }),
  );
  if (account === undefined) return mounts;
  const destination = '/var/run/secrets/kubernetes.io/serviceaccount';
  return [...mounts, { destination, source: account, options: ['bind', 'ro'] }];
}

/** A folder as the kubelet lays it: what is written into it has the group `fsGroup`. */
function volumeFolder(
  { name, configMap, secret, persistentVolumeClaim, emptyDir }: KubeObject,
  { spec, objects = [], claims = {} }: PodOptions,
  dir: string,
): string {
  const group = spec.securityContext?.fsGroup ?? 0;
  const path =
    persistentVolumeClaim === undefined
      ? join(dir, 'volumes', name)
      : (claims[persistentVolumeClaim.claimName] ?? '');
  mkdirSync(path, { recursive: true });
  chownSync(path, 0, group);
  if (persistentVolumeClaim !== undefined || emptyDir !== undefined) {
    chmodSync(path, 0o2777);
    return path;
  }
  const object = configMap?.name ?? secret.secretName;
  const mode = configMap?.defaultMode ?? secret?.defaultMode ?? 0o644;
  // Files are links into a folder that is replaced as a whole.
  mkdirSync(join(path, '..2026'));
  chmodSync(join(path, '..2026'), 0o2755);
  symlinkSync('..2026', join(path, '..data'));
  for (const [file, text] of Object.entries(dataOf(object, objects))) {
    writeFileSync(join(path, '..2026', file), text);
    chownSync(join(path, '..2026', file), 0, group);
    chmodSync(join(path, '..2026', file), mode);
    symlinkSync(`..data/${file}`, join(path, file));
  }
  chmodSync(path, 0o2777);
  return path;
}
