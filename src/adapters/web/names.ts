// By which names the server may be called. A web page elsewhere can point a name of its own at this
// address (DNS rebinding): its requests then carry that name.

export interface Address {
  readonly listen: string;
  readonly port: number;
  /** How browsers reach the server through a reverse proxy or a tunnel. */
  readonly publicUrl?: URL;
}

export const isLoopback = (name: string): boolean =>
  /^(?:127(?:\.\d{1,3}){3}|::1|\[::1\]|localhost)$/.test(name);

/** Each allowed `Host` header, with the one `Origin` that pages under that name have. */
export function namesOf({ listen, port, publicUrl }: Address): ReadonlyMap<string, string> {
  const own = isLoopback(listen) ? [...new Set([listen, 'localhost'])] : [];
  const urls = [
    ...own.map((name) => new URL(`http://${name.includes(':') ? `[${name}]` : name}:${port}`)),
    ...(publicUrl === undefined ? [] : [publicUrl]),
  ];
  return new Map(urls.map(({ host, origin }) => [host, origin]));
}
