import { hash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { TLSSocket } from 'node:tls';
import type { JWK } from 'jose';
import { createMemory } from '../../foundation/expiring-memory.ts';

export interface ProofOptions {
  /** whether a host, with its port, means this server: as it is configured, whatever a request says */
  readonly isOurs: (host: string) => boolean;
  /** `flows.example:443`: where clients reach it by another port than the one that it listens on */
  readonly elsewhere?: ReadonlySet<string> | undefined;
  /** epoch milliseconds */
  readonly now: () => number;
  /** milliseconds of a clock that nobody sets back */
  readonly monotonic: () => number;
  /** proofs that are remembered; one more is refused until some are too old to be taken again */
  readonly mostRemembered?: number | undefined;
}

/** Why a proof proves nothing: for the trail. */
export class ProofRefusal extends Error {
  override readonly name = 'ProofRefusal';
}

/**
 * The key that a request proves (RFC 9449): its RFC 7638 thumbprint.
 * @param token the one that is bound to the key; undefined: none is yet
 * @throws ProofRefusal
 */
export type CheckProof = (request: IncomingMessage, token: string | undefined) => Promise<string>;

/** asymmetric ones that every runtime has */
const algorithms = ['ES256', 'EdDSA', 'Ed25519', 'PS256', 'RS256'];
/** seconds that the clocks of the two sides may differ */
const tolerance = 60;
const longest = 4_096;

/**
 * Checks proofs of possession as RFC 9449, section 4.3, says: one header, its type and algorithm, a public key that
 * signed it, this very method and address, made just now, for this token, and never seen before.
 */
export function createProofCheck(options: ProofOptions): CheckProof {
  const { isOurs, elsewhere = new Set(), now, monotonic, mostRemembered = 100_000 } = options;
  const seen = createMemory<true>({ clock: { monotonic }, capacity: mostRemembered + 1 });

  return async (request, token) => {
    const [proof, ...others] = request.headersDistinct['dpop'] ?? [];
    if (proof === undefined || others.length > 0) throw new ProofRefusal('there is not exactly one DPoP header');
    if (proof.length > longest) throw new ProofRefusal('the proof is too long');
    const { claims, jwk } = await verified(proof);
    if (claims['htm'] !== request.method) throw new ProofRefusal('the proof is for another method');
    if (!isThisAddress(claims['htu'], request)) throw new ProofRefusal('the proof is for another address');
    const made = claims['iat'];
    if (typeof made !== 'number' || !(Math.abs(now() / 1_000 - made) <= tolerance))
      throw new ProofRefusal('the proof was not made just now: do the clocks agree?');
    const expected = token === undefined ? undefined : hash('sha256', token, 'base64url');
    if (claims['ath'] !== expected) throw new ProofRefusal('the proof is for another token');
    const id = claims['jti'];
    if (typeof id !== 'string' || id === '' || id.length > 256) throw new ProofRefusal('the proof has no id');
    const { calculateJwkThumbprint } = await import('jose');
    const jkt = await calculateJwkThumbprint(jwk);
    remember(`${jkt} ${hash('sha256', id, 'base64url')}`);
    return jkt;
  };

  async function verified(proof: string): Promise<{ claims: Readonly<Record<string, unknown>>; jwk: JWK }> {
    try {
      const { EmbeddedJWK, jwtVerify } = await import('jose');
      const { payload, protectedHeader } = await jwtVerify(proof, EmbeddedJWK, {
        typ: 'dpop+jwt',
        algorithms,
        currentDate: new Date(now()),
        clockTolerance: tolerance,
      });
      return { claims: payload, jwk: protectedHeader.jwk as JWK };
    } catch {
      // what it says would be text of whoever sent it
      throw new ProofRefusal('the proof is not a signed one by a public key in its header');
    }
  }

  function remember(key: string): void {
    if (seen.peek(key) !== undefined) throw new ProofRefusal('the proof was used before');
    // forgets those that ended
    seen.put(key, true, { ends: monotonic() + 2 * tolerance * 1_000 });
    if (seen.size() <= mostRemembered) return;
    seen.forget(key);
    throw new ProofRefusal('too many proofs are remembered');
  }

  /** As URIs compare once they are normalized (RFC 3986, section 6.2), whatever `Host` says: whoever replays it writes that. */
  function isThisAddress(htu: unknown, { socket, url = '' }: IncomingMessage): boolean {
    const address = typeof htu === 'string' ? URL.parse(htu) : null;
    const scheme = socket instanceof TLSSocket ? 'https:' : 'http:';
    if (address?.protocol !== scheme || !isOurs(address.host)) return false;
    const port = address.port === '' ? defaultPorts[scheme] : Number(address.port);
    // a Unix socket has none, and is this user's alone
    const isHere = socket.localPort === undefined || socket.localPort === port;
    if (!isHere && !elsewhere.has(`${address.hostname}:${port}`)) return false;
    const path = URL.parse(url, address.origin)?.pathname;
    return path !== undefined && normalized(address.pathname) === normalized(path);
  }
}

const defaultPorts = { 'http:': 80, 'https:': 443 };

/** What needs no escape has none, and those that are left are written in one way. */
function normalized(path: string): string {
  return path.replaceAll(/%([0-9a-f]{2})/gi, (escape, hex: string) => {
    const character = String.fromCodePoint(Number.parseInt(hex, 16));
    return /[\w.~-]/.test(character) ? character : escape.toUpperCase();
  });
}
