// The inventory: hosts, groups, variables, and the connection data that are made from them.
import type { Place } from './diagnostic.ts';
import type { Mapping, Sealed } from './value.ts';

/** Variables of a host from one place of the precedence. */
export interface VarsLayer {
  /** The encrypted file that they are in. */
  readonly file?: string;
  /** Opens the file on the first call. Throws where it cannot be opened. */
  readonly vars: () => Mapping;
}

export interface Host {
  readonly name: string;
  /**
   * Its groups, directly or through children, without `all`, in the order in which they were
   * declared.
   */
  readonly groups: readonly string[];
  /**
   * Variables after inventory precedence, not yet rendered (`{{ }}` stays); without those in files
   * that ansible-vault encrypted.
   */
  readonly vars: Mapping;
  /** All variables as layers, the strongest first, where some are in encrypted files. */
  readonly layers?: () => readonly VarsLayer[];
  readonly place?: Place;
}

export interface Group {
  readonly name: string;
  /** Direct members, in order of declaration. */
  readonly hosts: readonly string[];
  readonly children: readonly string[];
  /** The group's own variables. */
  readonly vars: Mapping;
  readonly place?: Place;
}

export interface Inventory {
  /**
   * All hosts, level by level as declared: the order of work when a play says `order: inventory`.
   */
  readonly hosts: ReadonlyMap<string, Host>;
  /**
   * Host names in the order in which the files first name them: the order of hosts that match a
   * glob. Absent = as `hosts`.
   */
  readonly declared?: readonly string[];
  /** All groups, with `all` and `ungrouped`. */
  readonly groups: ReadonlyMap<string, Group>;
  /** Files that it was read from, for the digest of a saved plan. */
  readonly files: readonly string[];
  /** Variables of inventories that were encrypted as a whole: secret, whatever their names. */
  readonly secretVars?: readonly Mapping[];
  /** Inventory programs that were not run and would have named more hosts. */
  readonly notRun?: readonly string[];
  /** Opens an encrypted value of a variable. Throws where it cannot be opened. */
  readonly open?: (sealed: Sealed) => string;
}

/** A text that must never be printed, logged or saved. JSON and templates show `***`. */
export interface Secret {
  readonly reveal: () => string;
  readonly toJSON: () => string;
  readonly toString: () => string;
}

export const secret = (text: string): Secret => ({
  reveal: () => text,
  toJSON: () => '***',
  toString: () => '***',
});

export type HostKeyChecking = 'yes' | 'accept-new' | 'no';

/** How to become another user after login. */
export interface Become {
  readonly method: 'sudo' | 'su' | 'doas';
  readonly user: string;
  readonly password?: Secret;
  /** A task of the play asks for it, and the play does not: other tasks run as the login user. */
  readonly byTask?: true;
  /** What variables of the inventory say: as in Ansible, they win over each task. */
  readonly fixed?: readonly ('become' | 'user')[];
}

/**
 * Everything that a transport needs to reach one host. Absent fields come from `~/.ssh/config`,
 * then from defaults.
 */
export interface Target {
  /** The name in the inventory, for messages and as the alias in `~/.ssh/config`. */
  readonly name: string;
  readonly address?: string;
  /** Where it stands: with a shared state, workers of this site work on it. */
  readonly site?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: Secret;
  readonly privateKeyFiles?: readonly string[];
  /**
   * `user@host:port,host2` as ssh -J takes it; empty string = none even if the configuration names
   * one. A `ProxyCommand` then still counts.
   */
  readonly jump?: string;
  /** As in ssh_config, with tokens. Empty string = none. Not together with a `jump`. */
  readonly proxyCommand?: string;
  /** Options as in ssh_config (`NAME=VALUE`): they come before all files. */
  readonly sshOptions?: readonly string[];
  /** `ssh -F`: this file in place of the usual ones. */
  readonly sshConfigFile?: string;
  /** Names of ssh options that kmend leaves out, where it would refuse the host. */
  readonly sshIgnore?: readonly string[];
  /** The program that logs in. Absent: kmend itself. */
  readonly transport?: 'openssh';
  readonly hostKeyChecking: HostKeyChecking;
  readonly knownHostsFiles?: readonly string[];
  /**
   * Also offer sha1 key exchange and ssh-rsa signatures, for servers that support nothing newer.
   */
  readonly legacyCrypto: boolean;
  /** Seconds until the banner; until login is done it may take three times that. */
  readonly connectTimeout: number;
  /** Fields that hold defaults: `~/.ssh/config` may override them. */
  readonly defaulted?: readonly ('hostKeyChecking' | 'connectTimeout')[];
  readonly become?: Become;
}
