// Where the outputs of `kmend probe` lie that were recorded on real kernels: one file a host, as `kmend check --from` takes them.
import { join } from 'node:path';

export const recordings = join(import.meta.dirname, '../fixtures/recorded');
