import { createServer, request as ask, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Gate {
  readonly url: string;
  close(): Promise<void>;
}

/** Keycloak at an address of this process, which sees each request; Keycloak takes the name that it is called by. */
export async function openGate(to: string): Promise<Gate> {
  const server: Server = createServer((request, response) => {
    const { method, headers, url = '/' } = request;
    const passed = ask(new URL(url, to), { method, headers, setHost: false }, (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(response);
    });
    passed.on('error', () => response.destroy());
    request.pipe(passed);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}`,
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => void server.close(resolve));
    },
  };
}
