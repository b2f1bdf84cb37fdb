// How a module enters the registry: typed inside, of an unknown argument type outside.
import type { AnyModule, Module } from '../model/run/change.ts';

/**
 * The one cast of this room. It is sound because core gives `facts` and `plan` of a module nothing
 * but what that module's own `args` schema parsed, and the compiler checked all of them against the
 * same `Args` here.
 */
export const defineModule = <Args>(module: Module<Args>): AnyModule =>
  Object.freeze(module) as unknown as AnyModule;
