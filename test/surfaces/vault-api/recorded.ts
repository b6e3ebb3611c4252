import { expect } from 'vitest';
import { raw, type RawAnswer, type VaultStand } from './stand.ts';

/** As the recordings have them: header names, their order and their case. */
const clients = {
  cli: (token: string) => [`X-Vault-Request: true`, `X-Vault-Token: ${token}`, 'Accept-Encoding: gzip'],
  hvac: (token: string) => [
    'User-Agent: python-requests/2.32.5',
    'Accept-Encoding: gzip, deflate',
    'Accept: */*',
    'Connection: keep-alive',
    'X-Vault-Request: true',
    `X-Vault-Token: ${token}`,
  ],
  nodeVault: (token: string) => [
    'Accept: application/json, text/plain, */*',
    `X-Vault-Token: ${token}`,
    'Accept-Encoding: gzip, compress, deflate, br',
    'Connection: keep-alive',
  ],
} as const;

export interface Sent {
  readonly by?: keyof typeof clients;
  readonly token?: string;
  readonly headers?: readonly string[];
  readonly body?: string;
}

/** A request byte for byte. */
export function bytesOf(
  { port, codex }: Pick<VaultStand, 'port' | 'codex'>,
  line: string,
  { by = 'cli', token = codex, headers = [], body }: Sent = {},
): string {
  const host = `Host: 127.0.0.1:${port}`;
  const own = by === 'cli' ? ['User-Agent: Go-http-client/1.1'] : [];
  const length = body === undefined ? [] : [`Content-Length: ${Buffer.byteLength(body)}`];
  const lines = [`${line} HTTP/1.1`, host, ...own, ...length, ...clients[by](token), ...headers];
  return `${lines.join('\r\n')}\r\n\r\n${body ?? ''}`;
}

export async function ask(stand: Pick<VaultStand, 'port' | 'codex'>, line: string, sent?: Sent): Promise<RawAnswer> {
  const [answer] = await raw(stand.port, [bytesOf(stand, line, sent)]);
  if (answer === undefined) throw new Error(`no answer to ${line}`);
  return answer;
}

/** what Vault says to a token that policy says no to */
export const denied = { errors: ['1 error occurred:\n\t* permission denied\n\n'] };
export const unsupported = { errors: ['1 error occurred:\n\t* unsupported operation\n\n'] };
export const data = (given: unknown) => expect.objectContaining({ lease_duration: 0, renewable: false, data: given });
