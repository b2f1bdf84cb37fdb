// Lengths of time as Ansible's modules take them.
import { duration } from '../../model/shape/schema.ts';

/** Seconds, a day at most: a slot must not be held for longer. */
export const time = duration.refine((seconds) => seconds <= 86_400, 'should be a day at most');
