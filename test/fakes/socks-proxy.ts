// A SOCKS5 proxy (RFC 1928, RFC 1929) that leads every name to this machine, and writes down who
// asked for what.
import { connect, createServer, type Socket } from 'node:net';

/** `answer` takes the client's first words in place of the proxy. */
export function startSocksProxy(answer?: (socket: Socket) => void) {
  const asked: string[] = [];
  const sockets = new Set<Socket>();

  async function serve(client: Socket): Promise<void> {
    const next = (): Promise<Buffer> => new Promise((resolve) => client.once('data', resolve));
    const greeting = await next();
    if (answer !== undefined) return answer(client);
    const wantsLogin = greeting.includes(2, 2);
    client.write(Buffer.from([5, wantsLogin ? 2 : 0]));
    let who = '';
    if (wantsLogin) {
      const login = await next();
      const name = login.subarray(2, 2 + (login[1] ?? 0));
      who = `${name}:${login.subarray(3 + name.length)}`;
      client.write(Buffer.from([1, 0]));
    }
    const request = await next();
    const name =
      request[3] === 3 ? request.subarray(5, 5 + (request[4] ?? 0)).toString() : 'an address';
    const port = request.readUInt16BE(request.length - 2);
    asked.push(`${who} ${name}:${port}`);
    const onward = connect(port, '127.0.0.1', () => {
      client.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]));
      onward.pipe(client).pipe(onward);
    });
    onward.on('error', () => client.destroy());
  }

  const server = createServer((client) => {
    sockets.add(client);
    client.on('error', () => undefined);
    void serve(client);
  });
  return {
    server,
    asked: asked as readonly string[],
    close: (): void => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}
