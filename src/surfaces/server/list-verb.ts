import type { Server } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { vaultPrefix } from './vault-requests.ts';

/**
 * Takes a request whose method is `LIST`, of which Node's parser knows nothing: it is played to the same server once
 * more, as the `GET` with `list=true` that the same clients send elsewhere. One on each connection, which ends with it.
 * @param error what the parser said, with the bytes that it was given
 * @returns whether it was one
 */
export function takeList(
  server: Server,
  error: Error & { readonly code?: unknown; readonly rawPacket?: unknown },
  socket: Duplex,
): boolean {
  const { code, rawPacket } = error;
  // any other fault is in the middle of a request: what comes then is a part of that, whatever it looks like
  if (code !== 'HPE_INVALID_METHOD' || !Buffer.isBuffer(rawPacket)) return false;
  const end = rawPacket.indexOf('\r\n');
  const [, target = ''] = /^LIST (\S+) HTTP\/1\.1$/.exec(rawPacket.toString('latin1', 0, end)) ?? [];
  if (!vaultPrefix.test(target)) return false;
  const [near, far] = duplexPair();
  Object.assign(far, { remoteAddress: (socket as Socket).remoteAddress });
  // the parser that gave up read until now
  socket.removeAllListeners('data').removeAllListeners('end');
  near.write(`GET ${target}${target.includes('?') ? '&' : '?'}list=true HTTP/1.1\r\nConnection: close`);
  near.write(rawPacket.subarray(end));
  socket.pipe(near).pipe(socket);
  const leave = () => {
    near.destroy();
    far.destroy();
  };
  socket.once('error', leave).once('close', leave);
  near.once('error', () => socket.destroy());
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', far);
  return true;
}
