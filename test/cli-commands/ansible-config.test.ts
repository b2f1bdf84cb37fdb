// ansible.cfg and the variables ANSIBLE_*: what a command takes from them, what it says of the rest,
// and which file it refuses.
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { configure } from '../../src/cli/configuration.ts';
import { withFleetOptions } from '../../src/cli/options.ts';
import type { World } from '../../src/cli/world.ts';
import { startCommand, testWorld } from '../cli/real-world.ts';

let home: string;
let project: string;
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'kmend-ansible-'));
  project = join(home, 'project');
  mkdirSync(project);
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const put = (name: string, text: string, mode = 0o644): string => {
  const path = join(project, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
};
const run = (args: readonly string[], env: World['env'] = {}) =>
  startCommand(args, { home, cwd: project, env }).result;

/** What a command has as flags. */
function flagsOf(
  words: readonly string[] = [],
  env: World['env'] = {},
  name = 'check',
): Record<string, unknown> {
  const command = withFleetOptions(new Command(name)).action(() => {});
  const { world } = testWorld({ home, cwd: project, env });
  command.hook('preAction', (_, one) => configure(one, world));
  command.parse([...words], { from: 'user' });
  return command.opts();
}

it('a command has what ansible.cfg says, behind its flags, its settings and the environment', () => {
  put(
    'ansible.cfg',
    `[defaults]
inventory = hosts, ../other/hosts ; both
remote_user: ops
private_key_file=~/.ssh/fleet
host_key_checking = False
remote_port = 2222
forks = 7
timeout = 20
[ssh_connection]
ssh_args = -C -o ControlPersist=60s
ssh_common_args = -J bastion
[privilege_escalation]
become = True
become_user = admin
become_ask_pass = yes
`,
  );
  const all = {
    inventory: [join(project, 'hosts'), join(home, 'other/hosts')],
    user: 'ops',
    privateKey: join(home, '.ssh/fleet'),
    hostKeyChecking: false,
    port: '2222',
    forks: '7',
    timeout: '20',
    sshArgs: '-C -o ControlPersist=60s',
    sshCommonArgs: '-J bastion',
    become: true,
    becomeUser: 'admin',
    askBecomePass: true,
  };
  expect(flagsOf()).toEqual(all);
  const env = { ANSIBLE_REMOTE_USER: 'env', ANSIBLE_SSH_ARGS: '', ANSIBLE_FORKS: '' };
  expect(flagsOf([], env)).toEqual({ ...all, user: 'env', sshArgs: '' });
  put('kmend.yaml', 'user: ours\ninventory: own.yaml\n');
  const ours = { ...all, user: 'ours', inventory: [join(project, 'own.yaml')] };
  expect(flagsOf([], { ...env, ANSIBLE_SSH_ARGS: undefined })).toEqual(ours);
  expect(flagsOf(['-u', 'me', '-i', 'x,'])).toEqual({ ...all, user: 'me', inventory: ['x,'] });
  const { askBecomePass: _, ...unasked } = ours;
  expect(flagsOf(['--become-password-file', 'p'])).toEqual({ ...unasked, becomePasswordFile: 'p' });
});

it('a run that goes on keeps its settings', () => {
  put('ansible.cfg', '[defaults]\nremote_user = other\n');
  expect([flagsOf([], {}, 'resume'), flagsOf([], {}, 'rollback')]).toEqual([{}, {}]);
});

it('the rest that would change something is named, once, with its line', async () => {
  put('hosts', 'n1\n');
  const path = put(
    'ansible.cfg',
    '[defaults]\ninventory=hosts\nstrategy = free\nhash_behaviour = replace\nstdout_callback = yaml\n[tags]\nskip = slow\n',
  );
  const listed = await run(['inventory', '--list'], {
    ANSIBLE_NO_LOG: 'true',
    ANSIBLE_STDOUT_CALLBACK: 'yaml',
    ANSIBLE_ANY_ERRORS_FATAL: 'no',
  });
  expect([listed.exit, listed.err]).toEqual([
    0,
    `not taken from ansible.cfg: strategy (${path}:3), tags.skip (${path}:7)\nnot taken from the environment: ANSIBLE_NO_LOG`,
  ]);
  const said = await run(['inventory', '--list', '-v'], { ANSIBLE_REMOTE_USER: 'x' });
  expect(said.err.split('\n').slice(0, 2)).toEqual([
    `settings of Ansible, from ${path}: inventory`,
    'settings of Ansible, from the environment: ANSIBLE_REMOTE_USER',
  ]);
});

it('the first that exists of four counts', async () => {
  const named = put('named.cfg', '[defaults]\nremote_user = named\n');
  writeFileSync(join(home, '.ansible.cfg'), '[defaults]\nremote_user = home\n');
  expect(flagsOf().user).toBe('home');
  put('ansible.cfg', '[defaults]\nremote_user = here\n');
  expect(flagsOf().user).toBe('here');
  expect(flagsOf([], { ANSIBLE_CONFIG: '$D/named.cfg', D: project }).user).toBe('named');
  expect(flagsOf([], { ANSIBLE_CONFIG: 'nope.cfg' }).user).toBe('here');
  mkdirSync(join(project, 'd'));
  put('d/ansible.cfg', '[defaults]\nremote_user = below\n');
  expect(flagsOf([], { ANSIBLE_CONFIG: 'd' }).user).toBe('below');
  rmSync(named);
});

it('one that others could have written is refused; of a directory that all may write it is ignored', async () => {
  const path = put('ansible.cfg', '[defaults]\nremote_user = eve\n', 0o666);
  const refused = await run(['check']);
  expect([refused.exit, refused.err]).toEqual([
    3,
    expect.stringContaining(`${path} is not used: everybody may write ${path}`),
  ]);
  chmodSync(path, 0o644);
  chmodSync(project, 0o777);
  const open = await run(['inventory', '--list', '-i', 'n1,']);
  expect([open.exit, open.err]).toEqual([
    0,
    `${path} is ignored, as Ansible does: everybody may write its directory`,
  ]);
  expect(flagsOf().user).toBeUndefined();
  chmodSync(project, 0o755);
});

it.each([
  ['x\n', 'ansible.cfg:1: there is no [section] above this line'],
  ['[defaults]\nforks = many\n', 'must be a whole number, not `many`'],
  ['[defaults]\nhost_key_checking = accept-new\n', 'must be true or false, not `accept-new`'],
  ['[defaults]\nforks = 1\nforks = 2\n', 'ansible.cfg:3: forks is there twice'],
])('%j is an error at its place', async (text, why) => {
  put('ansible.cfg', text);
  const { exit, err } = await run(['check', '-i', 'n1,']);
  expect([exit, err]).toEqual([3, expect.stringContaining(why)]);
});

it('a way that kmend cannot go refuses the hosts', async () => {
  put('ansible.cfg', '[defaults]\ntransport = local\n');
  expect((await run(['check', '-i', 'n1,'])).err).toContain(
    'host n1: transport (ansible.cfg) is local, and kmend reaches hosts over ssh only',
  );
  put('ansible.cfg', '[ssh_connection]\nssh_executable = /opt/bin/wrapped-ssh\n');
  expect((await run(['check', '-i', 'n1,'])).out).toContain('SshExecutable is not an option');
  put('ansible.cfg', '[ssh_connection]\nssh_args = -o PKCS11Provider=/x.so\n');
  expect((await run(['check', '-i', 'n1,'])).out).toContain('PKCS11Provider is not supported');
});

it('a program that a file of this directory names is not run by commands that only look', async () => {
  const program = put('hosts', '#!/bin/sh\ntouch "$0.ran"; echo "{}"\n', 0o755);
  put('ansible.cfg', '[defaults]\ninventory = hosts\n');
  expect((await run(['inventory', '--list'])).err).toContain('was not named with -i');
  const named = await run(['inventory', '--list'], { ANSIBLE_INVENTORY: program });
  expect(named.err).not.toContain('was not named');
});
