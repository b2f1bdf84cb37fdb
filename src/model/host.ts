// The inventory: hosts, groups, variables; and the connection data that are made of them.
import type { Place } from './diagnostic.ts';
import type { Mapping } from './value.ts';

export interface Host {
  readonly name: string;
  /**
   * Groups it is in, itself or through children, without `all`; in the order in which they were
   * declared.
   */
  readonly groups: readonly string[];
  /** Variables after inventory precedence, not yet rendered (`{{ }}` stays). */
  readonly vars: Mapping;
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
   * Host names in the order in which the files name them first: the order of what a glob finds.
   * Absent = as `hosts`.
   */
  readonly declared?: readonly string[];
  /** All groups, with `all` and `ungrouped`. */
  readonly groups: ReadonlyMap<string, Group>;
  /** Files that it was read from, for the digest of a saved plan. */
  readonly files: readonly string[];
  /** Programs that would have named more hosts, and that were not run. */
  readonly notRun?: readonly string[];
}

/**
 * A word that must never be printed, logged or saved. Wrapped so that JSON and templates show
 * `***`.
 */
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
}

/**
 * Everything a transport needs to reach one host. What is absent may be filled in by
 * `~/.ssh/config`, then by defaults.
 */
export interface Target {
  /** The inventory name, for messages and as the alias looked up in `~/.ssh/config`. */
  readonly name: string;
  readonly address?: string;
  readonly port?: number;
  readonly user?: string;
  readonly password?: Secret;
  readonly privateKeyFiles?: readonly string[];
  /**
   * `user@host:port,host2` as ssh -J takes it; empty string = none even if the configuration names
   * one.
   */
  readonly jump?: string;
  readonly hostKeyChecking: HostKeyChecking;
  readonly knownHostsFiles?: readonly string[];
  /** Also offer sha1 key exchange and ssh-rsa signatures, for servers that know nothing else. */
  readonly legacyCrypto: boolean;
  /** Seconds until the banner; until login is done it may take three times that. */
  readonly connectTimeout: number;
  /** Which of these are mere defaults that nobody asked for: `~/.ssh/config` may say otherwise. */
  readonly defaulted?: readonly ('hostKeyChecking' | 'connectTimeout')[];
  readonly become?: Become;
}
