// The registry of modules, which tasks can use.
import type { AnyModule } from '../model/run/change.ts';
import { command } from './command/command.ts';
import { shell } from './command/shell.ts';
import { containerRuntime } from './container-runtime/index.ts';
import { drain } from './drain.ts';
import { blockinfile } from './file/blockinfile.ts';
import { copy } from './file/copy.ts';
import { file } from './file/file.ts';
import { modprobe } from './file/kernel-settings/modprobe.ts';
import { sysctl } from './file/kernel-settings/sysctl.ts';
import { lineinfile } from './file/lineinfile.ts';
import { replace } from './file/replace.ts';
import { kernel } from './kernel/index.ts';
import { kernelArg } from './kernel-arg/index.ts';
import { osUpdate } from './os-update/index.ts';
import { packageModule } from './package.ts';
import { hold } from './package-manager/hold.ts';
import { assert } from './play/assert.ts';
import { debug } from './play/debug.ts';
import { decide } from './play/decide.ts';
import { fail } from './play/fail.ts';
import { setFact } from './play/set-fact.ts';
import { find } from './read/find.ts';
import { packageFacts, serviceFacts } from './read/package-facts.ts';
import { setup } from './read/setup.ts';
import { slurp } from './read/slurp.ts';
import { stat } from './read/stat.ts';
import { uri } from './read/uri.ts';
import { reboot } from './reboot.ts';
import { service } from './service.ts';
import { uncordon } from './uncordon.ts';
import { verifyKmem } from './verify-kmem.ts';
import { versions } from './versions.ts';
import { pause } from './wait/pause.ts';
import { waitFor } from './wait/wait-for.ts';
import { waitForConnection } from './wait/wait-for-connection.ts';
import { yumRepository } from './yum-repository.ts';

/**
 * By name, in the order of the documentation: read, drain, fix, prove, uncordon, and the general
 * ones.
 */
export const modules: ReadonlyMap<string, AnyModule> = new Map(
  [
    versions,
    assert,
    drain,
    containerRuntime,
    kernel,
    kernelArg,
    packageModule,
    hold,
    osUpdate,
    yumRepository,
    copy,
    file,
    lineinfile,
    blockinfile,
    replace,
    sysctl,
    modprobe,
    service,
    reboot,
    verifyKmem,
    uncordon,
    stat,
    slurp,
    find,
    packageFacts,
    serviceFacts,
    uri,
    setup,
    pause,
    waitFor,
    waitForConnection,
    command,
    shell,
    debug,
    setFact,
    fail,
    decide,
  ].map((module) => [module.name, module]),
);
