// Defaults of flags: the environment, then the project's settings file, then the user's own, then
// what Ansible would do.
import { dirname, isAbsolute, join } from 'node:path';
import type { Command } from 'commander';
import { ansibleFlags } from '../app/session/ansible/settings.ts';
import { report } from '../app/session/diagnostics.ts';
import { type FleetFlags, isDatabase } from '../app/session/flags.ts';
import { CommandError } from '../app/session/world.ts';
import { parseSettings, type SettingKey, type SettingValues, settingKeys } from '../load/index.ts';
import { observerOf } from './terminal/observer.ts';
import type { World } from './world.ts';

/** The project's settings file, in the working directory. */
const projectFile = 'kmend.yaml';

const userFile = ({ env, home }: World): string =>
  join(
    env.XDG_CONFIG_HOME === undefined || env.XDG_CONFIG_HOME === ''
      ? join(home, '.config')
      : env.XDG_CONFIG_HOME,
    'kmend/config.yaml',
  );

const optionOf = ({ key, flag = key }: SettingKey): string =>
  flag.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase());
const variableOf = ({ key }: SettingKey): string => `KMEND_${key.toUpperCase()}`;

/**
 * Sets options that the command line does not give. A resume keeps the settings of its run: only the
 * state directory is set.
 */
export function configure(command: Command, world: World): void {
  configureOwn(command, world);
  const isOfFleet = command.options.some((option) => option.attributeName() === 'inventory');
  if (isOfFleet && command.name() !== 'resume' && command.name() !== 'rollback')
    configureByAnsible(command, world);
}

function configureOwn(command: Command, world: World): void {
  const open = settingKeys.filter(
    (setting) =>
      command.options.some((option) => option.attributeName() === optionOf(setting)) &&
      command.getOptionValueSource(optionOf(setting)) === undefined &&
      (command.name() !== 'resume' || setting.key === 'state' || setting.key === 'state_dir') &&
      // Of a job's own notices only its flags speak; its runs are like any others.
      !(setting.key.startsWith('notify_') && command.parent?.name() === 'schedule'),
  );
  if (open.length === 0) return;
  const layers = [
    ['env', fromEnvironment(open, world)],
    ['project', fromFile(join(world.cwd, projectFile), world)],
    ['config', fromFile(userFile(world), world)],
  ] as const;
  for (const setting of open) {
    const [source, layer] = layers.find(([, values]) => values[setting.key] !== undefined) ?? [];
    if (layer !== undefined)
      command.setOptionValueWithSource(optionOf(setting), layer[setting.key], source);
  }
  settleState(command);
}

/** Flags that each take the place of a question. */
const insteadOfQuestions = [
  ['askPass', 'connectionPasswordFile'],
  ['askBecomePass', 'becomePasswordFile'],
] as const;

/** Sets what is still open by ansible.cfg and the variables ANSIBLE_*, and says what it did not take. */
function configureByAnsible(command: Command, world: World): void {
  const { flags, used, notes } = ansibleFlags(world);
  for (const [name, { value, source }] of flags) {
    const isAnswered = insteadOfQuestions.some(
      ([question, file]) => question === name && command.getOptionValueSource(file) !== undefined,
    );
    if (command.getOptionValueSource(name) === undefined && !isAnswered)
      command.setOptionValueWithSource(name, value, source);
  }
  const given = command.opts<FleetFlags>();
  const observer = observerOf(world, given);
  if (command.name() === 'doctor' || (given.verbose ?? 0) > 0)
    for (const text of used) observer.notice(`settings of Ansible, from ${text}`);
  if (command.name() !== '__complete') for (const text of notes) observer.notice(text);
}

/** Of `state` and `state_dir` the one counts that was set nearer to the command. */
function settleState(command: Command): void {
  const nearness = (option: string): number =>
    [undefined, 'config', 'project', 'env', 'cli'].indexOf(command.getOptionValueSource(option));
  if (nearness('stateDir') > nearness('state')) command.setOptionValue('state', undefined);
}

function fromEnvironment(open: readonly SettingKey[], { env }: World): SettingValues {
  const values: Record<string, string | boolean | readonly string[]> = {};
  for (const setting of open) {
    const text = env[variableOf(setting)];
    if (text !== undefined && text !== '') values[setting.key] = settingOf(setting, text);
  }
  return values;
}

function settingOf(setting: SettingKey, text: string): string | boolean | readonly string[] {
  if (setting.kind === 'paths') return text.split(':');
  if (setting.kind === 'words') return text.split(',');
  if (setting.kind !== 'switch') return text;
  if (/^(?:true|yes|on|1)$/i.test(text)) return true;
  if (/^(?:false|no|off|0)$/i.test(text)) return false;
  throw new CommandError(3, `${variableOf(setting)} must be true or false, not \`${text}\``);
}

function fromFile(path: string, world: World): SettingValues {
  const read = world.reader.readText(path);
  if (!read.ok && read.absent === true) return {};
  if (!read.ok) throw new CommandError(3, `the settings file ${path} cannot be read: ${read.why}`);
  const { value, diagnostics } = parseSettings(path, read.text);
  report(diagnostics, observerOf(world, {}));
  const home = (given: string): string =>
    given.startsWith('~/') ? join(world.home, given.slice(2)) : given;
  // `a,b` is a list of hosts, not a path.
  const placed = (given: string): string =>
    given.includes(',') || isAbsolute(home(given)) ? home(given) : join(dirname(path), given);
  const values: Record<string, string | boolean | readonly string[]> = { ...value };
  for (const { key, kind } of settingKeys) {
    const given = values[key];
    const isPath = kind === 'path' || (kind === 'place' && !isDatabase(String(given)));
    if (isPath && typeof given === 'string') values[key] = placed(given);
    if (kind === 'paths' && typeof given === 'object') values[key] = given.map(placed);
  }
  return values;
}

/**
 * For read-only commands: an inventory program runs only where the operator named it, not because a
 * file of the working directory names it or is called `inventory`. So an untrusted repository can
 * be checked safely.
 */
export function onlyAsked(command: Command, world: World): World {
  const source = command.getOptionValueSource('inventory');
  const isAsked = source !== undefined && source !== 'project';
  if (isAsked) return world;
  const { run: _run, ...reader } = world.reader;
  return { ...world, reader };
}
