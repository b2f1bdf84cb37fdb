// Which files may instruct kmend: only those that no untrusted user could write or replace.
import { spawnSync } from 'node:child_process';
import {
  accessSync,
  constants,
  existsSync,
  lstatSync,
  readFileSync,
  readlinkSync,
  type Stats,
  statSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { loginName } from './operator.ts';
import { leavesProject } from './project-links.ts';

/** Why a path is not trusted, as the end of a sentence; undefined = it is, or it does not exist. */
export type Judge = (path: string) => string | undefined;

export interface Trust {
  readonly judge: Judge;
  /** The same for a file below `directory` that the operator did not name. */
  readonly judgeFound: (path: string, directory: string) => string | undefined;
  /** Everybody may write a directory: Ansible takes no ansible.cfg from it. */
  readonly isOpenToAll: (directory: string) => boolean;
  /** Trusts all files from now on, as the operator asked for this command. */
  readonly trustAll: () => void;
}

export interface Identity {
  /** Trusted users: this user, root, the caller of sudo, and the owner of the program. */
  readonly owners: ReadonlySet<number>;
  /** The group has no other members than these users. */
  readonly isPrivateGroup: (gid: number) => boolean;
}

/** @param program path of the program that runs; its owner is trusted */
export function trustOf(env: Readonly<Record<string, string | undefined>>, program: string): Trust {
  let all = /^(?:true|yes|on|1)$/i.test(env.KMEND_TRUST_FILES ?? '');
  const identity = identityOf(env, program);
  return {
    judge: (path) => (all ? undefined : judgePath(path, identity)),
    judgeFound: (path, directory) =>
      all ? undefined : (judgePath(path, identity) ?? leavesProject(path, directory)),
    isOpenToAll: (directory) =>
      !all && ((entryAt(directory)?.mode ?? 0) & 0o002) !== 0 && !isReadOnly(directory),
    trustAll: () => {
      all = true;
    },
  };
}

function identityOf(env: Readonly<Record<string, string | undefined>>, program: string): Identity {
  const self = process.geteuid?.() ?? 0;
  const sudo = self === 0 ? Number(env.SUDO_UID ?? Number.NaN) : Number.NaN;
  const owners = new Set(
    [self, 0, sudo, ownerOf(program)].filter((uid): uid is number => Number.isInteger(uid)),
  );
  return { owners, isPrivateGroup: (gid) => isPrivate(gid, owners) };
}

function ownerOf(path: string): number | undefined {
  try {
    return statSync(path).uid;
  } catch {
    return undefined;
  }
}

/**
 * Every directory, link and file on the path must belong to a trusted user, and no other user may
 * write to it. So nothing can change between check and use. A sticky directory (/tmp) may be a
 * parent, but not the directory of the file itself.
 */
export function judgePath(path: string, identity: Identity): string | undefined {
  let sticky: string | undefined;
  for (const { at, stat } of entriesOn(path)) {
    if (sticky !== undefined && !isDirectory(at)) return sticky;
    if (!identity.owners.has(stat.uid)) return `${at} belongs to ${userText(stat.uid)}`;
    const open = writersText(at, stat, identity);
    if (open !== undefined && (stat.mode & 0o1000) === 0) return open;
    sticky = open;
  }
  return sticky !== undefined && existsSync(path) ? sticky : undefined;
}

interface Entry {
  readonly at: string;
  readonly stat: Stats;
}

/** Links that are followed in one path, as in the kernel. */
const mostLinks = 40;

/**
 * The entries that the kernel visits on a path, a link before its target. Ends where an entry is
 * missing or cannot be read.
 */
function* entriesOn(path: string): Generator<Entry> {
  const left = partsOf(path.startsWith('/') ? path : `${process.cwd()}/${path}`);
  let at = '/';
  let links = 0;
  yield { at, stat: lstatSync(at) };
  for (let name = left.shift(); name !== undefined && links <= mostLinks; name = left.shift()) {
    const next = name === '..' ? dirname(at) : join(at, name);
    const stat = entryAt(next);
    if (stat === undefined) return;
    yield { at: next, stat };
    if (!stat.isSymbolicLink()) {
      at = next;
      continue;
    }
    links += 1;
    const target = readlinkSync(next);
    left.unshift(...partsOf(target));
    if (target.startsWith('/')) at = '/';
  }
}

const partsOf = (path: string): string[] =>
  path.split('/').filter((part) => part !== '' && part !== '.');

function entryAt(path: string): Stats | undefined {
  try {
    return lstatSync(path);
  } catch {
    return undefined;
  }
}

const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

function writersText(path: string, stat: Stats, identity: Identity): string | undefined {
  if (stat.isSymbolicLink()) return undefined;
  const { mode, gid } = stat;
  const everyone = (mode & 0o002) !== 0;
  if (!everyone && ((mode & 0o020) === 0 || identity.isPrivateGroup(gid))) return undefined;
  if (isReadOnly(path)) return undefined;
  return everyone
    ? `everybody may write ${path}`
    : `the group ${groupText(gid)}, which has other members, may write ${path}`;
}

/** Entries of a ConfigMap volume have mode 0777, but the volume is mounted read-only. */
function isReadOnly(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return false;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EROFS';
  }
}

const linesOf = (path: string): readonly (readonly string[])[] => {
  try {
    return readFileSync(path, 'utf8')
      .split('\n')
      .map((line) => line.split(':'));
  } catch {
    return [];
  }
};

const userText = (uid: number): string => {
  const name = linesOf('/etc/passwd').find((fields) => fields[2] === String(uid))?.[0];
  return name === undefined ? `user ${uid}` : `user ${uid} (${name})`;
};

/** The entry of a group in /etc/group, or of a directory service (LDAP) by getent. */
function groupLine(gid: number): readonly string[] | undefined {
  const local = linesOf('/etc/group').find((fields) => fields[2] === String(gid));
  if (local !== undefined) return local;
  const asked = spawnSync('getent', ['group', String(gid)], {
    encoding: 'utf8',
    timeout: 2_000,
    killSignal: 'SIGKILL',
  });
  return asked.status === 0 ? asked.stdout.trim().split(':') : undefined;
}

const groupText = (gid: number): string => groupLine(gid)?.[0] ?? String(gid);

/**
 * All members are trusted. A group without a name has none, since only this container has it.
 * Primary members of root's group do not count: on el7 system users share it.
 */
function isPrivate(gid: number, owners: ReadonlySet<number>): boolean {
  const users = linesOf('/etc/passwd');
  const trusted = new Set([
    loginName(),
    ...users.filter((fields) => owners.has(Number(fields[2]))).map(([name]) => name),
  ]);
  const listed = (groupLine(gid)?.[3] ?? '').split(',').filter((name) => name !== '');
  const primary =
    gid === 0 ? [] : users.filter((fields) => fields[3] === String(gid)).map(([name]) => name);
  return [...listed, ...primary].every((name) => trusted.has(name));
}
