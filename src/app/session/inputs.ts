// Digests of all that a plan is made from, so that another process can compare its own.
import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import { isTemplate, secretTexts } from '../../core/plan/secrets.ts';
import { knownSecrets } from '../../engine/effects/mask.ts';
import type { Inventory } from '../../model/host.ts';
import type { PackageFiles } from '../../model/package-file.ts';
import type { Playbook } from '../../model/playbook.ts';
import { present } from '../../model/present.ts';
import type { Value } from '../../model/value.ts';
import { withoutSecretValues } from './secrets.ts';
import type { Session } from './session.ts';

/** An inventory, and the playbook that is planned over it. */
export interface InputFiles {
  readonly inventory: Inventory;
  /** As it was given. */
  readonly name?: string;
  readonly path?: string;
  readonly playbook?: Playbook;
  readonly files?: PackageFiles;
}

/** Digests by the names of the inputs. */
export type Digests = Readonly<Record<string, string>>;

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

/** Digests of all inputs of a plan. */
export function inputsOf(project: InputFiles, salt: string, session: Session): Digests {
  const { shared, hosts } = digestsOf(project, salt, session);
  return { ...shared, ...Object.fromEntries(hosts.values()) };
}

/**
 * Digests of what all hosts share, and of the variables of each host. Secrets are removed first,
 * since a reader could try values against a digest. So a new value of a secret changes none.
 */
export function digestsOf(
  { inventory, name, path, playbook, files = {} }: InputFiles,
  salt: string,
  { settings, world }: Session,
): {
  readonly shared: Digests;
  /** Name and digest, by host. */
  readonly hosts: ReadonlyMap<string, readonly [string, string]>;
} {
  const shared: Record<string, string> = {};
  const { learn, mask } = knownSecrets();
  const vars = [...inventory.hosts.values()].map((host) => host.vars);
  learn(
    secretTexts(
      [...Object.values(present({ playbook })), vars, settings.extraVars],
      settings.isSecret,
    ).filter((text) => !isTemplate(text)),
  );
  learn(secretTexts({ all: inventory.secretVars ?? [] }, () => true));
  const sealed = new Set((inventory.secretVars ?? []).flatMap((one) => Object.keys(one)));
  const isSecret = (name: string): boolean => sealed.has(name) || settings.isSecret(name);
  const digestOf = (value: Value): string =>
    digest(salt + mask(JSON.stringify(withoutSecretValues(value, isSecret))));
  const own = name === undefined || path === undefined ? [] : [[name, path] as const];
  const others = [...inventory.files, ...(playbook?.files ?? [])];
  for (const [key, file] of [...own, ...others.map((file) => [file, file] as const)]) {
    const text = world.reader.readText(file);
    // Two files that are no text may differ in their bytes alone.
    const isBinary = playbook !== undefined && text.ok && text.text.includes('\uFFFD');
    const bytes = isBinary && world.reader.readBytes?.(file, dirname(playbook.file));
    const read = bytes || text;
    if (read.ok) shared[key] = digest(salt + mask(read.text));
  }
  shared['extra variables (-e)'] = digestOf(
    Object.fromEntries(
      Object.entries(settings.extraVars)
        .filter(([name]) => !settings.sealedVars.has(name))
        .sort(([a], [b]) => (a < b ? -1 : 1)),
    ),
  );
  for (const [name, value] of Object.entries(playbook?.outside?.environment ?? {}))
    shared[`environment variable ${name}`] = digestOf({ [name]: value });
  for (const [pattern, found] of Object.entries(playbook?.outside?.globs ?? {}))
    shared[`files of ${pattern}`] = digestOf(found);
  for (const [host, back] of settings.rollback?.vars ?? [])
    shared[`way back of ${host}`] = digestOf(back);
  for (const [key, { sha256 }] of Object.entries(files))
    shared[mask(`package file ${key}`)] = digest(salt + sha256);
  const hosts = [...inventory.hosts.values()].map(
    (host) => [host.name, [`variables of ${host.name}`, digestOf(host.vars)] as const] as const,
  );
  return { shared, hosts: new Map(hosts) };
}

/** How many digests are sent by name; the others together have one. */
const mostNamed = 50;

/** The same digests, and never more than some: an inventory may have a file for each host. */
export function summarized(digests: Digests): Digests {
  const all = Object.entries(digests).sort(([a], [b]) => (a < b ? -1 : 1));
  if (all.length <= mostNamed) return digests;
  const others = digest(JSON.stringify(all.slice(mostNamed)));
  return { ...Object.fromEntries(all.slice(0, mostNamed)), 'other files': others };
}
