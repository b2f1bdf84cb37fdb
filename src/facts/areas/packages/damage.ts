// Packages that are not fully installed: what their state means, which of them matter to kmend, and
// the command that repairs each.
import type { FactValue } from '../../../model/fact.ts';
import { pasteable } from '../../../model/text/quote.ts';

/**
 * Packages that contain the engine. A host has at most one of them, and a change between them is a
 * migration.
 */
export const enginePackages = [
  'docker-ce',
  'docker-ee',
  'docker-engine',
  'docker.io',
  'docker',
  'docker-io',
  'moby-engine',
] as const;

/** Packages that run containers, or request them. */
export const containerPackages: readonly string[] = [
  ...enginePackages,
  'docker-ce-cli',
  'containerd.io',
  'containerd',
  'runc',
  'cri-o',
  'kubelet',
];

/** kmend refuses a host whose runtime, kubelet or kernel is damaged, whatever the play asks for. */
export const matters = (name: string): boolean =>
  containerPackages.includes(name) || /^(?:kernel|linux-image)(?:-|$)/.test(name);

/**
 * States of dpkg in which every apt command fails. Packages with pending triggers do not block it.
 */
export const blockingStates: readonly string[] = [
  'half-installed',
  'half-configured',
  'unpacked',
  'half-removed',
  'reinst-required',
];

/** Packages of which several versions may be installed. */
export const isSideBySide = (name: string): boolean =>
  /^(?:kernel|kmod|gpg-pubkey)(?:-|$)/.test(name);

export interface Damage {
  readonly name: string;
  /**
   * A state of dpkg, `reinst-required`, `duplicate` (rpm) or `script-failed` (rpm, recorded by an
   * earlier run of kmend).
   */
  readonly state: string;
}

export const readDamage = (damaged: FactValue<'packages.damaged'> = {}): readonly Damage[] =>
  Object.entries(damaged).map(([name, state]) => ({ name, state }));

/** What is wrong with the packages that matter, and what to do; `undefined` where all are whole. */
export function graveDamage(all: readonly Damage[], manager: string): Grave | undefined {
  const grave = all.filter(({ name }) => matters(name));
  return grave.length === 0
    ? undefined
    : { why: damageWords(grave), hint: repairOf(grave, manager) };
}

interface Grave {
  readonly why: string;
  readonly hint: string;
}

/** One sentence for all of them, and the commands. */
export const damageWords = (damaged: readonly Damage[]): string =>
  damaged.map(({ name, state }) => `${name} ${words[state] ?? `is ${state}`}`).join(', ');

const words: Readonly<Record<string, string>> = {
  'reinst-required': 'is broken and must be installed again',
  duplicate: 'is installed in several versions at once',
  'script-failed': 'is installed, but its script failed',
};

export function repairOf(damaged: readonly Damage[], manager: string): string {
  const all = new Set(damaged.map((one) => commandOf(one, manager)));
  // It configures too, and configuring fails while a dependency is missing.
  if (all.has(fixDependencies)) all.delete(configure);
  const commands = [...all].sort(
    (a, b) => Number(a === fixDependencies) - Number(b === fixDependencies),
  );
  return `repair it on the host: ${commands.map((command) => `\`${command}\``).join(', ')}; then run kmend again`;
}

const configure = 'dpkg --configure -a';
const fixDependencies = 'apt-get -f install';

function commandOf({ name, state }: Damage, manager: string): string {
  const word = pasteable(name);
  if (state === 'duplicate') return duplicates[manager] ?? `rpm -q ${word}`;
  if (manager !== 'apt')
    return manager === 'zypper' ? `zypper install --force ${word}` : `${manager} reinstall ${word}`;
  if (state === 'unpacked') return fixDependencies;
  return /^(?:half-installed|half-removed|reinst-required)$/.test(state)
    ? `apt-get install --reinstall ${word}`
    : configure;
}

/** `package-cleanup` is in yum-utils. */
const duplicates: Readonly<Record<string, string>> = {
  yum: 'yum -y install yum-utils && package-cleanup -y --cleandupes',
  dnf: 'dnf remove --duplicates',
};
