// A sample for the proof where the host has none: one small memory-limited container from an image that is already there.
import { withPrelude } from '../facts/prelude.ts';
import type { Change } from '../model/change.ts';
import type { RunEffect } from '../model/effect.ts';

/** Seconds that it lives, by itself: long enough to be read, and gone also when nobody comes back to remove it. */
const livesFor = 180;

/**
 * Nothing is pulled: images are named by their ids. Not every image has `sleep`; the first that runs is taken. A host where none does is no
 * failure here: the wait that follows tells that there is no proof. One that runs already is left alone, so asking twice starts one.
 */
const script = `command -v docker >/dev/null 2>&1 || { echo 'there is no docker here'; exit 0; }
T=''; if command -v timeout >/dev/null 2>&1; then T='timeout 60'; fi
runs() { [ "$($T docker inspect -f '{{.State.Running}}' kmend-sample 2>/dev/null </dev/null)" = true ]; }
if runs; then exit 0; fi
$T docker rm -f kmend-sample >/dev/null 2>&1 </dev/null
for i in $($T docker images -q --no-trunc 2>/dev/null </dev/null | awk '!seen[$0]++' | head -n 20); do
  $T docker run -d --rm --name kmend-sample --label kmend=sample --memory 64m --network none --entrypoint sleep "$i" ${livesFor} >/dev/null 2>&1 </dev/null || :
  sleep 1
  if runs; then echo "sample from $i"; exit 0; fi
  $T docker rm -f kmend-sample >/dev/null 2>&1 </dev/null
done
echo 'no image on this host could be started as a sample (none is pulled)'
`;

const effect: RunEffect = {
  kind: 'run',
  what: 'start a memory-limited container from an image that is there, as a sample',
  script: withPrelude(script),
  detached: true,
  timeout: 1800,
};

export const sampleChange: Change = {
  sign: '!',
  what: 'sample container',
  after: `64 MB, no network, gone after ${livesFor / 60} minutes`,
  risk: 'write',
  effects: [effect],
};
