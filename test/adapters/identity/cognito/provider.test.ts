import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { cognito } from '../../../../src/adapters/identity/cognito/index.ts';
import type { ErrorCode } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { identityCapabilitiesContract } from '../../../contracts/identity-capabilities.ts';
import { identityProviderContract, newUser } from '../../../contracts/identity-provider.ts';
import { failedLookUp, quotedBack } from '../trouble.ts';
import { startDouble } from './double.ts';

identityProviderContract('Cognito, the laptop', () => startDouble());
identityCapabilitiesContract('Cognito, the laptop', cognito.offers, () => startDouble());

type Started = Awaited<ReturnType<typeof startDouble>>;
let started: Started;
beforeAll(async () => {
  started = await startDouble();
});
afterAll(() => started.close());
/** On the one pool of this file: each test has users of its own. */
const atPool = (work: (of: Started) => Promise<void>) => work(started);
/** An answer of the pool that is none of success. */
const refusal = (__type: string, message = 'no') => ({ status: 400, body: { __type, message } });

function there<T>(found: T | undefined | false): T {
  if (found === undefined || found === false) throw new TypeError('there is none');
  return found;
}

describe('users', () => {
  test('whose making stopped before their password was in force are told as such, and finished by setting it', () =>
    atPool(async ({ provider, idp }) => {
      const given = newUser();
      const credentials = { username: given.userName, password: given.password };
      idp.faults.nextDouble(refusal('ForbiddenException'), 'POST', 'AdminSetUserPassword');
      await expect(provider.create(given)).rejects.toMatchObject({ code: 'denied' });
      const found = await provider.find(given.userName);
      expect(found).toMatchObject({ mark: given.mark, active: true, unfinished: true });
      expect(await provider.proof?.begin(credentials)).toEqual({ at: 'rejected', what: 'password-expired' });
      await provider.setPassword?.(found?.id ?? '', given.password);
      expect(await provider.find(given.userName)).toMatchObject({ unfinished: false });
      expect(await provider.proof?.begin(credentials)).toMatchObject({ at: 'signed-in' });
    }));

  test('whose answer was lost are found by their mark, however often the SDK asked', () =>
    atPool(async ({ provider, idp }) => {
      const given = newUser();
      idp.faults.nextDouble({ lose: true }, 'POST', 'AdminCreateUser');
      await expect(provider.create(given)).rejects.toMatchObject({ code: 'conflict' });
      expect(await provider.find(given.userName)).toMatchObject({ mark: given.mark, unfinished: true });
    }));

  test('by another name than theirs are nobody, though the pool takes it', () =>
    atPool(async ({ provider, client }) => {
      const { id } = await provider.create(newUser());
      const { UserAttributes } = await client.adminGetUser({ UserPoolId: 'eu-west-1_laptop', Username: id });
      const sub = UserAttributes?.find(({ Name }) => Name === 'sub')?.Value ?? '';
      expect([await provider.find(sub), await provider.get(sub)]).toEqual([undefined, undefined]);
    }));
});

describe('a second factor', () => {
  async function enrolled({ provider, code }: Awaited<ReturnType<typeof startDouble>>) {
    const { userName: username, ...given } = newUser();
    const { id } = await provider.create({ ...given, userName: username });
    const credentials = { username, password: given.password };
    const begin = () => there(provider.factors?.begin?.(id, credentials));
    const { seed, confirm } = await begin();
    const used = await code(seed);
    expect(await confirm(used)).toBe(true);
    return { credentials, begin, seed, used };
  }

  test('takes each code once, and another at the same page', () =>
    atPool(async () => {
      const { credentials, seed, used } = await enrolled(started);
      const page = await started.provider.proof?.begin(credentials);
      const replayed = there(page?.at === 'one-time-code' && (await page.submit(used)));
      expect(replayed).toMatchObject({ at: 'rejected', what: 'one-time-code' });
      const again = there(replayed.at === 'rejected' && replayed.again);
      expect(await again(await started.code(seed))).toMatchObject({ at: 'signed-in' });
    }));

  test('takes no code once the sign-in has waited for too long', () =>
    atPool(async () => {
      const { credentials, seed } = await enrolled(started);
      const page = await started.provider.proof?.begin(credentials);
      started.advance(200_000);
      const last = page?.at === 'one-time-code' && (await page.submit(await started.code(seed)));
      expect(last).toEqual({ at: 'rejected', what: 'account' });
    }));

  test('is not begun beside another, nor with another password', () =>
    atPool(async () => {
      const { begin } = await enrolled(started);
      await expect(begin()).rejects.toMatchObject({ code: 'conflict' });
      const { userName: username, ...given } = newUser();
      const { id } = await started.provider.create({ ...given, userName: username });
      const wrong = { username, password: new Secret('another password entirely') };
      await expect(started.provider.factors?.begin?.(id, wrong)).rejects.toMatchObject({ code: 'denied' });
    }));

  test('that somebody has taken out is a finding: the password alone is enough', () =>
    atPool(async () => {
      const { credentials } = await enrolled(started);
      started.idp.faults.askNoCode(true);
      expect(await started.provider.proof?.begin(credentials)).toMatchObject({ at: 'signed-in' });
    }));
});

describe('a sign-in', () => {
  test.each([
    ['PasswordResetRequiredException', 'Password reset required for the user', 'password-expired'],
    ['UserNotConfirmedException', 'User is not confirmed.', 'account'],
    ['UserNotFoundException', 'User does not exist.', 'account'],
    ['NotAuthorizedException', 'Temporary password has expired and must be reset.', 'password-expired'],
    ['NotAuthorizedException', 'Incorrect username or password.', 'password'],
    ['NotAuthorizedException', 'User is disabled.', 'account'],
    ['NotAuthorizedException', 'Password attempts exceeded', 'account'],
  ])('that is refused is judged by what the pool says: %s, %s', (type, message, what) =>
    atPool(async ({ provider, idp }) => {
      const { userName: username, ...given } = newUser();
      await provider.create({ ...given, userName: username });
      idp.faults.nextDouble(refusal(type, message), 'POST', 'AdminInitiateAuth');
      expect(await provider.proof?.begin({ username, password: given.password })).toEqual({ at: 'rejected', what });
    }),
  );

  test.each<[string, object, ErrorCode, string]>([
    ['another client', refusal('NotAuthorizedException', 'Unable to verify secret hash'), 'denied', 'its proof'],
    ['a client without the flow', refusal('InvalidParameterException', 'Auth flow not enabled'), 'denied', 'its proof'],
    ['an SMS', { status: 200, body: { ChallengeName: 'SMS_MFA', Session: 's' } }, 'protocol', 'no one-time code'],
    ['nothing', { status: 200, body: {} }, 'protocol', 'not one of a Cognito user pool'],
  ])('that goes elsewhere is told: %s', (_, fault, code, message) =>
    atPool(async ({ provider, idp }) => {
      const { userName: username, ...given } = newUser();
      await provider.create({ ...given, userName: username });
      idp.faults.nextDouble(fault, 'POST', 'AdminInitiateAuth');
      const error = await provider.proof
        ?.begin({ username, password: given.password })
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    }),
  );

  test('names its client by its secret, and one with another secret is not let in', () =>
    atPool(async ({ provider, open }) => {
      const { userName: username, ...given } = newUser();
      await provider.create({ ...given, userName: username });
      const other = open({ proof: { clientId: 'proof', clientSecret: async () => new Secret('another secret') } });
      const begun = other.proof?.begin({ username, password: given.password });
      await expect(begun).rejects.toMatchObject({ code: 'denied', message: expect.stringContaining('its proof') });
    }));
});

describe('a client', () => {
  const fresh = () => new Secret(`secret${crypto.randomUUID().replaceAll('-', '')}`);

  test('takes no secret that the pool does not, and the hint says which it takes', () =>
    atPool(async ({ provider }) => {
      const error = await provider.clientSecrets
        ?.add('orders', new Secret(`has-${crypto.randomUUID()}`))
        .catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid-value', hint: expect.stringContaining('24 to 64') });
    }));

  test('whose new secret was added by a request whose answer was lost has it', () =>
    atPool(async ({ provider, idp, accepts }) => {
      const secret = fresh();
      idp.faults.nextDouble({ lose: true }, 'POST', 'AddUserPoolClientSecret');
      // to the SDK's second attempt
      idp.faults.nextDouble(refusal('InvalidParameterException'), 'POST', 'AddUserPoolClientSecret');
      const added = await provider.clientSecrets?.add('orders', secret);
      expect(await accepts(secret)).toBe(true);
      const [newest] = (await provider.clientSecrets?.list('orders')) ?? [];
      expect(newest).toEqual(added);
    }));
});

describe('trouble', () => {
  test.each<[string, object, string, ErrorCode]>([
    ['another pool', refusal('ResourceNotFoundException'), 'no such pool', 'not-found'],
    ['no right', refusal('AccessDeniedException', 'not authorized'), 'does not allow', 'denied'],
    ['a WAF', refusal('ForbiddenException'), 'WAF', 'denied'],
    ['a trigger', refusal('UserLambdaValidationException', 'PreSignUp failed'), 'Lambda', 'refused'],
    ['a plan', refusal('FeatureUnavailableInTierException'), 'feature plan', 'refused'],
    ['a value', refusal('InvalidParameterException', 'custom:flowsOwner'), 'refuses a value', 'invalid-value'],
    ['another shape', { status: 200, body: { Username: 1 } }, 'not one of a Cognito user pool', 'protocol'],
    ['no JSON', { status: 200, body: '<html>' }, 'AWS', 'protocol'],
    ['something new', refusal('BrandNewException'), 'not one of a Cognito user pool', 'protocol'],
  ])('%s', (_, fault, message, code) =>
    atPool(async () => {
      const error = await failedLookUp(started, fault);
      expect(error).toMatchObject({
        code,
        message: expect.stringContaining(message),
        place: { subject: 'identity provider "main"' },
      });
    }),
  );

  test('with the password is told in the words of the pool', () =>
    atPool(async ({ provider }) => {
      const error = await provider.create(newUser({ password: new Secret('tiny') })).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: 'invalid-value', message: expect.stringContaining('not long enough') });
    }));

  test('that quotes what was sent is not repeated', () =>
    atPool(async () => {
      const { error, sent } = await quotedBack(started, (message) => ({ __type: 'InvalidPasswordException', message }));
      expect(error).toMatchObject({ code: 'invalid-value', place: { subject: 'password' } });
      for (const canary of sent) expect(String(error)).not.toContain(canary);
    }));

  test('with a code at the confirmation of a seed is no wrong code', () =>
    atPool(async ({ provider, idp }) => {
      const { userName: username, ...given } = newUser();
      const { id } = await provider.create({ ...given, userName: username });
      const begun = await provider.factors?.begin?.(id, { username, password: given.password });
      idp.faults.nextDouble(refusal('SoftwareTokenMFANotFoundException'), 'POST', 'VerifySoftwareToken');
      await expect(begun?.confirm(new Secret('123456'))).rejects.toMatchObject({ code: 'refused' });
    }));
});
