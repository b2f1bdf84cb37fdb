// The types of facts that are more than a word or a number. They are object types, not interfaces,
// so that they are a `Value`.

export type Verdict = 'off' | 'on' | 'leaking' | 'at_risk' | 'not_applicable' | 'unknown';

/**
 * `default_kernel`: a healthy kernel runs and an affected one would boot next, so the running one
 * becomes the default again.
 */
export type Remedy =
  | 'none'
  | 'reboot'
  | 'default_kernel'
  | 'kernel_arg'
  | 'kernel_and_arg'
  | 'runtime'
  | 'unsupported'
  | 'unknown';

export type Cause =
  | 'kernel'
  | 'argument'
  | 'argument_lost'
  | 'runc'
  | 'kubelet'
  | 'explicit_limit'
  | 'old_groups'
  | 'unknown_creator';

/** What proves that accounting is off. */
export type ProofBy = 'samples' | 'active_probe' | 'none';

/**
 * For a play that accepts programs which still account. `samples`: everything else is proven.
 * `none`: nothing shows it yet. `refuted`: something that is not accepted accounts, or will. Empty:
 * nothing is accepted.
 */
export type Partial = '' | 'samples' | 'none' | 'refuted';

/**
 * A program that still asks for accounting after the remedy, in this version, and that the play
 * accepts (`partial: accept`).
 */
export type Accepted = {
  /** Its key in `kmem.parts`. */
  readonly key: string;
  /** With its version: "kubelet 1.12.3". */
  readonly name: string;
};

/** Does a program's version ask for accounting, does a kernel obey the argument? */
export type Answer = 'yes' | 'no' | 'unknown';

/** `custom`: a runtime beside runc in the configuration of docker or containerd. */
export type PartName = 'kubelet' | 'docker' | 'containerd' | 'cri-o' | 'podman' | 'custom';

/** A program that makes memory cgroups. */
export type PartRow = {
  readonly part: PartName;
  readonly key: string;
  readonly name: string;
  /** `never`: its cgroup driver does not ask, whatever its version. */
  readonly asks: Answer | 'never';
  readonly note?: string;
  readonly containers: number;
  readonly containers_off: number;
  readonly sample: 'off' | 'on' | '';
};

export type Generation =
  | 'el7'
  | 'uek'
  | 'older'
  | 'upstream-3'
  | '4.0-4.4'
  | '4.5-5.8'
  | '5.9+'
  | 'unknown';

/**
 * How it is known whether a kernel obeys the argument: by the table, an active probe of this host
 * or of another one in this run, a System.map, the operator (`declared`, `try`), or because every
 * program here that asks was refused (`groups`). Empty where it is unknown.
 */
export type KernelSource = 'table' | 'probe' | 'seen' | 'map' | 'declared' | 'try' | 'groups' | '';

export type OsFamily = 'rhel' | 'debian' | 'suse' | 'fedora' | 'coreos' | 'flatcar' | 'unknown';
export type Loader =
  | 'grub2'
  | 'bls'
  | 'grub-debian'
  | 'grub-suse'
  | 'rpm-ostree'
  | 'flatcar'
  | 'zipl'
  | 'unknown';
export type BootEntryRow = {
  readonly release: string;
  readonly cmdline: string;
  readonly title: string;
  readonly id: string;
};
export type GrubDropin = { readonly path: string; readonly text: string };

/** Where a cgroup controller is. */
export type Controller = 'v1' | 'v2' | 'absent';

/** A runtime beside runc; `says` is the first line of its `--version`. */
export type RuntimeRow = { readonly name: string; readonly path: string; readonly says: string };

/** What is at a path of a host; a link is followed. */
export type FileState = {
  /** `absent` also for a link to nothing. */
  readonly kind: 'absent' | 'file' | 'directory' | 'other';
  /** Four octal digits; this and the following are empty, or 0, where nothing is there. */
  readonly mode: string;
  /** Names; the number where there is no name. */
  readonly owner: string;
  readonly group: string;
  readonly uid: number;
  readonly gid: number;
  /** Bytes. */
  readonly size: number;
  /** Of the content of a file of at most 64 MiB; otherwise empty. */
  readonly sha256: string;
  /** What the link says; empty where the path is no link. */
  readonly link: string;
  /** The path without links. */
  readonly real: string;
  /** A directory with something in it. */
  readonly filled: boolean;
  /** The directory that it would be in is there. */
  readonly parent: boolean;
};

/** The content of a file, or why it cannot be edited: it is long, or no UTF-8 text. */
export type FileText = { readonly text: string; readonly why: string };

export type PackageTool = 'yum' | 'dnf' | 'apt' | 'zypper' | 'rpm-ostree' | 'none';

/**
 * Why a repository could not be used. `none`, `unread`: known from the configuration alone.
 * `failed`: any other failure.
 */
export type UnusableCause =
  | (
      | 'proxy_login'
      | 'proxy'
      | 'unknown'
      | 'key'
      | 'moved'
      | 'forbidden'
      | 'expired'
      | 'certificate'
      | 'tls'
      | 'past'
      | 'stale'
      | 'gone'
    )
  | ('content' | 'busy' | 'name' | 'timeout' | 'refused' | 'address' | 'disabled' | 'unreached')
  | ('full' | 'read_only' | 'locked')
  | ('none' | 'unread' | 'failed');

export type Unusable = {
  readonly cause: UnusableCause;
  /** Its id; ids of all that are disabled; empty where the package manager names none. */
  readonly repository: string;
  /** The output of the package manager; empty where the configuration says it. */
  readonly said: string;
  /** The package manager went on without it (skip_if_unavailable). */
  readonly skipped: boolean;
};

export type BesideRow = {
  readonly name: string;
  readonly version: string;
  readonly repository: string;
};

/**
 * What a read of `memory.kmem.slabinfo` gave (on v2: what `memory.stat` says). EIO alone does not
 * mean "off": see the tables in facts/kmem.
 * `failed` is any other error: a host out of memory answers ENOMEM, which is neither a sample nor
 * missing rights.
 */
export type ReadState = 'read' | 'eio' | 'empty' | 'denied' | 'gone' | 'failed';

/**
 * `later`: the group has a memory limit, but no memsw limit. Docker sets both for a container that
 * starts with a limit. `docker update` sets only the first on a running container, and then nothing
 * asks for accounting.
 */
export type Limited = 'no' | 'yes' | 'later';

/** A bucket of equal groups. */
export type WitnessRow = {
  /** Key of the creator's row. */
  readonly row: string;
  readonly state: Exclude<ReadState, 'gone'>;
  readonly limited: Limited;
  /** Its slabinfo has lines behind the header. */
  readonly caches: boolean;
  /** Kernel memory is charged to it. */
  readonly charged: boolean;
  /** A process is in it. */
  readonly procs: boolean;
  /** It was given a kernel-memory limit of its own, or lies below a group that was. */
  readonly explicit?: boolean;
  readonly count: number;
};

export type GroupRow = {
  /** Below the controller's root, without a slash before it; a long one is cut. */
  readonly path: string;
  readonly row: string;
  /** Memory limit in bytes; 0 = none. */
  readonly limit: number;
  readonly state: ReadState;
  /** Lines of slabinfo as far as they were counted: 2 are the header alone, 3 that and caches. */
  readonly lines: number;
  /** Kernel memory charged, bytes: kmem.usage_in_bytes, or `kernel`/`slab` of v2. */
  readonly usage: number;
  /** Processes in it, as far as they were counted: 3 are that many or more. */
  readonly procs: number;
  readonly by: 'kubelet' | 'docker' | 'other';
};

/**
 * Counts of groups; `failed_why` names the error of a read that failed. Counts of later versions
 * are absent in records of earlier ones.
 */
export type SampleCounts = {
  readonly [name in
    | ReadState
    | 'absent'
    | 'total'
    | 'limited'
    | 'limited_off'
    | 'containers'
    | 'containers_off'
    | 'kubelet'
    | 'kubelet_off'
    | 'kubelet_read'
    | 'kubelet_limited'
    | 'docker'
    | 'docker_read'
    | 'other'
    | 'other_read']?: number;
} & { readonly failed_why?: string; readonly capped?: boolean };

/**
 * A group with a kernel-memory limit of its own, in bytes; `name` is the container's, where it is
 * known.
 */
export type ExplicitLimit = {
  readonly path: string;
  readonly limit: number;
  readonly name: string;
};

/** A sample container that kmend started in this boot; `at` in seconds since 1970. */
export type StartedSample = {
  readonly runtime: string;
  readonly answer: 'off' | 'on' | 'failed';
  readonly at: number;
};

export type SymptomKind =
  | 'slub_memcg'
  | 'slub'
  | 'ip6mr_oops'
  | 'no_sockets'
  | 'icmp6_socket'
  | 'soft_lockup'
  | 'cache_create'
  | 'page_allocation'
  | 'cgroup_mkdir'
  | 'kernel_memory_limit'
  | 'hung_task';

/**
 * The source of the line: the kernel (its log), or docker, containerd, cri-o and the kubelet (the
 * journal).
 */
export type SymptomSource = 'kernel' | 'runtime';

export type SymptomRow = {
  readonly kind: SymptomKind;
  readonly from: SymptomSource;
  readonly count: number;
  readonly line: string;
};

/**
 * dump: of kdump; pstore: records that firmware kept; journal: a persistent one; messages: of
 * syslog.
 */
export type PastSource = 'dump' | 'pstore' | 'journal' | 'messages';

/** `cut`: only a part was read. */
export type SourceState = 'read' | 'absent' | 'denied' | 'cut';

export type EarlierSymptom = {
  readonly kind: SymptomKind;
  readonly count: number;
  /** When the last one was written, seconds since 1970; 0 = not known. */
  readonly at: number;
  readonly line: string;
};

export type EarlierBoot = {
  readonly source: PastSource;
  /** The file or the journal's boot. */
  readonly place: string;
  /** Its boot id; empty where the log does not name it. */
  readonly boot: string;
  readonly kernel: string;
  /** When its log ends; 0 = not known. */
  readonly at: number;
  /** `abrupt`: its log stops without a shutdown, and another boot follows. */
  readonly ended: 'crash' | 'abrupt' | 'planned' | 'unknown';
  readonly symptoms: readonly EarlierSymptom[];
};

export type PastVerdict = 'died' | 'died_unshown' | 'seen' | 'none';

/** One reading of the ids of a host's memory cgroups. */
export type IdReading = {
  /** The host's own clock, seconds since 1970. */
  readonly at: number;
  /** Seconds since boot, which nobody can set: time is measured by it. */
  readonly uptime: number;
  readonly live: number;
  readonly dead: number;
  /** SUnreclaim, kB; readings of earlier versions have none. */
  readonly unreclaimable?: number;
};

/** The forecast of a drain. */
export type Forecast = {
  readonly evicts: readonly string[];
  /** Left running: DaemonSet and mirror pods. */
  readonly leaves: readonly string[];
  /**
   * Pods that cannot be evicted, and why ("ns/pod: PDB web allows 0 of 2 (minAvailable 2)"). If not
   * empty, the drain cannot succeed.
   */
  readonly blocks: readonly string[];
  /** Pods that cannot be evicted now, but may be later: a PDB whose pods are not all healthy. */
  readonly busy: readonly string[];
  /**
   * Pods that stay and have a memory limit: after a reboot they are the samples of the kmem proof.
   */
  readonly samplers: readonly string[];
  readonly warnings: readonly string[];
  /** Seconds, by grace periods. */
  readonly estimate: number;
};

/** What a module read of the host by a script of its own. */
export type Reading = {
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
};

/** Output of a read-only command, as `register` keeps it. */
export type CommandOutput = {
  readonly rc: number;
  readonly stdout: string;
  readonly stdout_lines: readonly string[];
  readonly stderr: string;
  readonly stderr_lines: readonly string[];
};

/** SELinux of a host, with Ansible's keys and words: `status`, `mode`, `config_mode`, `type`. */
export type Selinux = { readonly [key: string]: string | number };
