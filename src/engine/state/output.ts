// Long outputs of hosts: what they are called, and how much of them is kept.

/** Bytes: the most of one host, and of all hosts of a run. */
export const outputLimits = { ofHost: 8 * 1024 * 1024, inAll: 1024 * 1024 * 1024 };

/** The name of a host's output among the files of its run. Names of hosts are encoded as in a URL. */
export const outputFile = (host: string): string => `output/${encodeURIComponent(host)}.log`;

/** Why an output of `bytes` is not kept; undefined = it may be. */
export const overLimit = (
  file: string,
  bytes: number,
  kept: { readonly ofHost: number; readonly inAll: number },
  most: typeof outputLimits = outputLimits,
): string | undefined =>
  kept.inAll + bytes > most.inAll
    ? `the outputs of this run have ${kept.inAll} bytes already, and ${most.inAll} are the most`
    : kept.ofHost + bytes > most.ofHost
      ? `${file} has ${kept.ofHost} bytes already, and ${most.ofHost} are the most`
      : undefined;
