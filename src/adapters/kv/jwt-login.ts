import { z } from 'zod';
import { FlowError } from '../../foundation/errors.ts';
import { Secret } from '../../foundation/secret.ts';
import { parseVaultData } from './vault-answers.ts';
import { encodedPath, type TokenProvider, type VaultHttp } from './vault-http.ts';

export interface JwtLoginOptions {
  readonly http: VaultHttp;
  /** where the auth method is: `jwt` */
  readonly mount: string;
  readonly role: string;
  /** told which JWT was refused, it gives another one where it can */
  readonly jwt: TokenProvider;
  /** epoch milliseconds */
  readonly now: () => number;
}

export interface JwtLogin {
  /** The token of a login, shared by all who ask, and another one well before it ends. */
  readonly token: TokenProvider;
  /** Ends the last login's token, where it may; whatever goes wrong, it ends by itself. */
  close(): Promise<void>;
}

interface LoggedIn {
  readonly token: Secret;
  /** epoch milliseconds, after four fifths of its lease */
  readonly renewAt: number;
}

const loginSchema = z.object({ client_token: z.string().min(1), lease_duration: z.number().nonnegative() });

/** Logs in by a JWT at `auth/jwt` of Vault or OpenBao. */
export function createJwtLogin({ http, mount, role, jwt, now }: JwtLoginOptions): JwtLogin {
  let current: Promise<LoggedIn> | undefined;

  async function logInWith(given: Secret): Promise<LoggedIn> {
    const body = JSON.stringify({ role, jwt: given.reveal() });
    const path = `auth/${encodedPath(mount)}/login`;
    const answer = await http.ask({ method: 'POST', path, body }, undefined);
    const { client_token, lease_duration } = parseVaultData(answer?.auth, loginSchema);
    // 0: it never ends
    const renewAt = lease_duration === 0 ? Infinity : now() + lease_duration * 800;
    return { token: new Secret(client_token), renewAt };
  }

  async function logIn(): Promise<LoggedIn> {
    const given = await jwt();
    try {
      return await logInWith(given);
    } catch (error) {
      if (!(error instanceof FlowError) || error.code !== 'denied') throw error;
      const other = await jwt(given);
      if (other.equals(given)) throw error;
      return logInWith(other);
    }
  }

  return {
    async token(refused) {
      const seen = current;
      const known = await seen?.catch(() => undefined);
      const isOver = known === undefined || now() >= known.renewAt || refused?.equals(known.token) === true;
      // whoever came first has asked for another already
      if (isOver && current === seen) current = logIn();
      return (await (current ?? logIn())).token;
    },
    async close() {
      const known = await current?.catch(() => undefined);
      current = undefined;
      if (known === undefined) return;
      await http
        .ask({ method: 'POST', path: 'auth/token/revoke-self' }, () => Promise.resolve(known.token))
        .catch(() => undefined);
    },
  };
}
