// Small plays as text, and events of a journal by their type.
import type { Event, EventOf, EventType } from '../../src/model/run/event.ts';

/** The whole job in three tasks, with short times. `rollout` is YAML in braces. */
export const remediationPlay = (
  rollout = '{}',
  reboot = '{timeout: 20s, stable_for: 1s}',
): string => `- name: Remediate
  hosts: all
  rollout: ${rollout}
  tasks:
    - name: The argument
      kernel_arg: {key: cgroup.memory, value: nokmem}
    - name: Reboot
      reboot: ${pending(reboot)}
    - name: Proof
      verify_kmem: {state: disabled, timeout: 10s}
`;

/** A play of these tasks (YAML, four spaces before each dash). */
export const play = (tasks: string, rollout = '{}', more = ''): string => `- name: Test
  hosts: all
${more}  rollout: ${rollout}
  tasks:
${tasks}`;

/** Events of one type, in their order. */
export const eventsOf = <T extends EventType>(
  events: readonly Event[],
  type: T,
  host?: string,
): readonly (Event & EventOf<T>)[] =>
  events.filter(
    (event): event is Event & EventOf<T> =>
      event.type === type && (host === undefined || ('host' in event && event.host === host)),
  );

/** Arguments of a `reboot` that asks for one only where something is pending. */
export const pending = (reboot: string): string => reboot.replace('{', '{when_pending: true, ');
