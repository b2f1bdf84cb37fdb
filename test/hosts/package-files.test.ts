// Package files on real hosts without any repository: copied over real SSH before the drain, cut
// off in the middle, and installed by the real dnf and apt.
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectPackage } from '../../src/adapters/local/index.ts';
import { type Lab, labMissing, startLab } from './lab.ts';
import { eventsOf, failureOf, type Operator, operator } from './operator.ts';

const noEl7 = labMissing('el7');
const noDeb = labMissing('deb');

const sha256 = (path: string): string =>
  createHash('sha256').update(readFileSync(path)).digest('hex');

/** A copy before the drain, a drain by a command, the move. */
const play = (module: string, args: string, more = ''): string => `- name: By file
  hosts: all
  rollout: {brake: {failures: 20}, retries: {transport: 3}${more}}
  tasks:
    - {name: Ahead, ${module}: {${args}, predownload: true}}
    - {name: Drain, shell: 'echo drained >> /var/log/pods.log'}
    - {name: Move, ${module}: {${args}}}
`;

/**
 * Everything that passes is counted; `cut` ends the connection after so many bytes of the client,
 * once.
 */
async function proxy(to: { readonly address: string; readonly port: number }, port: number) {
  const sockets = new Set<Socket>();
  let cut = Number.POSITIVE_INFINITY;
  const server: Server = createServer((client) => {
    const there = connect(to.port, to.address);
    let passed = 0;
    for (const socket of [client, there])
      socket
        .on('error', () => undefined)
        .on('close', () => [client, there].map((one) => one.destroy()));
    sockets.add(client);
    client.on('data', (chunk) => {
      passed += chunk.length;
      if (passed <= cut) return;
      cut = Number.POSITIVE_INFINITY;
      client.destroy();
    });
    client.pipe(there).pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  return {
    cutAfter: (bytes: number) => {
      cut = bytes;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** A package of so many megabytes that nothing compresses. */
function bigPackage(folder: string, megabytes: number): string {
  const spec = join(folder, 'big.spec');
  writeFileSync(
    spec,
    `Name: lab-big
Version: 1
Release: 1.el7
Summary: big
License: MIT
AutoReqProv: no
%description
big
%install
mkdir -p %{buildroot}/usr/share/lab
head -c ${megabytes}000000 /dev/urandom > %{buildroot}/usr/share/lab/big
%files
/usr/share/lab/big
`,
  );
  const define = [
    `_topdir ${folder}/rb`,
    `_rpmdir ${folder}/rpm`,
    '_binary_payload w0.gzdio',
    'debug_package %{nil}',
    '__brp_strip true',
  ];
  execFileSync(
    'rpmbuild',
    ['-bb', '--quiet', '--target', 'x86_64', ...define.flatMap((one) => ['--define', one]), spec],
    {
      stdio: 'ignore',
    },
  );
  return join(folder, 'rpm/x86_64/lab-big-1-1.el7.x86_64.rpm');
}

describe.skipIf(noEl7 !== '')(
  `package files on el7 hosts without a repository (${noEl7 || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    let files: (...names: readonly string[]) => string;
    let way: Awaited<ReturnType<typeof proxy>>;
    const copied = '/var/lib/kmend/packages';
    const on = async (host: string, command: string) =>
      (await lab.ssh(host, command, 60)).out.trim();
    const effects = (host: string, run?: string) =>
      eventsOf(op.journal(run), 'effect.done', host).map(
        ({ effect, result }) => `${effect.split('/')[1]} ${result.data?.sent ?? result.code}`,
      );

    beforeAll(async () => {
      lab = await startLab({ flavour: 'el7', count: 4, net: '127.15' });
      const [, , h3 = { address: '', port: 0 }] = lab.hosts;
      way = await proxy(h3, 18_070);
      op = operator([
        ...['h1', 'h2', 'h4'].map((host) => ({ name: host, lab, host })),
        {
          name: 'h3',
          lab,
          host: 'h3',
          vars: {
            ansible_host: '127.0.0.1',
            ansible_port: '18070',
            ansible_host_key_checking: 'accept-new',
          },
        },
      ]);
      await Promise.all(
        ['h1', 'h2', 'h3', 'h4'].map((host) =>
          on(host, 'rm -f /etc/yum.repos.d/*; yum -q clean all'),
        ),
      );
      mkdirSync(join(op.dir, 'files'));
      for (const arch of ['x86_64', 'noarch'])
        for (const name of readdirSync(join(lab.packages, arch)))
          writeFileSync(join(op.dir, 'files', name), readFileSync(join(lab.packages, arch, name)));
      files = (...names) => `files: [${names.map((name) => `{path: ${name}.rpm}`).join(', ')}]`;
    });
    afterAll(() => {
      way?.close();
      op?.close();
      lab?.down();
    });

    it('reads from every package what rpm reads', async () => {
      for (const name of readdirSync(join(op.dir, 'files'))) {
        const path = join(op.dir, 'files', name);
        const inspected = await inspectPackage(path);
        const format = '%{NAME} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE} %{ARCH}';
        const answer = execFileSync('rpm', ['-qp', '--qf', format, path], {
          encoding: 'utf8',
          stdio: ['ignore', 'pipe', 'ignore'],
        });
        const list = (what: string) =>
          execFileSync('rpm', ['-qp', what, path], {
            encoding: 'utf8',
            stdio: ['ignore', 'pipe', 'ignore'],
          });
        if (!inspected.ok) throw new Error(inspected.why);
        expect(`${inspected.file.name} ${inspected.file.version} ${inspected.file.arch}`).toBe(
          answer,
        );
        expect(inspected.file.requires.toSorted()).toEqual(
          list('--requires')
            .trim()
            .split('\n')
            .map((line) => line.split(' ')[0])
            .toSorted(),
        );
        expect(inspected.file.provides.toSorted()).toEqual(
          list('--provides')
            .trim()
            .split('\n')
            .map((line) => line.split(' ')[0])
            .toSorted(),
        );
      }
    });

    it('the runtime moves by files alone, what they require with them, and back again', async () => {
      const set = [
        'docker-ce-18.06.1.ce-3.el7.x86_64',
        'docker-ce-18.09.9-3.el7.x86_64',
        'docker-ce-cli-18.09.9-3.el7.x86_64',
        'containerd.io-1.4.13-3.1.el7.x86_64',
      ];
      const to = op.file(
        'up.yaml',
        play('package', `name: docker-ce, version: 18.09.9, ${files(...set)}`),
      );
      const plan = await op.kmend(['plan', to, '-i', op.inventory, '-l', 'h1']);
      expect([plan.code, plan.out], plan.err).toEqual([
        2,
        expect.stringMatching(
          /Ahead\n.*copy package files: docker-ce 3:18\.09\.9.*, containerd\.io 1\.4\.13.*, docker-ce-cli 1:18\.09\.9.*\n.*download: .*Move\n.*~ package docker-ce: .*\+ package containerd\.io: .*\+ package docker-ce-cli: /s,
        ),
      ]);
      const ran = await op.kmend(['apply', to, '-i', op.inventory, '-l', 'h1', '--yes']);
      expect(
        [ran.code, await on('h1', 'rpm -q docker-ce docker-ce-cli containerd.io')],
        ran.out + ran.err,
      ).toEqual([
        0,
        'docker-ce-18.09.9-3.el7.x86_64\ndocker-ce-cli-18.09.9-3.el7.x86_64\ncontainerd.io-1.4.13-3.1.el7.x86_64',
      ]);
      // Three copies and a check whether they are enough, the drain, the move: nothing is copied after
      // the drain.
      expect(effects('h1').map((line) => line.split(' ')[0])).toEqual([
        '0',
        '0',
        '0',
        '0',
        '1',
        '2',
      ]);
      expect(await on('h1', `ls ${copied} | wc -l`)).toBe('3');
      const back = op.file(
        'back.yaml',
        play(
          'package',
          `packages: {docker-ce: 18.06.1.ce-3.el7, docker-ce-cli: absent, containerd.io: absent}, allow_downgrade: true, ${files(...set)}`,
        ),
      );
      const returned = await op.kmend([
        'apply',
        back,
        '-i',
        op.inventory,
        '-l',
        'h1',
        '--yes',
        '--rollback',
        'none',
      ]);
      expect(
        [returned.code, await on('h1', 'rpm -q docker-ce docker-ce-cli')],
        returned.out + returned.err,
      ).toEqual([0, 'docker-ce-18.06.1.ce-3.el7.x86_64\npackage docker-ce-cli is not installed']);
      expect((await op.kmend(['cleanup', 'h1', '-i', op.inventory, '--yes'])).code).toBe(0);
      expect(await on('h1', `ls -d ${copied} 2>&1 | grep -c 'No such'`)).toBe('1');
    });

    it('a kernel comes by file, and is what boots next', async () => {
      const given = `min: 3.10.0-1062.el7, ${files('kernel-3.10.0-1160.el7.x86_64', 'bash-4.2.46-30.el7.x86_64')}`;
      const kernel = op.file('kernel.yaml', play('kernel', given));
      const ran = await op.kmend(['apply', kernel, '-i', op.inventory, '-l', 'h2', '--yes']);
      expect([ran.code, await on('h2', 'grubby --default-kernel')], ran.out + ran.err).toEqual([
        0,
        '/boot/vmlinuz-3.10.0-1160.el7.x86_64',
      ]);
    });

    it('a file that another one lacks is reported before the drain, and nothing is changed', async () => {
      const alone = op.file(
        'alone.yaml',
        play(
          'package',
          `name: docker-ce, version: 18.09.9, ${files('docker-ce-18.06.1.ce-3.el7.x86_64', 'docker-ce-18.09.9-3.el7.x86_64')}`,
        ),
      );
      const ran = await op.kmend(['apply', alone, '-i', op.inventory, '-l', 'h2', '--yes']);
      expect(ran.code).toBe(4);
      expect(failureOf(op.journal(), 'h2')?.failure).toMatchObject({
        kind: 'refused',
        message: expect.stringMatching(/requires another one/),
        detail: expect.stringMatching(/nothing provides docker-ce-cli/),
      });
      expect(await on('h2', 'cat /var/log/pods.log')).toBe('drained');
      expect(await on('h2', 'rpm -q docker-ce')).toBe('docker-ce-18.06.1.ce-3.el7.x86_64');
    });

    it('a cut connection is taken up where it was, a killed controller by its resume', async () => {
      const big = bigPackage(op.dir, 40);
      const { size } = statSync(big);
      const given = `files: [{path: ${big}, sha256: ${sha256(big)}}]`;
      const install = op.file('big.yaml', play('package', given));
      way.cutAfter(12_000_000);
      const ran = await op.kmend(['apply', install, '-i', op.inventory, '-l', 'h3', '--yes']);
      expect([ran.code, await on('h3', 'rpm -q lab-big')], ran.out + ran.err).toEqual([
        0,
        'lab-big-1-1.el7.x86_64',
      ]);
      const sent = Number(eventsOf(op.journal(), 'effect.done', 'h3')[0]?.result.data?.sent);
      // What was on its way when it was cut is sent twice; the first part is not.
      expect(sent).toBeGreaterThan(size);
      expect(sent).toBeLessThan(size + 6_000_000);

      const started = op.start(['apply', install, '-i', op.inventory, '-l', 'h4', '--yes']);
      // Read from outside: a command over SSH takes as long as much of the copy.
      const part = join(
        lab.dir,
        'hosts/h4/up',
        copied,
        `lab-big-1-1.el7.x86_64-${sha256(big).slice(0, 12)}.rpm.part`,
      );
      const there = () => statSync(part, { throwIfNoEntry: false })?.size ?? 0;
      for (let tries = 0; tries < 4_000 && there() < 1_000_000; tries++) await sleep(5);
      started.child.kill('SIGKILL');
      await started.ended;
      const before = there();
      expect(before).toBeGreaterThanOrEqual(1_000_000);
      expect(before).toBeLessThan(size);
      const run = op.runs().at(-1) ?? '';
      const resumed = await op.kmend(['resume', run, '--yes']);
      expect(
        [resumed.code, await on('h4', 'rpm -q lab-big; cat /var/log/pods.log')],
        resumed.out + resumed.err,
      ).toEqual([0, 'lab-big-1-1.el7.x86_64\ndrained']);
      expect(
        Number(eventsOf(op.journal(run), 'effect.done', 'h4')[0]?.result.data?.sent),
      ).toBeLessThanOrEqual(size - before);
    });

    it('a part that belongs to another file is not continued, and a full disk is reported with the host untouched', async () => {
      const big = join(op.dir, 'rpm/x86_64/lab-big-1-1.el7.x86_64.rpm');
      const name = `lab-big-1-1.el7.x86_64-${sha256(big).slice(0, 12)}.rpm`;
      await on('h1', `mkdir -p ${copied} && head -c 1000000 /dev/zero > ${copied}/${name}.part`);
      const install = op.file('big1.yaml', play('package', `files: [{path: ${big}}]`));
      expect(
        (await op.kmend(['apply', install, '-i', op.inventory, '-l', 'h1', '--yes'])).code,
      ).toBe(0);
      expect(await on('h1', `sha256sum < ${copied}/${name}`)).toBe(`${sha256(big)}  -`);
      await on(
        'h2',
        'mkdir -p /var/lib/kmend/packages && mount -t tmpfs -o size=30m none /var/lib/kmend/packages',
      );
      const full = await op.kmend(['apply', install, '-i', op.inventory, '-l', 'h2', '--yes']);
      expect(full.code).toBe(4);
      expect(failureOf(op.journal(), 'h2')).toMatchObject({
        touched: false,
        failure: { kind: 'refused', message: expect.stringMatching(/^no room for lab-big/) },
      });
    });

    it('a file with the wrong checksum ends the command before any host is contacted', async () => {
      const wrong = op.file(
        'wrong.yaml',
        play('package', `files: [{path: lab-slow-1-1.noarch.rpm, sha256: ${'0'.repeat(64)}}]`),
      );
      const ran = await op.kmend(['apply', wrong, '-i', op.inventory, '--yes']);
      expect([ran.code, ran.err]).toEqual([
        3,
        expect.stringMatching(
          /wrong\.yaml:5:\d+: error: package file lab-slow-1-1\.noarch\.rpm has another checksum/,
        ),
      ]);
    });
  },
);

describe.skipIf(noDeb !== '')(
  `package files on Debian hosts without a repository (${noDeb || 'all there'})`,
  () => {
    let lab: Lab;
    let op: Operator;
    beforeAll(async () => {
      lab = await startLab({ flavour: 'deb', count: 1, net: '127.16' });
      op = operator([{ name: 'h1', lab, host: 'h1' }]);
      await lab.ssh(
        'h1',
        'rm -f /etc/apt/sources.list.d/* /etc/apt/sources.list; apt-get -q update',
        60,
      );
    });
    afterAll(() => {
      op?.close();
      lab?.down();
    });

    it('packages go up by files alone, and down again', async () => {
      const deb = lab.packages;
      const found = readdirSync(deb).filter((name) =>
        /^(?:docker-ce.*18\.09\.[19]|containerd\.io_1\.4\.13)/.test(name),
      );
      const files = `files: [${found.map((name) => `{path: '${join(deb, name)}'}`).join(', ')}]`;
      const to = (version: string) =>
        `packages: {docker-ce: ${version}, docker-ce-cli: ${version}, containerd.io: 1.4.13}, allow_downgrade: true, ${files}`;
      for (const version of ['18.09.9', '18.09.1']) {
        const path = op.file('deb.yaml', play('package', to(version), ', rollback: none'));
        const ran = await op.kmend(['apply', path, '-i', op.inventory, '--yes']);
        expect(
          [ran.code, (await lab.ssh('h1', 'dpkg-query -W docker-ce', 60)).out],
          ran.out + ran.err,
        ).toEqual([0, `docker-ce\t5:${version}~3-0~debian-stretch\n`]);
      }
    });
  },
);
