// Sample containers for the proof: each runtime starts one small memory-limited container from a
// local image. It is read, and removed.
import { withPrelude } from '../facts/probe/prelude.ts';
import type { Change } from '../model/run/change.ts';
import type { RunEffect } from '../model/run/effect.ts';
import { quote } from '../model/text/quote.ts';
import { scriptText } from '../model/text/script-text.ts';
import sampleContainer from './sample-container.sh';

const functions = scriptText(sampleContainer);

/**
 * Where another runtime is Docker's default, a container without `--runtime` would prove nothing
 * about its runc.
 */
const byRunc = `$(case $($T docker info -f '{{.DefaultRuntime}}' 2>/dev/null </dev/null) in ''|runc|docker-runc) ;; *) echo --runtime runc;; esac)`;

/**
 * The call that starts a sample through a runtime, by its key in `kmem.parts`. A custom runtime has
 * its name for docker, and `cri:NAME` for containerd.
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

/** Starts one container through each of these runtimes. */
export const sampleChange = (keys: readonly string[]): Change => ({
  sign: '!',
  what: 'sample container',
  after: `through ${keys.join(', ')}: 64 MB, no network, removed once it is read`,
  risk: 'write',
  effects: [effectOf(keys)],
});
