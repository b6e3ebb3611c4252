import { createRemoteJWKSet, customFetch } from 'jose';
import { FlowError } from '../errors.ts';
import type { Transport } from '../issuers/transport.ts';

/** An issuer's public keys: fetched when first needed, kept ten minutes, asked again where a token names a new one. */
export type RemoteKeys = ReturnType<typeof createRemoteJWKSet>;

/** @param cooldown milliseconds between two fetches that unknown keys cause, so that forged tokens cause no storm */
export function remoteKeys(url: string, transport: Transport, cooldown = 30_000): RemoteKeys {
  return createRemoteJWKSet(new URL(url), {
    cooldownDuration: cooldown,
    // the deadline that counts is the transport's
    timeoutDuration: 60_000,
    [customFetch]: async (address: string, init: RequestInit) => {
      const response = await transport.call(address, init);
      if (response.status === 200) return response;
      throw new FlowError('unavailable', `the issuer's keys cannot be had: it answers ${response.status}`);
    },
  });
}
