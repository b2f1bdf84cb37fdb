// The shell around the package work of an engine: what must stay the same, the restart, and the
// version that the running engine reports.
import { quote } from '../../model/text/quote.ts';
import { scriptText } from '../../model/text/script-text.ts';
import { packageErrors, packageHints } from '../package-manager/errors.ts';
import after from './after.sh';
import before from './before.sh';
import oldNames from './old-names.sh';

export const runtimeErrors: Readonly<Record<number, string>> = {
  ...packageErrors,
  50: '/etc/docker/daemon.json is not what it was before the packages moved: the engine was not restarted',
  51: 'docker could not be restarted',
  52: 'docker was restarted and does not answer with the new version',
  53: 'the cgroup driver of docker is another one than before: a kubelet would not start',
  54: 'a unit, a drop-in or a setting of docker or containerd is not what it was before the packages moved: the engine was not restarted',
  55: 'a unit, a drop-in or daemon.json names docker-runc or docker-containerd, which are gone from 18.09 on: nothing was changed',
};

export const runtimeHints: Readonly<Record<number, string>> = {
  ...packageHints,
  50: 'put it back (the old text is beside it, as daemon.json.kmend-before), then restart docker',
  51: 'read `journalctl -u docker`; another storage driver or an option that is gone are the usual causes',
  52: 'run `docker version` and `journalctl -u docker` on the host: does another program hold the socket?',
  53: 'set native.cgroupdriver in daemon.json as it was, and restart docker',
  54: 'the last lines say which file: put it back as it was, then restart docker',
  55: 'name runc and containerd there instead (or take the setting out), once the fleet is on 18.09',
};

export const beforeScript = scriptText(before);

export const oldNamesScript = scriptText(oldNames);

/** `version` as the engine reports it. */
export const afterScript = (version: string): string =>
  scriptText(after, { version: quote(version) });
