// Sample containers for the proof: through each runtime one small memory-limited container is
// started from an image that is there, read, and removed.
import { withPrelude } from '../facts/probe/prelude.ts';
import type { Change } from '../model/run/change.ts';
import type { RunEffect } from '../model/run/effect.ts';
import { quote } from '../model/text/quote.ts';
import { scriptText } from '../model/text/script-text.ts';
import sampleContainer from './sample-container.sh';

const functions = scriptText(sampleContainer);

/**
 * Where another runtime is Docker's default, a container without `--runtime` would say nothing of
 * its runc.
 */
const byRunc = `$(case $($T docker info -f '{{.DefaultRuntime}}' 2>/dev/null </dev/null) in ''|runc|docker-runc) ;; *) echo --runtime runc;; esac)`;

/**
 * How a sample is started through a runtime, by its key in `kmem.parts`. A custom runtime is
 * docker's by its name, containerd's with `cri:` before it.
 */
function callOf(key: string): string {
  switch (key) {
    case 'docker':
      return `engine docker docker ${byRunc}`;
    case 'podman':
      return 'engine podman podman';
    case 'containerd':
      return 'cri containerd "$R/run/containerd/containerd.sock" || ctr_run';
    case 'cri-o':
      return `cri cri-o "$R/var/run/crio/crio.sock" || echo 'cri-o: there is no crictl here'`;
    default:
      if (key.startsWith('cri:'))
        return `cri ${quote(key)} "$R/run/containerd/containerd.sock" ${quote(key.slice(4))} || echo 'containerd: there is no crictl here'`;
      return `engine ${quote(key)} docker --runtime ${quote(key)}`;
  }
}

const effectOf = (keys: readonly string[]): RunEffect => ({
  kind: 'run',
  what: `start a memory-limited container through ${keys.join(', ')} from an image that is there, and read its group`,
  script: withPrelude(`${functions}${keys.map(callOf).join('\n')}\nexit 0\n`),
  detached: true,
  timeout: 1800,
  errors: { 80: 'the answer of the sample container could not be written to /run/kmend' },
});

/** Through each of these runtimes one container. */
export const sampleChange = (keys: readonly string[]): Change => ({
  sign: '!',
  what: 'sample container',
  after: `through ${keys.join(', ')}: 64 MB, no network, removed once it is read`,
  risk: 'write',
  effects: [effectOf(keys)],
});
