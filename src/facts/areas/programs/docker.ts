// Area docker: the running engine, by its own report.

import type { RuntimeRow } from '../../../model/facts/values.ts';
import { scriptText } from '../../../model/text/script-text.ts';
import {
  isList,
  isMapping,
  type Mapping,
  type Unknown,
  unknown,
  type Value,
} from '../../../model/value.ts';
import type { Area } from '../../area.ts';
import { readFields } from '../../fields.ts';
import docker from './docker.sh';
import { isSystemRunc, skipSystemRunc, versionLineOf } from './runtimes.ts';

export const dockerArea: Area = {
  name: 'docker',
  script: scriptText(docker, { skipSystemRunc }),
  quick: true,
  maxBytes: 131_072,
  parse: (text) => {
    const fields = readFields(text);
    const [status = '', server = '', client = ''] = fields.text('version').split(/\s+/);
    const hung = status === '124';
    const answers = status === '0' && isVersion(server);
    const [, driver = '', live = '', runtimes = ''] =
      /^(\S+) (\S+) ?(.*)$/s.exec(fields.text('info')) ?? [];
    const daemon = mappingIn(fields.text('daemon'));
    const fromRunning = <T extends string | boolean>(value: T, absent: T): T | Unknown =>
      hung ? unknown('docker did not answer within 5 s') : answers ? value : absent;
    return {
      'docker.installed': fields.has('installed'),
      'docker.running': answers || fields.has('process'),
      'docker.version': fromRunning<string>(server, ''),
      'docker.client': clientOf(client, fields.text('client'), answers ? server : ''),
      'docker.driver': answers ? driver : (configuredDriver(daemon) ?? fromRunning('', '')),
      'docker.runtimes': runtimesIn(
        runtimes === '' ? daemon.runtimes : mappingIn(runtimes),
        fields.all('says'),
      ),
      'docker.live_restore': fromRunning<boolean>(live === 'true', false),
    };
  },
};

/** JSON of the host as a mapping; empty where it is no mapping. */
function mappingIn(text: string): Mapping {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Mapping)
      : {};
  } catch {
    return {};
  }
}

function configuredDriver(daemon: Mapping): string | undefined {
  const options = isList(daemon['exec-opts']) ? daemon['exec-opts'] : [];
  return options
    .flatMap((option) =>
      typeof option === 'string' ? (/^native\.cgroupdriver=(\w+)$/.exec(option)?.[1] ?? []) : [],
    )
    .at(-1);
}

/**
 * Runtimes by name, without those that are a plain runc. A runtime without a path is a shim of
 * containerd.
 */
function runtimesIn(value: Value | undefined, says: readonly string[]): readonly RuntimeRow[] {
  return Object.entries(isMapping(value) ? value : {}).flatMap(([name, runtime]) => {
    const path = isMapping(runtime) && typeof runtime.path === 'string' ? runtime.path : '';
    const shim = path === '' && /^io\.containerd\.runc\./.test(name);
    return shim || isSystemRunc(path, says)
      ? []
      : [{ name, path, says: versionLineOf(path, says) }];
  });
}

const isVersion = (word: string): boolean => /^[0-9]/.test(word);

function clientOf(asked: string, printed: string, server: string): string {
  if (isVersion(asked)) return asked;
  return /^Docker version ([^\s,]+)/.exec(printed)?.[1] ?? server;
}
