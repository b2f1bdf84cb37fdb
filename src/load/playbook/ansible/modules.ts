// Ansible's modules that a module of kmend carries out, and what becomes of their arguments.

/** What becomes of one argument of Ansible. */
export type Treatment =
  /**
   * It has this name in kmend; `words` are values that kmend spells otherwise. `zero`: why nothing
   * comes of a 0.
   */
  | {
      readonly as: string;
      readonly words?: Readonly<Record<string, string>>;
      readonly zero?: string;
      /** Values that kmend does not have, each with a hint. */
      readonly refused?: Readonly<Record<string, string>>;
      /** Its text is an expression, which kmend writes between braces. */
      readonly expression?: true;
    }
  /** It is accepted, and this is why nothing comes of it; any value beside `only` has the hint. */
  | { readonly unused: string; readonly only?: { readonly values: RegExp; readonly hint: string } }
  /** It is refused, except where it is false, which is what kmend does. The text is the hint. */
  | { readonly never: string };

export interface AnsibleModule {
  /** Name of kmend's module. */
  readonly module: string;
  /** Collection outside of `ansible.builtin`. */
  readonly collection?: string;
  /** Arguments that kmend has under the same name and form are not listed. */
  readonly args: Readonly<Record<string, Treatment>>;
  /** For package managers: how a version is joined to a name. */
  readonly versions?: '=' | '-' | 'both';
  /** The command of a task that only refreshes the package lists. */
  readonly refresh?: string;
  /** What else becomes of the arguments of a task that updates all packages, by `os_update`. */
  readonly update?: Readonly<Record<string, Treatment>>;
  /** Arguments that stand for a command, in a task that has nothing else to do. */
  readonly alone?: Readonly<Record<string, string>>;
  /** Arguments that it always has. */
  readonly fixed?: Readonly<Record<string, string>>;
}

const as = (name: string, words?: Readonly<Record<string, string>>): Treatment =>
  words === undefined ? { as: name } : { as: name, words };
const unused = (why: string): Treatment => ({ unused: why });
const never = (hint: string): Treatment => ({ never: hint });

/** The same treatment for several names. */
const each = (names: string, treatment: Treatment): Readonly<Record<string, Treatment>> =>
  Object.fromEntries(names.split(' ').map((name) => [name, treatment]));

const ownLists = unused(
  'the plan reads the package lists of the host as they are; a task with `update_cache` alone refreshes them',
);
const everything = 'it belongs to an update of all packages: `name: "*"` with `state: latest`';
const ownRepository =
  'an update takes the repositories that are enabled: name the packages in `package`, which can choose them';
const removesAlone =
  'kmend removes the packages that are named and nothing else: name the others, or use `shell`';
const trusted = 'kmend installs signed packages only: repair the key of the repository';
const states = { installed: 'present', removed: 'absent' };

const apt: AnsibleModule = {
  module: 'package',
  versions: '=',
  alone: { autoclean: 'apt-get -q -y autoclean', clean: 'apt-get -q clean' },
  update: {
    upgrade: as('upgrade', { yes: 'safe', true: 'safe', safe: 'safe', full: 'full', dist: 'full' }),
    ...each('update_cache update-cache', as('update_cache')),
    cache_valid_time: as('cache_valid_time'),
    autoremove: as('autoremove'),
    only_upgrade: unused('an update installs nothing that nobody needs'),
    ...each('allow_change_held_packages', never('held packages stay: name them in `package`')),
    ...each(
      'allow_downgrade allow-downgrade allow_downgrades allow-downgrades',
      never('an update moves no package back: `package` does'),
    ),
    fail_on_autoremove: never('the plan lists what would go, before it does'),
    purge: never('configuration files of removed packages stay: name them in `apt-get purge -y`'),
  },
  args: {
    ...each('package pkg', as('name')),
    ...each('allow-downgrade allow_downgrades allow-downgrades', as('allow_downgrade')),
    ...each('update_cache update-cache cache_valid_time', ownLists),
    ...each('update_cache_retries update_cache_retry_max_delay', ownLists),
    ...each('auto_install_module_deps force_apt_get', unused('kmend needs no Python on the host')),
    ...each('autoclean clean', unused('the cache of downloads is left as it is')),
    ...each('upgrade', never('it updates all packages: leave out `name`')),
    ...each('autoremove fail_on_autoremove', never(removesAlone)),
    purge: never(
      'configuration files of removed packages stay: use `command: apt-get purge -y NAME`',
    ),
    ...each('allow_unauthenticated allow-unauthenticated force', never(trusted)),
    allow_change_held_packages: as('holds', { true: 'lift', false: 'refuse' }),
    deb: never('use `files` of the module `package`'),
    ...each(
      'default_release default-release',
      never('write the `version` that `apt-cache madison NAME` shows for that release'),
    ),
    dpkg_options: {
      unused: 'kmend keeps configuration files, with the same options',
      only: {
        values: /^force-conf(?:def|old)(?:, ?force-conf(?:def|old))?$/,
        hint: 'kmend keeps configuration files: force-confdef, force-confold',
      },
    },
    ...each('install_recommends install-recommends', never('set it in /etc/apt/apt.conf.d')),
    only_upgrade: never('use a `when` over `package_facts`, or `shell`'),
    policy_rc_d: never('use `shell`'),
  },
};

const yum: AnsibleModule = {
  module: 'package',
  versions: '-',
  update: {
    ...each('update_cache update-cache expire-cache', as('update_cache')),
    exclude: as('exclude'),
    security: as('security'),
    autoremove: as('autoremove'),
    update_only: unused('an update installs nothing that nobody needs'),
    bugfix: never('the advisories of the repository count for `security` only; leave it out'),
    ...each('nobest best', never('the plan lists what the package manager of the host takes')),
    ...each('enablerepo disablerepo', never(ownRepository)),
    download_only: never('name the packages in `package`, which has `predownload`'),
    allow_downgrade: never('an update moves no package back: `package` does'),
  },
  args: {
    pkg: as('name'),
    state: as('state', states),
    ...each('update_cache update-cache expire-cache', ownLists),
    ...each('validate_certs sslverify', unused('the repository says it')),
    ...each('use use_backend', unused('kmend asks the host which package manager it has')),
    ...each(
      'install_repoquery auto_install_module_deps',
      unused('kmend needs no Python on the host'),
    ),
    ...each('nobest best', unused('kmend names the exact versions')),
    ...each('exclude disable_excludes', never('use `holds: lift`, or leave the package out')),
    ...each('security bugfix update_only', never(everything)),
    ...each('autoremove allowerasing', never(removesAlone)),
    disable_gpg_check: never(trusted),
    skip_broken: never('a package that cannot be installed refuses the host'),
    download_only: as('predownload'),
    ...each('cacheonly conf_file download_dir enable_plugin disable_plugin', never('use `shell`')),
    list: never(
      '`package_facts` reads what is installed; for more use `command: yum list` with `read_only: true`',
    ),
    ...each('install_weak_deps installroot releasever', never('use `shell`')),
  },
};

const zypper: AnsibleModule = {
  module: 'package',
  collection: 'community.general',
  versions: 'both',
  refresh: 'zypper --non-interactive refresh',
  args: {
    pkg: as('name'),
    state: as('state', states),
    ...each('update_cache refresh', ownLists),
    oldpackage: as('allow_downgrade'),
    ...each('disable_gpg_check', never(trusted)),
    ...each('clean_deps', never(removesAlone)),
    ...each(
      'force force_resolution replacefiles extra_args extra_args_precommand',
      never('use `shell`'),
    ),
    ...each(
      'disable_recommends type simple_errors quiet',
      unused('kmend names the exact packages'),
    ),
  },
};

const oneRun = never('kmend waits for systemd, and drives the units of the system');

const systemd: AnsibleModule = {
  module: 'service',
  args: {
    ...each('service unit', as('name')),
    'daemon-reload': as('daemon_reload'),
    ...each('daemon_reexec daemon-reexec', never('use `command: systemctl daemon-reexec`')),
    ...each('no_block force', oneRun),
  },
};

const inPlace = each('path dest destfile name', as('path'));
const fileArgs = {
  backup: unused('what is replaced is kept below /var/lib/kmend/backup'),
  unsafe_writes: never('kmend writes beside the file and renames'),
  ...each('seuser serole setype selevel', never('use `command: chcon ...`, or `semanage`')),
  ...each('attributes attr', never('use `command: chattr ...`')),
};

/** By Ansible's name, without the collection. */
export const ansibleModules: ReadonlyMap<string, AnsibleModule> = new Map(
  Object.entries<AnsibleModule>({
    apt,
    yum,
    dnf: yum,
    dnf5: yum,
    zypper,
    package: {
      module: 'package',
      versions: 'both',
      // The module gives them to the package manager of the host.
      update: {
        ...each('update_cache update-cache', as('update_cache')),
        cache_valid_time: as('cache_valid_time'),
      },
      args: {
        state: as('state', states),
        ...each('update_cache update-cache cache_valid_time', ownLists),
        use: unused('kmend asks the host which package manager it has'),
      },
    },
    dpkg_selections: {
      module: 'hold',
      args: {
        selection: {
          as: 'state',
          refused: {
            deinstall: 'use `package` with `state: absent`',
            purge: 'use `command: apt-get purge -y NAME`',
          },
        },
      },
    },
    yum_versionlock: { module: 'hold', collection: 'community.general', args: {} },
    dnf_versionlock: {
      module: 'hold',
      collection: 'community.general',
      args: {
        state: {
          as: 'state',
          refused: {
            excluded:
              'use `exclude` of `yum_repository`, or `command: dnf versionlock exclude NAME`',
            clean:
              'use `command: dnf versionlock clear`, or name the packages with `state: absent`',
          },
        },
        raw: never('a package is held at the version that is installed'),
      },
    },
    service: {
      module: 'service',
      args: {
        sleep: unused('systemctl waits for the unit'),
        use: unused('kmend drives systemd'),
        ...each('pattern runlevel arguments args', never('kmend drives units of systemd')),
      },
    },
    systemd,
    systemd_service: systemd,
    copy: {
      module: 'copy',
      args: {
        ...fileArgs,
        ...each('decrypt checksum local_follow', unused('it is about a `src` of the controller')),
        directory_mode: never('make the directory with `file`'),
      },
    },
    template: {
      module: 'copy',
      args: {
        ...fileArgs,
        ...each('content remote_src', never('use `copy`')),
        ...each(
          'block_start_string block_end_string variable_start_string variable_end_string comment_start_string comment_end_string',
          never('write `{% %}`, `{{ }}` and `{# #}`'),
        ),
        trim_blocks: as('trim_blocks'),
        lstrip_blocks: as('lstrip_blocks'),
        newline_sequence: never('a file gets `\\n` as its line ends'),
        output_encoding: never('a file is UTF-8'),
      },
    },
    file: {
      module: 'file',
      args: {
        ...fileArgs,
        ...each('dest name', as('path')),
        follow: unused('the rights are those of the target of a link'),
        recurse: never('use `command: chown -R ...` or `chmod -R ...`'),
        ...each(
          'modification_time_format access_time_format',
          never('a time is `now` or `preserve`; for another use `command: touch -d`'),
        ),
      },
    },
    lineinfile: {
      module: 'lineinfile',
      args: { ...fileArgs, ...inPlace, value: as('line'), regex: as('regexp') },
    },
    blockinfile: {
      module: 'blockinfile',
      args: { ...fileArgs, ...inPlace, content: as('block') },
    },
    replace: {
      module: 'replace',
      args: {
        ...fileArgs,
        ...inPlace,
        encoding: never('kmend edits UTF-8 text; for another use `shell` with iconv'),
      },
    },
    sysctl: {
      module: 'sysctl',
      collection: 'ansible.posix',
      args: { key: as('name'), val: as('value') },
    },
    modprobe: { module: 'modprobe', collection: 'community.general', args: {} },
    reboot: {
      module: 'reboot',
      args: {
        reboot_timeout: as('timeout'),
        post_reboot_delay: {
          as: 'stable_for',
          zero: "a new boot must last a while, or a loop of boots would count as up; `stable_for: 0` is kmend's own way to not wait",
        },
        ...each('msg', unused('no message is sent to users of the host')),
        ...each('pre_reboot_delay', unused('the reboot is sent at once')),
        ...each('connect_timeout', unused('a host that is booting is tried again and again')),
        ...each('boot_time_command', unused('each boot has an id of its own')),
        ...each('search_paths', unused('the command is found by the PATH of the host')),
        reboot_command: never('leave it out, or see `escalate` and `fallback`'),
      },
    },
    pause: {
      module: 'pause',
      args: { echo: unused('nobody is asked for a text') },
    },
    wait_for: {
      module: 'wait_for',
      args: { exclude_hosts: never('use `shell`, with `until`') },
    },
    uri: {
      module: 'uri',
      args: {
        user: as('url_username'),
        password: as('url_password'),
        ...each('force force_basic_auth', unused('curl sends the name at once')),
        ...each('http_agent use_proxy use_netrc', unused('curl decides it')),
        ...each(
          'body body_format src',
          never('a request with a body changes something: use `command`'),
        ),
        ...each('dest creates removes remote_src', never('use `command: curl`')),
        ...each('ca_path client_cert client_key unix_socket', never('use `command: curl`')),
        ...each('ciphers decompress unredirected_headers use_gssapi', never('use `command: curl`')),
        ...each('attributes attr group mode owner unsafe_writes', unused('no file is written')),
        ...each('selevel serole setype seuser', unused('no file is written')),
      },
    },
    debug: {
      module: 'debug',
      args: {
        var: { as: 'msg', expression: true },
        verbosity: unused('a plan and a report always have it'),
      },
    },
    ping: {
      module: 'debug',
      args: { data: unused('a host that does not answer is not started') },
      fixed: { msg: 'pong' },
    },
    package_facts: {
      module: 'package_facts',
      args: each('manager strategy', unused('kmend asks the host which packages it has')),
    },
    service_facts: { module: 'service_facts', args: {} },
    find: {
      module: 'find',
      args: {
        ...each('name path', as('paths')),
        pattern: as('patterns'),
        exclude: as('excludes'),
        ...each(
          'contains encoding read_whole_file',
          never('use `command: grep -l` with `read_only`'),
        ),
        follow: never('name the directory that a link leads to in `paths`'),
        ...each('mode exact_mode', never('use `selectattr` over the `files` of the result')),
        limit: never('a directory has no order: take a part of the `files` of the result'),
        ...each(
          'get_checksum checksum checksum_algorithm checksum_algo',
          never('use `stat` in a loop over the files'),
        ),
      },
    },
    slurp: { module: 'slurp', args: { path: as('src') } },
    stat: {
      module: 'stat',
      args: {
        ...each('dest name', as('path')),
        ...each('checksum checksum_algo', as('checksum_algorithm')),
        ...each('mime mime_type mime-type', as('get_mime')),
        ...each('attr attributes', as('get_attributes')),
        get_md5: unused('`checksum_algorithm: md5` asks for it'),
      },
    },
    k8s_drain: {
      module: 'drain',
      collection: 'kubernetes.core',
      args: {
        ...each('name', unused('a host drains its own node')),
        ...each('delete_options', never('they are arguments of `drain`')),
        pod_selectors: as('pod_selector'),
        terminate_grace_period: as('grace_period'),
        wait_timeout: as('timeout'),
        ...each('wait_sleep', unused('the API server reports each pod')),
        ...each(
          'kubeconfig context host api_key username password ca_cert client_cert client_key validate_certs',
          unused('the cluster is that of `--kubeconfig`'),
        ),
        ...each('no_proxy proxy proxy_headers persist_config', unused('see docs/kubernetes.md')),
        ...each('impersonate_user impersonate_groups', never('give another --kubeconfig')),
      },
    },
  }),
);

/** Names of the collections whose modules kmend knows. */
const collections =
  /^(ansible\.(?:builtin|legacy|posix)|community\.general|kubernetes\.core)\.(\w+)$/;

/** Modules that were moved out of `ansible.builtin`, where their old name still finds them. */
const moved: ReadonlySet<string> = new Set(['modprobe', 'sysctl', 'zypper']);

/** A key of a task as Ansible's name of a module, and what carries it out. */
export function ansibleName(key: string): {
  readonly name: string;
  readonly from?: AnsibleModule;
} {
  const [, collection = '', inside = ''] = collections.exec(key) ?? [];
  const isBuiltin = /^ansible\.(?:builtin|legacy)$/.test(collection);
  const name = collection === '' ? key : inside;
  const from = ansibleModules.get(name);
  const isThere =
    collection === '' ||
    (isBuiltin
      ? from?.collection === undefined || moved.has(name)
      : from?.collection === collection);
  if (!isThere) return { name: key };
  return from === undefined ? { name } : { name, from };
}
