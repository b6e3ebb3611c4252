import type { Server } from 'node:http';
import type { Socket } from 'node:net';
import { createSecureContext, TLSSocket } from 'node:tls';
import type { OwnCertificate } from './own-certificate.ts';

/** A record that begins a handshake (RFC 8446, section 5.1); no HTTP request begins with it. */
const handshake = 0x16;

/**
 * Lets a server of plain HTTP take TLS on the same port, for clients that want a proof of who listens. Where a
 * connection has become one, `secureConnection` is emitted with it and with the one beneath.
 * @param patience milliseconds until the first byte, and the handshake, must be there
 */
export function alsoTls(server: Server, own: OwnCertificate, patience: number): Server {
  const secureContext = createSecureContext({ ...own, minVersion: 'TLSv1.2' });
  // Node's own, which reads requests
  const [take] = server.listeners('connection') as ((socket: Socket) => void)[];
  if (take === undefined) throw new TypeError('a server that takes no connections');
  server.removeListener('connection', take);

  return server.on('connection', (socket: Socket) => {
    const timer = setTimeout(() => socket.destroy(), patience).unref();
    const settle = () => clearTimeout(timer);
    const leave = () => socket.destroy();
    socket.once('close', settle).on('error', leave).once('end', leave);
    socket.once('data', (first: Buffer) => {
      socket.pause();
      socket.unshift(first);
      socket.off('error', leave).off('end', leave);
      if (first[0] !== handshake) {
        settle();
        take.call(server, socket);
        // what was put back is read before anything new
        socket.resume();
        return;
      }
      const secure = new TLSSocket(socket, { isServer: true, secureContext, ALPNProtocols: ['http/1.1'] });
      const fail = () => secure.destroy();
      secure.on('error', fail);
      secure.once('secure', () => {
        settle();
        secure.off('error', fail);
        server.emit('secureConnection', secure, socket);
        take.call(server, secure);
      });
    });
  });
}
