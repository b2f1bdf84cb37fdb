// command and shell as another user: what is shown, and the script run for real by root.
import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { asRootOnly } from '../../src/core/plan/task/user.ts';
import { viewOf } from '../../src/model/fact.ts';
import type { ModulePlan } from '../../src/model/run/change.ts';
import { moduleNamed, noContext, parseArgs, planOf } from './laws.ts';

/** The plan of `shell` for a task of this user. */
function planAs(user: string, args: unknown): ModulePlan {
  const module = moduleNamed('shell');
  const parsed = module.asUser?.(parseArgs(module, args), user);
  return module.plan(parsed, viewOf({}), noContext);
}

const effectOf = ({ changes }: ModulePlan) => {
  const [effect] = changes.flatMap((change) => change.effects);
  if (effect?.kind !== 'run') throw new Error('nothing is run');
  return effect;
};

const run = (user: string, cmd: string, more: object = {}, env: NodeJS.ProcessEnv = {}) => {
  const { script } = effectOf(planAs(user, { cmd, ...more }));
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-s'], {
    input: script,
    env: { PATH: process.env.PATH, HOME: '/root', ...env },
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
};

it('the plan names the user', () => {
  expect(planAs('app', 'id').changes[0]?.what).toBe('run sh: id (as app)');
  expect(planAs('', 'id').changes[0]?.what).toBe('run sh: id (as the login user)');
});

const missing =
  process.getuid?.() === 0 && spawnSync('runuser', ['-V']).status === 0
    ? ''
    : 'needs root and runuser';

describe.skipIf(missing !== '')(`by root (${missing || 'all there'})`, () => {
  it('another user, with the home of that user', () => {
    expect(run('daemon', 'id -un; echo "$HOME"').stdout).toBe('daemon\n/usr/sbin\n');
  });

  it('its status, its errors and its quotes are those of the script', () => {
    const { status, stderr } = run('daemon', `echo "it's \\$HOME kmend_end" >&2\nexit 3`);
    expect([status, stderr]).toEqual([3, "it's $HOME kmend_end\n"]);
    expect(run('daemon', "cat <<'kmend_end'\nx\nkmend_end\necho y").stdout).toBe('x\ny\n');
  });

  it('the script is in no list of processes', () => {
    expect(run('daemon', 'ps -ww -eo args | grep -c "[s]3cret"; : s3cret').stdout).toBe('0\n');
  });

  it('the login user is who called sudo, or who logged in', () => {
    expect(run('', 'id -un', {}, { SUDO_USER: 'daemon' }).stdout).toBe('daemon\n');
    const nobody = run('', 'id -un', {}, {});
    expect(nobody.status === 0 || nobody.stderr.includes('cannot find out who logged in')).toBe(
      true,
    );
  });

  it('changes the directory as that user', () => {
    const { status } = run('daemon', 'id', { chdir: '/root' });
    expect(status).toBe(125);
  });

  it('an unknown user fails', () => {
    expect(run('no-such-user', 'id').status).not.toBe(0);
  });
});

it('a module that changes hosts as root refuses the host', () => {
  const plan = planOf('service', { args: { daemon_reload: true }, facts: {} });
  const module = moduleNamed('service');
  expect(plan.changes).not.toEqual([]);
  expect(asRootOnly(plan, module, undefined).refuse).toBeUndefined();
  expect(asRootOnly(plan, module, '').refuse).toEqual({
    why: 'service changes the host as root, and this task runs as the login user',
    hint: 'set `become: true` on the task or the play',
  });
  expect(asRootOnly(plan, module, 'app').refuse?.hint).toBe('leave out `become_user`');
});
