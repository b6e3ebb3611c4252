import type { Server, ServerResponse } from 'node:http';
import { Server as TlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { type Duplex, duplexPair } from 'node:stream';
import { vaultPrefix } from './vault-requests.ts';

/** The answer that a connection waits for last: they come in the order of their requests. */
export type LastAnswers = WeakMap<Duplex, ServerResponse>;

/**
 * Takes a request whose method is `LIST`, of which Node's parser knows nothing: it is played to the same server once
 * more, as the `GET` with `list=true` that the same clients send elsewhere. One on each connection, which ends with it.
 * @param answers of those that came before on their connections: its own comes after them
 * @param error what the parser said, with the bytes that it was given
 * @returns whether it was one
 */
export function takeList(
  server: Server,
  error: Error & { readonly code?: unknown; readonly rawPacket?: unknown },
  socket: Duplex,
  answers: LastAnswers,
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
  socket.pipe(near);
  const last = answers.get(socket);
  if (last === undefined || last.closed) near.pipe(socket);
  else last.once('close', () => near.pipe(socket));
  const leave = () => {
    near.destroy();
    far.destroy();
  };
  socket.once('error', leave).once('close', leave);
  near.once('error', () => socket.destroy());
  server.emit(server instanceof TlsServer ? 'secureConnection' : 'connection', far);
  return true;
}
