// verify_kmem: what proves it, what does not, and the active probe run on trees that answer as el7
// does.
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { sampleChange } from '../../src/modules/sample-container.ts';
import { groupFacts } from '../facts/model-hosts.ts';
import { el7, nokmemNow, noSample, readsOff } from './facts.ts';
import { hostTree, shells } from './host-tree.ts';
import { moduleNamed, parseArgs, planOf } from './laws.ts';

const lt = '5.4.278-1.el7.elrepo.x86_64';

const good = {
  'docker.evr': '3:18.09.9-3.el7',
  'docker.version': '18.09.9',
  'containerd.package': 'containerd.io',
  'containerd.evr': '1.4.13-3.1.el7',
  'containerd.bundled': false,
  'runc.version': '1.0.2',
};
const kinds = (plan: ReturnType<typeof planOf>) =>
  plan.changes.flatMap((change) => change.effects.map((effect) => effect.kind));

describe('verify_kmem', () => {
  it('is satisfied by samples', () => {
    const plan = planOf('verify_kmem', { args: {}, facts: el7({ ...nokmemNow, ...readsOff }) });
    expect(plan).toMatchObject({ changes: [], proof: { verdict: 'off', by: 'samples' } });
  });
  it('is satisfied by the active probe of the argument', () => {
    const plan = planOf('verify_kmem', {
      args: {},
      facts: el7({ ...nokmemNow, ...noSample, 'kmem.active_probe': 'off' }),
    });
    expect(plan).toMatchObject({ changes: [], proof: { verdict: 'off', by: 'active_probe' } });
  });
  it('is satisfied by a kernel on which accounting is healthy, and says so', () => {
    const plan = planOf('verify_kmem', {
      args: {},
      facts: el7({ 'kernel.release': lt, 'kernel.next': lt }),
    });
    expect(plan).toMatchObject({
      changes: [],
      proof: {
        verdict: 'not_applicable',
        by: 'kernel',
        evidence: 'kernel 5.4: accounting is healthy',
      },
    });
  });
  it('is satisfied by such a kernel on trial, though one that leaks boots next; without the trial it is not', () => {
    const onTrial = { 'kernel.release': lt, 'kernel.trial': lt, 'kernel.installed': [lt] };
    expect(planOf('verify_kmem', { args: {}, facts: el7(onTrial) }).proof).toEqual({
      verdict: 'not_applicable',
      by: 'kernel',
      evidence: `kernel ${lt}: accounting is healthy; on trial, 3.10.0-1160.el7.x86_64 boots next until this one is the default`,
    });
    expect(
      planOf('verify_kmem', { args: {}, facts: el7({ ...onTrial, 'kernel.trial': '' }) }).unmet
        ?.evidence,
    ).toMatch(/will come back/);
    const leaks = {
      'kernel.trial': '3.10.0-1160.el7.x86_64',
      'kernel.release': '3.10.0-1160.el7.x86_64',
    };
    expect(planOf('verify_kmem', { args: {}, facts: el7(leaks) }).unmet?.evidence).toMatch(
      /accounting is on/,
    );
  });
  it('asks the kernel first, then waits, where nothing proves the argument yet', () => {
    expect(
      kinds(planOf('verify_kmem', { args: {}, facts: el7({ ...nokmemNow, ...noSample }) })),
    ).toEqual(['run', 'wait']);
  });
  it('only waits where the play forbids the probe, or a runtime is the remedy: the probe does not prove that', () => {
    expect(
      kinds(
        planOf('verify_kmem', {
          args: { active_probe: false },
          facts: el7({ ...nokmemNow, ...noSample }),
        }),
      ),
    ).toEqual(['wait']);
    expect(
      kinds(planOf('verify_kmem', { args: {}, facts: el7({ ...good, ...noSample }) })),
    ).toEqual(['wait']);
  });
  it('goes on unproven where the play says provisional', () => {
    const plan = planOf('verify_kmem', {
      args: { without_sample: 'provisional' },
      facts: el7({ ...good, ...noSample }),
    });
    expect(plan).toMatchObject({
      changes: [],
      proof: { by: 'none' },
      note: expect.stringContaining('provisional'),
    });
    expect(
      kinds(
        planOf('verify_kmem', {
          args: { without_sample: 'provisional' },
          facts: el7({ ...nokmemNow, ...noSample }),
        }),
      ),
    ).toEqual(['run']);
  });
  it('has nothing to prove on a modern kernel', () => {
    const facts = el7({ 'kernel.release': '6.1.0-28-amd64', 'cgroup.memory': 'v2' });
    const plan = planOf('verify_kmem', { args: {}, facts });
    expect(plan.changes).toEqual([]);
    expect(plan.proof).toBeUndefined();
  });
  it.each<[string, Parameters<typeof el7>[0], RegExp]>([
    ['accounting is on', {}, /accounting is on: 3 of 3/],
    [
      'the argument is there and does nothing',
      { ...nokmemNow, ...noSample, 'kmem.active_probe': 'on' },
      /not in force/,
    ],
    [
      'reads are off and a part here will switch it on',
      { ...readsOff },
      /will come back: .*docker 18.06.1/,
    ],
    [
      'the next boot loses the argument',
      { ...nokmemNow, 'boot.next_cmdline': 'ro', ...readsOff },
      /loses/,
    ],
  ])('ends the host when %s', (_, facts, evidence) => {
    expect(planOf('verify_kmem', { args: {}, facts: el7(facts) }).unmet).toMatchObject({
      kind: 'not_verified',
      evidence: expect.stringMatching(evidence),
    });
  });
  describe('on a kernel that nobody has read, booted with the argument', () => {
    const release = '3.10.0-862.el7.x86_64';
    const unread = { ...nokmemNow, 'kernel.release': release, 'kernel.next': release };
    it.each<[string, object]>([
      ['its groups read off', { ...readsOff }],
      ['its groups read on', {}],
      ['nothing is there to read', { ...noSample }],
      ['a System.map speaks against it', { ...readsOff, 'kernel.maps': { [release]: 'no' } }],
      [
        'the operator declares that it obeys',
        { ...readsOff, 'kmem.kernels': { [release]: 'yes' } },
      ],
    ])('asks it first, also where %s', (_, more) => {
      const plan = planOf('verify_kmem', { args: {}, facts: el7({ ...unread, ...more }) });
      expect([plan.unmet, plan.changes.map(({ what }) => what)]).toEqual([
        undefined,
        ['active probe of the boot argument'],
      ]);
    });
    it('takes its answer as the proof, whatever its samples say beside it', () => {
      const facts = el7({ ...unread, ...readsOff, 'kmem.active_probe': 'off' });
      expect(planOf('verify_kmem', { args: {}, facts }).proof).toMatchObject({
        verdict: 'off',
        by: 'active_probe',
        evidence: expect.stringMatching(/^active probe: nokmem is in force; EIO on 3 of 3/),
      });
    });
    it.each<[string, object]>([
      ['groups that read off', { ...readsOff }],
      ['groups that read on', {}],
    ])('ends the host where it answers that it does not obey, beside %s', (_, more) => {
      const plan = planOf('verify_kmem', {
        args: {},
        facts: el7({ ...unread, ...more, 'kmem.active_probe': 'on' }),
      });
      expect(plan.unmet).toMatchObject({
        kind: 'not_verified',
        evidence: expect.stringContaining('the boot argument is not in force'),
      });
    });
    it('ends the host where the play forbids to ask, and where another host of this run was asked needs no answer of its own', () => {
      const facts = el7({ ...unread, ...readsOff });
      expect(
        planOf('verify_kmem', { args: { active_probe: false }, facts }).unmet?.evidence,
      ).toMatch(/it is not known whether kernel 3\.10\.0-862\S+ obeys/);
      const seen = el7({ ...unread, ...readsOff, 'kernel.seen': { [release]: 'yes' } });
      expect(planOf('verify_kmem', { args: {}, facts: seen }).proof).toMatchObject({
        verdict: 'off',
        by: 'samples',
      });
    });
  });
  it('names the contradiction when the command line says nokmem and the reads say on', () => {
    const unmetOn = (release: string) =>
      planOf('verify_kmem', { args: {}, facts: el7({ ...nokmemNow, 'kernel.release': release }) })
        .unmet?.evidence;
    expect(unmetOn('3.10.0-514.el7.x86_64')).toMatch(
      /although the command line says nokmem \(kernel 3.10.0-514.* does not parse it\): 3 of 3/,
    );
    expect(unmetOn('3.10.0-1160.el7.x86_64')).toMatch(
      /although the command line says nokmem \(the reads stand\)/,
    );
    expect(planOf('verify_kmem', { args: {}, facts: el7() }).unmet?.evidence).not.toMatch(
      /although/,
    );
  });
  it('reports further signs of a boot with the argument, also when they contradict the proof', () => {
    const evidenceOf = (more: object) =>
      planOf('verify_kmem', { args: {}, facts: el7({ ...nokmemNow, ...readsOff, ...more }) }).proof
        ?.evidence;
    expect(evidenceOf({})).toMatch(/root kmem usage 0, no cgroup in \/sys\/kernel\/slab$/);
    expect(evidenceOf({ 'kmem.root_usage': 4096, 'kmem.slab_entries': 2 })).toMatch(
      /against it: root kmem usage 4096, 2 entries/,
    );
    expect(
      planOf('verify_kmem', { args: {}, facts: el7({ ...good, ...readsOff }) }).proof?.evidence,
    ).not.toMatch(/root kmem/);
  });
  it('starts a sample only where the play asks for it, docker runs, and the probe does not do', () => {
    const start = { sample: 'start' };
    const idle = { ...good, ...noSample };
    expect(kinds(planOf('verify_kmem', { args: start, facts: el7(idle) }))).toEqual([
      'run',
      'wait',
    ]);
    expect(kinds(planOf('verify_kmem', { args: {}, facts: el7(idle) }))).toEqual(['wait']);
    expect(
      kinds(
        planOf('verify_kmem', { args: start, facts: el7({ ...idle, 'docker.running': false }) }),
      ),
    ).toEqual(['wait']);
    expect(
      planOf('verify_kmem', { args: start, facts: el7({ ...nokmemNow, ...noSample }) }).changes[0]
        ?.what,
    ).toMatch(/probe/);
    expect(() =>
      parseArgs(moduleNamed('verify_kmem'), { sample: 'start', without_sample: 'provisional' }),
    ).toThrow();
  });
  describe('where the play accepts that the kubelet still accounts', () => {
    const kubelet = {
      'kubelet.installed': true,
      'kubelet.version': '1.12.3',
      'kubelet.driver': 'cgroupfs',
    };
    const accepted = [{ key: 'kubelet', name: 'kubelet 1.12.3' }];
    const [off, on] = [
      'eio docker\neio docker/#d\neio! docker/#c',
      'on! kubepods\non! kubepods/pod1\non! kubepods/pod1/#a',
    ];
    const planned = (groups: string, args: object = {}, more: object = {}) =>
      planOf('verify_kmem', {
        args,
        facts: el7({
          ...good,
          ...kubelet,
          ...groupFacts(groups),
          'kmem.accepted': accepted,
          ...more,
        }),
      });

    it.each([
      ['on', `${on}\n${off}`],
      ['at_risk', off],
    ])('proves all others, and the verdict stays %s', (verdict, groups) => {
      const plan = planned(groups);
      expect(plan).toMatchObject({
        changes: [],
        proof: { verdict, by: 'samples', accepted },
        result: { accepted: ['kubelet 1.12.3'] },
      });
      expect(plan.proof?.evidence).toMatch(
        /^docker's containers: off .*; kubelet 1\.12\.3 still accounts: accepted/,
      );
    });
    it('waits for a container outside Kubernetes, starts one, or goes on unproven, as the task says', () => {
      expect(planned(on).changes.flatMap(({ effects }) => effects)).toMatchObject([
        {
          kind: 'wait',
          until: [{ fact: 'kmem.partial', is: 'samples' }],
          unless: [{ fact: 'kmem.partial', is: 'refuted' }],
        },
      ]);
      expect(kinds(planned(on, { sample: 'start' }))).toEqual(['run', 'wait']);
      expect(planned(on, { without_sample: 'provisional' })).toMatchObject({
        changes: [],
        proof: { by: 'none', accepted },
      });
    });
    it.each<[string, string, object]>([
      ["docker's own container reads on", `${on}\non! docker/#c`, {}],
      ['another program asks, too', `${on}\n${off}\non! libpod_parent/libpod-#e`, {}],
      ['the kubelet is another version', `${on}\n${off}`, { 'kubelet.version': '1.13.0' }],
    ])('ends the host when %s', (_, groups, more) => {
      expect(planned(groups, {}, more).unmet).toMatchObject({
        kind: 'not_verified',
        evidence: expect.stringMatching(/beyond what was accepted/),
      });
    });
    it('asks a kernel first that may obey an argument, and takes its no for no failure', () => {
      const release = '3.10.0-862.el7.x86_64';
      const unread = { ...nokmemNow, 'kernel.release': release, 'kernel.next': release };
      expect(planned(`${on}\n${off}`, {}, unread).changes.map(({ what }) => what)).toEqual([
        'active probe of the boot argument',
      ]);
      expect(
        planned(`${on}\n${off}`, {}, { ...unread, 'kmem.active_probe': 'on' }).proof,
      ).toMatchObject({ verdict: 'on', accepted });
    });
  });
});

const [probe] = planOf('verify_kmem', {
  args: {},
  facts: el7({ ...nokmemNow, ...noSample }),
}).changes.flatMap((change) => change.effects);
const script = probe?.kind === 'run' ? probe.script : '';

/** mkdir fills a new memory group as the kernel does; rmdir takes a group away with its files. */
function kernelTree(slabinfo: 'off' | 'on' | 'absent' | 'no mkdir') {
  const tree = hostTree({
    '/proc/sys/kernel/random/boot_id': 'b-1\n',
    '/sys/fs/cgroup/memory/memory.kmem.limit_in_bytes': '9223372036854771712\n',
  });
  tree.program(
    'group-mkdir',
    `[ "${slabinfo}" != "no mkdir" ] || case $1 in *cgroup*) echo 'Cannot allocate memory' >&2; exit 1;; esac
/bin/mkdir "$@" || exit; for d; do :; done
case $d in *cgroup/memory/*) [ "${slabinfo}" = absent ] && exit 0; : > "$d/memory.kmem.limit_in_bytes"
  case "${slabinfo}" in on) printf 'slabinfo - version: 2.1\\n# name\\n' > "$d/memory.kmem.slabinfo";; off) ln -s /proc/self/mem "$d/memory.kmem.slabinfo";; esac;; esac`,
  );
  tree.program(
    'group-rmdir',
    'case $1 in *cgroup/memory/*) exec rm -rf "$1";; esac; exec /bin/rmdir "$@"',
  );
  symlinkSync('nowhere', join(tree.root, 'proc/mounts'));
  return tree;
}

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'the active probe, under %s',
  (_, shell) => {
    it.each<['off' | 'on' | 'absent' | 'no mkdir', string, string]>([
      ['off', 'off', ''],
      ['on', 'on', ''],
      ['absent', 'failed', 'there is no memory.kmem.slabinfo\n'],
      ['no mkdir', 'failed', 'Cannot allocate memory\n'],
    ])(
      'on a kernel that answers "%s" says %s and why, and leaves no group behind',
      (slabinfo, word, why) => {
        const tree = kernelTree(slabinfo);
        // Functions, not programs: busybox takes its own mkdir without looking for another.
        expect(
          tree.run(
            `mkdir() { group-mkdir "$@"; }\nrmdir() { group-rmdir "$@"; }\n${script}`,
            shell,
          ),
        ).toEqual({
          code: 0,
          out: why,
          err: '',
        });
        expect(tree.read('/run/kmend/active-probe')).toBe(`b-1 ${word}\n`);
        expect(tree.run('ls "$KMEND_ROOT/sys/fs/cgroup/memory"').out).toBe(
          'memory.kmem.limit_in_bytes\n',
        );
      },
    );
  },
);

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'the sample container, under %s',
  (_, shell) => {
    const idle = el7({ ...good, ...noSample });
    const [sample] = planOf('verify_kmem', {
      args: { sample: 'start' },
      facts: idle,
    }).changes.flatMap((change) => change.effects);
    const start = sample?.kind === 'run' ? sample.script : '';
    const id = 'c'.repeat(64);
    /** Only these images have a `sleep`; the group of a container that runs answers so. */
    const dockerHost = (images: string, works: string, answer: 'off' | 'on' = 'off') => {
      const tree = hostTree({
        '/images': images,
        '/works': works,
        '/header': 'slabinfo - version: 2.1\n',
        '/proc/sys/kernel/random/boot_id': 'b-1\n',
        '/sys/fs/cgroup/memory/memory.kmem.limit_in_bytes': '9223372036854771712\n',
      });
      tree.program('sleep', ':');
      tree.program(
        'docker',
        `c=$KMEND_ROOT/container g=$KMEND_ROOT/sys/fs/cgroup/memory/docker/${id}; case $1 in
images) cat "$KMEND_ROOT/images";;
inspect) [ -e "$c" ] || exit 1; case $3 in *Running*) echo "true ${id}";; *) echo ${id};; esac;;
rm) rm -rf "$c" "$g";;
run) echo "$*" >> "$KMEND_ROOT/calls"; for a; do if grep -qx -e "$a" "$KMEND_ROOT/works"; then : > "$c"; mkdir -p "$g"; ln -s ${answer === 'off' ? '/proc/self/mem' : '"$KMEND_ROOT/header"'} "$g/memory.kmem.slabinfo"; exit 0; fi; done; exit 127;;
*) exit 9;; esac`,
      );
      return tree;
    };
    const run =
      'run -d --rm --name kmend-sample --label kmend=sample --memory 64m --network none --entrypoint sleep';
    it('takes the first image that can sleep, pulls none, notes what its group answered, and removes it', () => {
      const tree = dockerHost('sha256:aa\nsha256:aa\nsha256:bb\nsha256:cc\n', 'bb\ncc\n');
      expect(tree.run(start, shell)).toEqual({
        code: 0,
        out: 'docker: asked, and its container reads off\n',
        err: '',
      });
      expect(tree.read('/calls')).toBe(`${run} aa 180\n${run} bb 180\n`);
      expect(tree.read('/run/kmend/started')).toMatch(/^b-1 \d+ docker off\n$/);
      expect(tree.run('ls "$KMEND_ROOT/sys/fs/cgroup/memory/docker"').out).toBe('');
    });
    it("reads the container's group, not that of the program that watches it", () => {
      const tree = dockerHost('sha256:bb\n', 'bb\n', 'on');
      // find gives directories in no order: one of so many comes before the container's.
      tree.run(
        `m=$KMEND_ROOT/sys/fs/cgroup/memory; mkdir "$m/docker"; for place in a b c d e f g h i j k l m n o p q r s t u v w x y z; do mkdir -p "$m/$place/crio-conmon-${id}"; done`,
      );
      expect(tree.run(start, shell).out).toBe('docker: asked, and its container reads on\n');
    });
    it.each([
      ['nvidia', ' --runtime runc'],
      ['docker-runc', ''],
    ])('where the default runtime is %s, starts it with%s', (runtime, option) => {
      const tree = dockerHost('sha256:bb\n', 'bb\n');
      tree.program(
        'docker',
        `case $1 in info) echo ${runtime};; run) echo "$*" >> "$KMEND_ROOT/calls";; images) echo sha256:bb;; esac`,
      );
      tree.run(start, shell);
      expect(tree.read('/calls')).toBe(
        `${run.replace(' --entrypoint', `${option} --entrypoint`)} bb 180\n`,
      );
    });
    it('keeps the last answer of each runtime', () => {
      const tree = dockerHost('sha256:bb\n', 'bb\n', 'on');
      tree.run(start, shell);
      expect(tree.run(start, shell)).toEqual({
        code: 0,
        out: 'docker: asked, and its container reads on\n',
        err: '',
      });
      expect(tree.read('/run/kmend/started')).toMatch(/^b-1 \d+ docker on\n$/);
    });
    it('takes no answer of a group below kubepods, which inherits', () => {
      const tree = dockerHost('sha256:bb\n', 'bb\n', 'on');
      tree.run(
        'g=$KMEND_ROOT/sys/fs/cgroup/memory; mkdir -p "$g/kubepods"; ln -s kubepods "$g/docker"',
        shell,
      );
      expect(tree.run(start, shell).out).toBe(
        'docker: its container is below kubepods, where a group inherits: no sample\n',
      );
      expect(tree.run('ls "$KMEND_ROOT/run/kmend"').out).toBe('');
    });
    it('says so when no image can', () => {
      for (const images of ['sha256:aa\n', ''])
        expect(dockerHost(images, '').run(start, shell)).toMatchObject({
          code: 0,
          out: expect.stringContaining('no image on this host'),
        });
    });
  },
);

describe.each(shells.map((shell) => [shell.join(' '), shell] as const))(
  'samples through other runtimes, under %s',
  (_, shell) => {
    const id = 'd'.repeat(64);
    const files = {
      '/proc/sys/kernel/random/boot_id': 'b-1\n',
      '/sys/fs/cgroup/memory/memory.kmem.limit_in_bytes': '9223372036854771712\n',
    };
    const group = `g=$KMEND_ROOT/sys/fs/cgroup/memory/some/NAME; start() { mkdir -p "$g"; ln -s /proc/self/mem "$g/memory.kmem.slabinfo"; }; calls=$KMEND_ROOT/calls`;
    const sampleOf = (key: string): string => {
      const [effect] = sampleChange([key]).effects;
      return effect?.kind === 'run' ? effect.script : '';
    };
    /** A CRI whose first image cannot be created, and whose second one runs. */
    const crictl = `${group.replace('NAME', `cri-containerd-${id}.scope`)}
echo "$*" | sed 's, /[^ ]*json,,g' >> "$calls"
shift 2
case $1 in
runp) echo pod-1;;
images) printf 'img-1\\nimg-2\\n';;
create) grep -q '"image":"img-2"' "$3" || exit 1; grep -q '"memory_limit_in_bytes":67108864' "$3" && echo ${id};;
start) start;;
rm) rm -rf "$g";;
esac`;

    it.each([
      ['containerd', '', 'containerd'],
      ['cri:nvidia', ' -r nvidia', 'cri:nvidia'],
    ])(
      "%s: a pod in the host's network, a container with a limit, and both removed",
      (key, handler) => {
        const tree = hostTree(files);
        tree.program('crictl', crictl);
        const socket = `-r unix://${tree.root}/run/containerd/containerd.sock`;
        expect(tree.run(sampleOf(key), shell)).toEqual({
          code: 0,
          out: `${key}: asked, and its container reads off\n`,
          err: '',
        });
        expect(tree.read('/calls').replaceAll(socket, 'S').trim().split('\n')).toEqual([
          `S runp${handler}`,
          'S images -q',
          'S create pod-1',
          'S create pod-1',
          `S start ${id}`,
          `S rm -f ${id}`,
          'S stopp pod-1',
          'S rmp -f pod-1',
        ]);
        expect(tree.read('/run/kmend/started')).toMatch(new RegExp(`^b-1 \\d+ ${key} off\\n$`));
      },
    );

    it('containerd without crictl: by its own client, in the namespace of the CRI', () => {
      const tree = hostTree(files);
      tree.program('sleep', ':');
      tree.program(
        'ctr',
        `${group.replace('NAME', '$(cat "$KMEND_ROOT/name" 2>/dev/null)')}
echo "$*" >> "$calls"
shift 2
case $1 in
images) echo docker.io/library/busybox:latest;;
run) for n; do case $n in b1*) echo "$n" > "$KMEND_ROOT/name"; g=$KMEND_ROOT/sys/fs/cgroup/memory/k8s.io/$n;; esac; done; start;;
esac`,
      );
      const name = 'b1'.repeat(2);
      expect(tree.run(sampleOf('containerd'), shell)).toEqual({
        code: 0,
        out: 'containerd: asked, and its container reads off\n',
        err: '',
      });
      expect(tree.read('/calls').trim().split('\n')).toEqual([
        '-n k8s.io images ls -q',
        `-n k8s.io run -d --memory-limit 67108864 docker.io/library/busybox:latest ${name} sleep 180`,
        `-n k8s.io tasks kill -s KILL ${name}`,
        `-n k8s.io tasks rm -f ${name}`,
        `-n k8s.io containers rm ${name}`,
      ]);
    });

    it('says what is missing, and fails nothing', () => {
      const tree = hostTree(files);
      expect(tree.run(sampleOf('podman'), shell)).toMatchObject({
        code: 0,
        out: 'podman: there is no podman here\n',
      });
      expect(tree.run(sampleOf('containerd'), shell)).toMatchObject({
        code: 0,
        out: 'containerd: there is neither crictl nor ctr here\n',
      });
      expect(tree.run(sampleOf('cri-o'), shell)).toMatchObject({
        code: 0,
        out: 'cri-o: there is no crictl here\n',
      });
      expect(tree.run(sampleOf('cri:kata'), shell)).toMatchObject({
        code: 0,
        out: 'containerd: there is no crictl here\n',
      });
      expect(tree.run(sampleOf("od'd"), shell)).toMatchObject({
        code: 0,
        out: "od'd: there is no docker here\n",
      });
    });
  },
);
