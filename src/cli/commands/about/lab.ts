// `kmend lab`: the practice fleet, and the demo, which is the main job on it.
import type { Command } from 'commander';
import { stateDirOf } from '../../../app/session/flags.ts';
import { CommandError } from '../../../app/session/world.ts';
import { table } from '../../../screens/layout.ts';
import { printJson } from '../../output.ts';
import { loadPractice } from '../../practice.ts';
import type { World } from '../../world.ts';
import { runDemo } from './demo.ts';

interface Flags {
  readonly stateDir?: string;
  readonly down?: string;
  readonly json?: boolean;
}

export function labCommand(program: Command, world: World, done: (exit: number) => void): void {
  const lab = program
    .command('lab')
    .description('the practice fleet: hosts that need no root and no network, to try kmend on');
  const sub = (
    name: string,
    description: string,
    act: (flags: Flags) => Promise<number>,
  ): Command =>
    lab
      .command(name)
      .description(description)
      .option('--state-dir <dir>', 'the fleet lies in DIR/lab')
      .option('--down <seconds>', 'how long a reboot takes', '1')
      .action(async (flags: Flags) => done(await act(flags)));
  const dirOf = (flags: Flags): string => `${stateDirOf(flags, world)}/lab`;
  sub('up', 'start the fleet in the background', async (flags) => {
    const { labUp } = await loadPractice();
    const dir = dirOf(flags);
    const { info, wasUp } = await labUp(dir, {
      command: process.execPath,
      args: [
        world.program,
        'lab',
        'serve',
        '--state-dir',
        stateDirOf(flags, world),
        '--down',
        flags.down ?? '1',
      ],
    });
    world.out(`${info.hosts.length} hosts ${wasUp ? 'were up already' : 'are up'}; try:`);
    world.out(`  kmend check -i ${info.inventoryFile}`);
    return 0;
  });
  sub('serve', 'run the fleet in this process until it is ended', async (flags) => {
    const { demoHosts, serveLab } = await loadPractice();
    await world.underWay(() =>
      serveLab(
        { dir: dirOf(flags), hosts: demoHosts, downSeconds: Number(flags.down ?? '1') },
        world.stop,
      ),
    );
    return 0;
  });
  sub('list', 'its hosts, and whether they answer', async (flags) => {
    const { labList } = await loadPractice();
    const hosts = await labList(dirOf(flags));
    if (hosts === undefined) throw new CommandError(3, 'no practice fleet is up', 'kmend lab up');
    if (flags.json === true) {
      for (const host of hosts) printJson('kmend.lab/1', host, world);
      return 0;
    }
    for (const line of table(
      hosts.map((host) => [
        host.name,
        `${host.address}:${host.port}`,
        host.flavour,
        host.answers ? 'answers' : 'does not answer',
      ]),
      world.width(),
    ))
      world.out(line);
    return 0;
  }).option('--json', 'JSON lines');
  sub('down', 'end the fleet', async (flags) => {
    const { labDown } = await loadPractice();
    world.out(
      (await labDown(dirOf(flags))) ? 'the practice fleet is down' : 'no practice fleet was up',
    );
    return 0;
  });
  sub(
    'demo',
    'the story of one incident on a practice fleet: an affected node, why, the plan, one canary, its proof, the rest',
    async (flags) => world.underWay(() => runDemo(flags, world)),
  );
}
