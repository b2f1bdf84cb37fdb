// versions as a table.
import { describe, expect, it } from 'vitest';
import { el7 } from './facts.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

describe('versions', () => {
  it('reports all five without a range', () => {
    const plan = planOf('versions', { args: {}, facts: el7() });
    expect(plan.result).toEqual({
      versions: {
        kernel: '3.10.0-1160.el7',
        docker: '18.06.1-ce',
        containerd: '',
        runc: '1.0.0-rc5+dev',
        kubelet: '',
      },
      out_of_range: [],
    });
  });
  it.each<[object, Parameters<typeof el7>[0], readonly RegExp[]]>([
    [{ docker: '>=17.06' }, {}, []],
    [{ docker: '>=18.09' }, {}, [/docker is 18.06.1-ce, wanted >=18.09/]],
    [
      { docker: '>=18.09' },
      { 'docker.running': false, 'docker.version': '', 'docker.evr': '3:18.09.9-3.el7' },
      [],
    ],
    [{ kernel: '>=3.10.0-1062' }, {}, []],
    [{ kernel: '>=3.10.0-1062' }, { 'kernel.release': '3.10.0-957.5.1.el7.x86_64' }, [/957/]],
    [{ runc: '<1.0.0-rc94' }, { 'runc.version': '1.0.0-rc10' }, []],
    [{ runc: '>=1.0.0-rc94' }, { 'runc.version': '1.0.0-rc10' }, [/rc10/]],
    [{ kubelet: '<1.21.2 || >=1.22.0' }, { 'kubelet.version': '1.21.5' }, [/1.21.5/]],
    [{ containerd: '>=1.4.5' }, { 'containerd.evr': '1.4.13-3.1.el7' }, []],
    [{ containerd: '>=1.4.5' }, {}, [/containerd is not there/]],
    [{ containerd: '>=1.4.5', allow_absent: true }, {}, []],
  ])('%j', (args, facts, wrong) => {
    const reported = planOf('versions', {
      args: { ...args, otherwise: 'report' },
      facts: el7(facts),
    });
    expect(reported.warnings ?? []).toEqual(wrong.map((pattern) => expect.stringMatching(pattern)));
    const refused = planOf('versions', { args, facts: el7(facts) });
    expect(refused.refuse === undefined).toBe(wrong.length === 0);
    const failed = planOf('versions', { args: { ...args, otherwise: 'fail' }, facts: el7(facts) });
    expect(failed.unmet === undefined).toBe(wrong.length === 0);
  });
  it.each([
    [{ docker: 'new enough' }],
    [{ docker: '>=' }],
    [{ podman: '>=1' }],
    [{ otherwise: 'maybe' }],
  ])('does not take %j', (args) => {
    expect(() => parseArgs(moduleNamed('versions'), args)).toThrow();
  });
});
