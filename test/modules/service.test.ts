// service as a table, and its script.
import { describe, expect, it } from 'vitest';
import { hostTree } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const facts = (active: boolean, enabled: boolean) => ({
  'service.docker.active': active,
  'service.docker.enabled': enabled,
});
const masked = (yes: boolean) => ({ ...facts(true, false), 'service.docker.masked': yes });
const shown = (plan: ReturnType<typeof planOf>) =>
  plan.changes.flatMap((change) => change.effects.map((effect) => effect.what));

describe('service', () => {
  it.each<[object, boolean, boolean, readonly string[]]>([
    [{ state: 'started' }, false, true, ['systemctl start docker']],
    [{ state: 'started' }, true, true, []],
    [{ state: 'stopped' }, true, true, ['systemctl stop docker']],
    [{ state: 'stopped' }, false, true, []],
    [{ state: 'restarted' }, true, true, ['systemctl restart docker']],
    [{ enabled: true }, false, false, ['systemctl enable docker']],
    [{ enabled: false }, false, false, []],
    [
      { state: 'started', enabled: true },
      false,
      false,
      ['systemctl enable docker', 'systemctl start docker'],
    ],
  ])('%j when running is %s and enabled is %s', (args, active, enabled, expected) => {
    expect(
      shown(
        planOf('service', { args: { name: 'docker', ...args }, facts: facts(active, enabled) }),
      ),
    ).toEqual(expected);
  });

  it.each<[object, boolean, readonly string[]]>([
    [{ masked: true }, false, ['systemctl mask docker']],
    [{ masked: true }, true, []],
    [{ masked: false }, true, ['systemctl unmask docker']],
    [
      { masked: false, enabled: true, state: 'reloaded', daemon_reload: true },
      true,
      [
        'systemctl daemon-reload',
        'systemctl unmask docker',
        'systemctl enable docker',
        'systemctl reload docker',
      ],
    ],
  ])('%j when masked is %s', (args, yes, expected) => {
    const row = { args: { name: 'docker', ...args }, facts: masked(yes) };
    expect(shown(planOf('service', row))).toEqual(expected);
  });

  it('lets systemd read its files again without a unit, and starts what it cannot reload', () => {
    expect(shown(planOf('service', { args: { daemon_reload: true }, facts: {} }))).toEqual([
      'systemctl daemon-reload',
    ]);
    const row = { args: { name: 'docker', state: 'reloaded' }, facts: facts(false, true) };
    expect(shown(planOf('service', row))).toEqual(['systemctl start docker']);
    for (const args of [{}, { name: 'docker' }, { state: 'started' }])
      expect(() => parseArgs(moduleNamed('service'), args)).toThrow(/needs/);
  });

  it('a restart is done once a run, the others whenever they are needed', () => {
    const { convergent } = moduleNamed('service');
    const is = (args: object) =>
      typeof convergent === 'function'
        ? convergent(parseArgs(moduleNamed('service'), { name: 'docker', ...args }))
        : convergent;
    expect([is({ state: 'restarted' }), is({ state: 'started' })]).toEqual([false, true]);
  });

  it.each([
    [{ name: 'a b', state: 'started' }],
    [{ name: 'docker' }],
    [{ state: 'started' }],
    [{ name: '-f', state: 'started' }],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('service'), args)).toThrow();
  });

  it('does not believe a start after which the unit does not run', () => {
    const [change] = planOf('service', {
      args: { name: 'docker', state: 'started' },
      facts: facts(false, true),
    }).changes;
    const [effect] = change?.effects ?? [];
    const tree = hostTree();
    tree.program('systemctl', 'case $1 in is-active) [ -e "$KMEND_ROOT/up" ];; *) exit 0;; esac');
    expect(tree.run(effect?.kind === 'run' ? effect.script : '').code).toBe(71);
    tree.write('/up', '');
    expect(tree.run(effect?.kind === 'run' ? effect.script : '').code).toBe(0);
  });
});
