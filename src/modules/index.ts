// The registry of modules: what a task can ask for.
import type { AnyModule } from '../model/change.ts';
import { assert } from './assert.ts';
import { command } from './command.ts';
import { containerRuntime } from './container-runtime/index.ts';
import { debug } from './debug.ts';
import { drain } from './drain.ts';
import { fail } from './fail.ts';
import { kernel } from './kernel/index.ts';
import { kernelArg } from './kernel-arg/index.ts';
import { packageModule } from './package.ts';
import { reboot } from './reboot.ts';
import { service } from './service.ts';
import { setFact } from './set-fact.ts';
import { shell } from './shell.ts';
import { uncordon } from './uncordon.ts';
import { verifyKmem } from './verify-kmem.ts';
import { versions } from './versions.ts';
import { yumRepository } from './yum-repository.ts';

/** By name, in the order of the documentation: look, take out, mend, prove, give back, and the general ones. */
export const modules: ReadonlyMap<string, AnyModule> = new Map(
  [
    versions,
    assert,
    drain,
    containerRuntime,
    kernel,
    kernelArg,
    packageModule,
    yumRepository,
    service,
    reboot,
    verifyKmem,
    uncordon,
    command,
    shell,
    debug,
    setFact,
    fail,
  ].map((module) => [module.name, module]),
);
