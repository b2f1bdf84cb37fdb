// Types a module inside, and hides its argument type from the registry.
import type { AnyModule, Module } from '../model/run/change.ts';

/**
 * The one cast of this room. It is sound: core calls `facts` and `plan` only with arguments that
 * the module's own `args` schema parsed, and the compiler checked them against the same `Args`
 * here.
 */
export const defineModule = <Args>(module: Module<Args>): AnyModule =>
  Object.freeze(module) as unknown as AnyModule;
