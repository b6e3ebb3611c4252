import type { IncomingMessage, ServerResponse } from 'node:http';
import { json } from 'node:stream/consumers';
import { expect, test } from 'vitest';
import { createCognitoProvider } from '../../../../src/adapters/identity/cognito/provider.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { codeAt, newOneTimePassword } from '../../../../src/foundation/totp.ts';
import { serveOnLoopback } from '../../../../src/laptop/loopback-server.ts';

/** A pool that wants everybody to have a second factor, as far as one sign-in goes: what it answers, and was asked. */
async function startPool() {
  const { secret } = await newOneTimePassword();
  const answers: Readonly<Record<string, object>> = {
    AdminGetUser: { Username: 'ada', Enabled: true, UserStatus: 'CONFIRMED' },
    AdminInitiateAuth: { ChallengeName: 'MFA_SETUP', Session: 'the session of the password' },
    AssociateSoftwareToken: { SecretCode: secret.reveal(), Session: 'the session of the seed' },
    VerifySoftwareToken: { Status: 'SUCCESS', Session: 'the session of the code' },
    AdminRespondToAuthChallenge: { AuthenticationResult: { AccessToken: 'access', RefreshToken: 'refresh' } },
    AdminSetUserMFAPreference: {},
    RevokeToken: {},
  };
  const asked: unknown[] = [];
  async function answer(request: IncomingMessage, response: ServerResponse) {
    const name = String(request.headers['x-amz-target']).split('.')[1] ?? '';
    const { Session, Token } = (await json(request)) as { Session?: string; Token?: string };
    asked.push([name, Session ?? Token]);
    response.setHeader('content-type', 'application/x-amz-json-1.1').end(JSON.stringify(answers[name]));
  }
  const server = await serveOnLoopback((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  const provider = createCognitoProvider({
    name: 'main',
    pool: 'eu-west-1_required',
    endpoint: `http://${server.host}`,
    credentials: { accessKeyId: 'a', secretAccessKey: new Secret('b') },
    development: true,
    proof: { clientId: 'proof' },
  });
  return { provider, asked, close: server.close };
}

const credentials = { username: 'ada', password: new Secret('correct horse') };
const enrolled = [
  ['AdminInitiateAuth', undefined],
  ['AssociateSoftwareToken', 'the session of the password'],
  ['VerifySoftwareToken', 'the session of the seed'],
  ['AdminRespondToAuthChallenge', 'the session of the code'],
  ['AdminSetUserMFAPreference', undefined],
  ['RevokeToken', 'refresh'],
];

test('where the pool wants a second factor, one is enrolled by the session of the sign-in, which is ended', async () => {
  const { provider, asked, close } = await startPool();
  try {
    const begun = await provider.factors?.begin?.('ada', credentials);
    expect(await begun?.confirm(await codeAt(begun.seed, 0))).toBe(true);
    expect(asked).toEqual(enrolled);
  } finally {
    await close();
  }
});

test('a proof there comes to an enrolment, and to no sign-in', async () => {
  const { provider, asked, close } = await startPool();
  try {
    expect(await provider.proof?.begin(credentials)).toMatchObject({ at: 'enrolment', seed: { period: 30 } });
    expect(asked).toEqual([['AdminGetUser', undefined], ...enrolled.slice(0, 2)]);
  } finally {
    await close();
  }
});
