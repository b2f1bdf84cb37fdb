// What a practice host is made from, and the faults that can be set on it while it runs.

/** el7 = CentOS 7 with yum, rpm and grub2; debian = Debian 12 with apt, dpkg and grub. */
export type Flavour = 'el7' | 'debian';

export interface HostSpec {
  readonly name: string;
  readonly flavour: Flavour;
  /** Release that runs and boots by default: `3.10.0-862.el7.x86_64`, `6.1.0-28-amd64`. */
  readonly kernel: string;
  /** Boot arguments beside the usual ones. */
  readonly args?: readonly string[];
  /**
   * Installed packages, as the repository names them: `docker-ce-3:18.09.9-3.el7`,
   * `docker-ce=5:24.0.7-1~debian.12~bookworm`.
   */
  readonly packages: readonly string[];
  /**
   * The System.map of its el7 kernels between 514 and 1062 is a stub, and they obey or ignore
   * `nokmem`. Absent: they ignore it, as their map shows.
   */
  readonly unread?: 'obeys' | 'ignores';
  /**
   * Progress of the leak: the number of removed groups that still hold ids. The kernel log shows
   * the bug.
   */
  readonly deadGroups?: number;
  /** Package names held back: by versionlock on el7, by `apt-mark hold` on debian. */
  readonly held?: readonly string[];
  /** It has ELRepo's repository of kernels in its configuration. */
  readonly elrepo?: 'enabled' | 'disabled';
  /** Nothing listens on its port. */
  readonly closed?: boolean;
  /** The login user; default root. Another user needs sudo for what only root may do. */
  readonly user?: string;
  /** Group in the inventory. */
  readonly group?: string;
  /** Variables in the inventory. */
  readonly vars?: Readonly<Record<string, string | number | boolean>>;
  readonly faults?: Partial<Faults>;
}

/** Faults, all off by default. Times in seconds. */
export interface Faults {
  /** How long the port refuses connections after a reboot; default is the fleet's. */
  readonly down: number;
  /** Stays down after its next reboot, until `power`. */
  readonly never: boolean;
  /** Reboots again by itself, so many times, so long after each boot. */
  readonly loop: { readonly times: number; readonly seconds: number };
  /** `reboot` succeeds and does nothing. */
  readonly noreboot: boolean;
  /** Ignores its boot loader's file and boots what ran before. */
  readonly oldboot: boolean;
  /**
   * A kernel of this release panics at boot: the host boots again where its arguments have
   * `panic=N`, else it hangs.
   */
  readonly panics: string;
  /** Has another host key from its next boot on. */
  readonly newkey: boolean;
  /** Each login is served so much later. */
  readonly slow: number;
  /** TCP connects, and the host sends nothing (it is frozen). */
  readonly mute: boolean;
  /** Endless text instead of the SSH identification. */
  readonly banner: boolean;
  /** Printed before the output of every command, as a chatty login script does. */
  readonly noise: string;
  /** Cuts the connection so long after a command has started; `times` commands, then no more. */
  readonly drop: { readonly seconds: number; readonly times: number };
  /** Only so many bytes of a command's stdout arrive. */
  readonly cut: number;
  /** No space is left: mkdir, packages and boot loader files fail, df says 0. */
  readonly full: boolean;
  /** There is no sh. */
  readonly nosh: boolean;
  /**
   * What sudo does: default `nopasswd`. `tty` requires a terminal, `deny` refuses the user; any
   * other text is the password that it asks for.
   */
  readonly sudo: string;
  /** The clock is wrong by so many seconds. */
  readonly clock: number;
  /** Another package transaction runs. */
  readonly lock: boolean;
  /** A package transaction takes so long. */
  readonly slowyum: number;
  /** Packages of the repositories can be listed and not downloaded. */
  readonly nodownload: boolean;
  /** Packages whose post-install script fails. */
  readonly badpost: readonly string[];
  /** The key is not accepted. */
  readonly auth: boolean;
  /** dockerd does not start. */
  readonly nodocker: boolean;
}

export type FaultName = keyof Faults;
