// Makes the target of a transport from the `ansible_*` connection variables of a host.
import type { Scope } from '../../expression/index.ts';
import { type Checked, type Diagnostic, nearest, type Place } from '../../model/diagnostic.ts';
import {
  type Become,
  type HostKeyChecking,
  type Secret,
  secret,
  type Target,
} from '../../model/host.ts';
import { present } from '../../model/present.ts';
import type { Value } from '../../model/value.ts';
import { readVariable } from '../text/variables.ts';
import { type SealedError, sealedDiagnostic } from '../text/vault.ts';
import { type SshArguments, sshArguments } from './ssh-arguments.ts';

/** Values of the command line and the play. As in Ansible, variables of the host override them. */
export interface TargetOptions {
  readonly user?: string;
  readonly privateKeyFile?: string;
  readonly password?: Secret;
  readonly sshArgs?: string;
  readonly sshCommonArgs?: string;
  readonly sshExtraArgs?: string;
  readonly port?: number;
  /** `transport` of ansible.cfg. */
  readonly connection?: string;
  readonly hostKeyChecking?: HostKeyChecking;
  readonly connectTimeout?: number;
  /** `-b`, or `become` of the play. */
  readonly become?: boolean;
  /** A task of the play asks for it. */
  readonly becomeByTask?: boolean;
  readonly becomeMethod?: string;
  readonly becomeUser?: string;
  readonly becomePassword?: Secret;
  readonly place?: Place;
}

const methods = ['sudo', 'su', 'doas'] as const;

/** Makes the target of a host. Each wrong variable is a diagnostic. */
export function targetOf(host: string, vars: Scope, options: TargetOptions = {}): Checked<Target> {
  const reader = new VariableReader(host, vars, options.place);
  reader.checkConnection(options.connection);
  const first = reader.given('ansible_ssh_args') ?? options.sshArgs ?? '';
  const common = reader.given('ansible_ssh_common_args') ?? options.sshCommonArgs ?? '';
  const extra = reader.given('ansible_ssh_extra_args') ?? options.sshExtraArgs ?? '';
  // Ansible names user and port between these, and of an option the first counts.
  const { user: firstUser, port: firstPort } = sshArguments(first);
  const ssh = sshArguments([first, common, extra].join(' '));
  reader.reportArguments(ssh);
  const address = reader.text('ansible_host', 'ansible_ssh_host');
  const port =
    firstPort ??
    reader.whole('ansible_port', 1, 65_535) ??
    reader.whole('ansible_ssh_port', 1, 65_535) ??
    options.port ??
    ssh.port;
  const user =
    firstUser ?? reader.text('ansible_user', 'ansible_ssh_user') ?? options.user ?? ssh.user;
  const password =
    reader.secret('ansible_password', 'ansible_ssh_pass', 'ansible_ssh_password') ??
    options.password;
  const key =
    reader.text('ansible_ssh_private_key_file', 'ansible_private_key_file') ??
    options.privateKeyFile;
  const files = [...(key === undefined ? [] : [key]), ...ssh.identityFiles];
  const become = reader.become(options);
  const target: Target = present({
    name: host,
    address,
    site: reader.site(),
    port,
    user,
    password,
    privateKeyFiles: files.length > 0 ? files : undefined,
    jump: ssh.jump,
    proxyCommand: ssh.proxyCommand,
    sshOptions: ssh.options.length > 0 ? ssh.options : undefined,
    sshConfigFile: ssh.configFile,
    sshIgnore: reader.names('ssh_ignore'),
    transport: reader.transport(),
    hostKeyChecking: reader.checking() ?? ssh.hostKeyChecking ?? options.hostKeyChecking ?? 'yes',
    knownHostsFiles: ssh.knownHostsFiles,
    legacyCrypto: reader.flag('legacy_crypto') ?? false,
    connectTimeout:
      reader.whole('ansible_timeout', 1, 3_600) ??
      reader.whole('ansible_ssh_timeout', 1, 3_600) ??
      ssh.connectTimeout ??
      options.connectTimeout ??
      10,
    become,
  });
  const broken = reader.diagnostics.some((one) => one.severity === 'error');
  return { ...(!broken && { value: target }), diagnostics: reader.diagnostics };
}

/** What is wrong with the name of a site; undefined = nothing. */
export const wrongSite = (name: string): string | undefined =>
  name.length <= 63 && /^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name)
    ? undefined
    : `a site is up to 63 letters, digits, dots, dashes and underscores, not ${JSON.stringify(name)}`;

class VariableReader {
  readonly diagnostics: Diagnostic[] = [];
  private readonly host: string;
  private readonly vars: Scope;
  private readonly place: Place | undefined;

  constructor(host: string, vars: Scope, place: Place | undefined) {
    this.host = host;
    this.vars = vars;
    this.place = place;
  }

  report(code: string, summary: string, more: Partial<Diagnostic> = {}): void {
    this.diagnostics.push({
      code,
      severity: 'error',
      ...(this.place && { place: this.place }),
      summary: `host ${this.host}: ${summary}`,
      ...more,
    });
  }

  /** A file that does not open is reported once: every name may be in it. */
  private reportUnread(why: string, sealed: SealedError | undefined): void {
    if (sealed === undefined) this.report('variable', why);
    else if (!this.diagnostics.some(({ summary }) => summary === sealed.summary))
      this.diagnostics.push(sealedDiagnostic(sealed));
  }

  private read(name: string): Value | undefined {
    const read = readVariable(this.vars, name);
    if (read.ok) return read.value ?? undefined;
    this.reportUnread(read.why, read.sealed);
    return undefined;
  }

  text(...names: readonly string[]): string | undefined {
    for (const name of names) {
      const value = this.read(name);
      if (typeof value === 'string' && value !== '') return value;
      if (typeof value === 'number') return String(value);
      if (value !== undefined && value !== '')
        this.report('connection-variable', `${name} should be text, not ${JSON.stringify(value)}`);
    }
    return undefined;
  }

  /** Also an empty text counts: it takes the place of a default. */
  given(name: string): string | undefined {
    return this.read(name) === '' ? '' : this.text(name);
  }

  site(): string | undefined {
    const site = this.text('kmend_site');
    const why = site === undefined ? undefined : wrongSite(site);
    if (why !== undefined) this.report('connection-variable', `kmend_site: ${why}`);
    return site;
  }

  secret(...names: readonly string[]): Secret | undefined {
    for (const name of names) {
      const value = this.read(name);
      if (typeof value === 'string') return secret(value);
      if (typeof value === 'number') return secret(String(value));
      // The value is a secret, so the message does not quote it.
      if (value !== undefined) this.report('connection-variable', `${name} should be text`);
    }
    return undefined;
  }

  whole(name: string, least: number, most: number): number | undefined {
    const value = this.read(name);
    if (value === undefined || value === '') return undefined;
    const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most)
      return number;
    this.report(
      'connection-variable',
      `${name} should be a whole number from ${least} to ${most}, not ${JSON.stringify(value)}`,
    );
    return undefined;
  }

  flag(name: string): boolean | undefined {
    const value = this.read(name);
    if (value === undefined || typeof value === 'boolean') return value;
    if (value === 1 || (typeof value === 'string' && /^(?:yes|true|on|y|t|1)$/i.test(value)))
      return true;
    if (value === 0 || (typeof value === 'string' && /^(?:no|false|off|n|f|0)$/i.test(value)))
      return false;
    this.report(
      'connection-variable',
      `${name} should be true or false, not ${JSON.stringify(value)}`,
    );
    return undefined;
  }

  /** A list of names, or one name. */
  names(name: string): readonly string[] | undefined {
    const value = this.read(name);
    if (value === undefined || value === '') return undefined;
    const all = Array.isArray(value) ? value : [value];
    const names = all.filter((one): one is string => typeof one === 'string');
    if (names.length === all.length) return names;
    this.report('connection-variable', `${name} should be a list of names`);
    return undefined;
  }

  checking(): HostKeyChecking | undefined {
    for (const name of ['ansible_host_key_checking', 'ansible_ssh_host_key_checking']) {
      if (this.read(name) === 'accept-new') return 'accept-new';
      const flag = this.flag(name);
      if (flag !== undefined) return flag ? 'yes' : 'no';
    }
    return undefined;
  }

  /** What logs in to the host. Undefined: kmend itself. */
  transport(): 'openssh' | undefined {
    const name = 'ansible_ssh_transport';
    const value = this.text(name);
    if (value === undefined || value === 'kmend') return undefined;
    if (value === 'openssh') return value;
    const guess = nearest(value, ['openssh', 'kmend']);
    this.report('connection-variable', `${name} should be openssh or kmend, not ${value}`, {
      ...(guess !== undefined && { hint: `did you mean \`${guess}\`?` }),
    });
    return undefined;
  }

  checkConnection(otherwise: string | undefined): void {
    const own = this.text('ansible_connection');
    const connection = own ?? otherwise;
    if (
      connection === undefined ||
      /^(?:ansible\.builtin\.)?(?:ssh|smart|paramiko|paramiko_ssh)$/.test(connection)
    )
      return;
    this.report(
      'connection-kind',
      `${own === undefined ? 'transport (ansible.cfg)' : 'ansible_connection'} is ${connection}, and kmend reaches hosts over ssh only`,
      {
        ...(connection === 'local' && {
          detail: 'the machine that runs kmend is never changed by it',
        }),
      },
    );
  }

  reportArguments(ssh: SshArguments): void {
    for (const problem of ssh.problems) this.report('ssh-arguments', problem);
    if (ssh.ignored.length === 0) return;
    this.report('ssh-arguments', `these ssh arguments are not used: ${ssh.ignored.join(', ')}`, {
      severity: 'warning',
    });
  }

  become(options: TargetOptions): Become | undefined {
    const own = this.flag('ansible_become');
    const ownUser = this.text('ansible_become_user');
    const byTask = own === undefined && options.become !== true && options.becomeByTask === true;
    const wanted = byTask || (own ?? options.become ?? false);
    const method =
      this.text('ansible_become_method')?.replace(
        /^(?:ansible\.builtin|community\.general)\./,
        '',
      ) ??
      options.becomeMethod ??
      'sudo';
    const user = ownUser ?? options.becomeUser ?? 'root';
    const password =
      this.secret('ansible_become_password', 'ansible_become_pass', 'ansible_sudo_pass') ??
      options.becomePassword;
    if (!wanted) return undefined;
    const known = methods.find((name) => name === method);
    if (known === undefined) {
      const guess = nearest(method, methods);
      this.report('become-method', `become_method ${method} is not known`, {
        hint: guess === undefined ? `known: ${methods.join(', ')}` : `did you mean \`${guess}\`?`,
      });
      return undefined;
    }
    const fixed = [
      ...(own === undefined ? [] : (['become'] as const)),
      ...(ownUser === undefined ? [] : (['user'] as const)),
    ];
    return {
      method: known,
      user,
      ...present({ password }),
      ...(byTask ? { byTask } : {}),
      ...(fixed.length > 0 ? { fixed } : {}),
    };
  }
}
