import { describe, expect, test } from 'vitest';
import { lacking } from '../../../../src/adapters/identity/capabilities.ts';
import { entra } from '../../../../src/adapters/identity/entra/index.ts';
import type { ErrorCode } from '../../../../src/foundation/errors.ts';
import { Secret } from '../../../../src/foundation/secret.ts';
import { newOneTimePassword } from '../../../../src/foundation/totp.ts';
import { identityCapabilitiesContract } from '../../../contracts/identity-capabilities.ts';
import { identityProviderContract, newUser } from '../../../contracts/identity-provider.ts';
import { eachWith, failedLookUp, quotedBack } from '../trouble.ts';
import { offered, startDouble } from './double.ts';

identityProviderContract('Entra, the laptop', startDouble);
identityCapabilitiesContract('Entra, the laptop', offered, startDouble);
identityCapabilitiesContract('Entra, the laptop, with its beta', ['import-seed'], () => startDouble({ preview: true }));

const withDouble = eachWith(startDouble);

const labelled = async () => ({ seed: await newOneTimePassword(), label: `flows ${crypto.randomUUID()}` });
const failure = (message: string, details: readonly object[] = []) => ({
  error: { code: 'Request_BadRequest', message, details },
});
const conflict = { code: 'ObjectConflict', target: 'userPrincipalName' };

describe('users', () => {
  test('that were made a moment ago are asked for again, and others are not', () =>
    withDouble(async ({ provider, waits }) => {
      const { id, userName } = await provider.create(newUser());
      expect(await provider.find(userName)).toMatchObject({ id });
      expect(waits).toEqual([500, 500]);
      expect(await provider.find(newUser().userName)).toBeUndefined();
      expect(await provider.get(crypto.randomUUID())).toBeUndefined();
      expect(waits).toHaveLength(2);
    }));

  test('that were made and are gone are nobody, once every replica knows', () =>
    withDouble(async ({ provider, idp, waits }) => {
      const { id } = await provider.create(newUser());
      for (let count = 0; count < 200; count += 1) idp.faults.nextDouble({ status: 404 }, 'GET');
      expect(await provider.get(id)).toBeUndefined();
      expect(waits.length).toBeLessThanOrEqual(120);
    }));

  test('whose answer was lost are found again by their mark', () =>
    withDouble(async ({ provider, idp }) => {
      const given = newUser();
      idp.faults.nextDouble({ lose: true }, 'POST');
      await expect(provider.create(given)).rejects.toMatchObject({ code: 'unavailable' });
      const found = [];
      for (const _ of ['one', 'two', 'three']) found.push(await provider.find(given.userName));
      expect(found.at(-1)).toMatchObject({ mark: given.mark, active: true });
      expect(provider.traits.lookUpLag).toBeGreaterThan(0);
    }));

  test('by another name than their own are nobody', () =>
    withDouble(async ({ provider, idp }) => {
      const body = { id: crypto.randomUUID(), userPrincipalName: 'ada@example.com' };
      idp.faults.nextDouble({ status: 200, body });
      expect(await provider.find('bob@example.com')).toBeUndefined();
      const before = idp.requests().doubles;
      expect(await provider.get('ada@example.com')).toBeUndefined();
      const set = provider.setPassword?.('ada@example.com', new Secret('correct horse'));
      await expect(set).rejects.toMatchObject({ code: 'not-found' });
      expect(idp.requests().doubles).toBe(before);
    }));
});

describe('one-time passwords', () => {
  test('are refused without preview: true, with what to do', () => {
    const settings = (preview: boolean) => ({
      url: 'https://graph.microsoft.com',
      mark: 'extensionAttribute15',
      preview,
    });
    expect(lacking(entra, settings(false), ['import-seed'], [entra])?.hint).toContain('preview: true');
    expect(lacking(entra, settings(true), ['import-seed'], [entra])).toBeUndefined();
  });

  test('whose device a run has left are given to the user all the same', () =>
    withDouble(
      async ({ provider, idp }) => {
        const { id } = await provider.create(newUser());
        const given = await labelled();
        idp.faults.nextDouble({ status: 503 }, 'POST', 'assignAndActivate');
        await expect(provider.factors?.importSeed?.(id, given)).rejects.toMatchObject({ code: 'unavailable' });
        expect(await provider.factors?.list(id)).toEqual([]);
        await provider.factors?.importSeed?.(id, given);
        expect(await provider.factors?.list(id)).toMatchObject([{ label: given.label }]);
      },
      { preview: true },
    ));

  test('that Entra does not make are refused before anything is sent', () =>
    withDouble(
      async ({ provider, idp }) => {
        const { seed, label } = await labelled();
        const work = provider.factors?.importSeed?.(crypto.randomUUID(), { seed: { ...seed, digits: 8 }, label });
        await expect(work).rejects.toMatchObject({ code: 'invalid-value' });
        expect(idp.requests().doubles).toBe(0);
      },
      { preview: true },
    ));
});

describe('a client', () => {
  test('gets as many secrets as are asked for, each told once', () =>
    withDouble(async ({ provider, accepts }) => {
      const secrets = provider.clientSecrets;
      if (secrets === undefined) throw new TypeError('has none');
      const added = [];
      for (const _ of ['one', 'two', 'three']) added.push(await secrets.add('orders'));
      const listed = await secrets.list('orders');
      expect(listed).toHaveLength(4);
      for (const { id, value } of added) {
        expect(await accepts(value ?? new Secret(''))).toBe(true);
        expect(listed.find((each) => each.id === id)?.is?.(value ?? new Secret(''))).toBe(true);
      }
      expect(JSON.stringify(listed)).not.toContain(added[0]?.value?.reveal());
    }));

  test('whose id is a filter of its own is none', () =>
    withDouble(async ({ provider }) => {
      for (const id of ["orders') or (appId eq 'keyed", 'a/b', '..', ''])
        await expect(provider.clientSecrets?.list(id)).rejects.toMatchObject({ code: 'not-found' });
    }));
});

describe('a limit of requests', () => {
  test('that ends within a minute is waited for, and another is told, with how long', () =>
    withDouble(async ({ provider, idp, waits }) => {
      idp.faults.nextDouble({ status: 429, headers: { 'Retry-After': '20' } });
      expect(await provider.find('ada@example.com')).toBeUndefined();
      expect(waits).toEqual([20_000]);
      idp.faults.nextDouble({ status: 429, headers: { 'Retry-After': '300' } });
      await expect(provider.find('ada@example.com')).rejects.toMatchObject({ code: 'rate-limited', retryAfter: 300 });
      expect(waits).toHaveLength(1);
    }));
});

describe('trouble', () => {
  test.each<[string, object, string, ErrorCode]>([
    ['401', { status: 401, body: failure('Access token has expired.') }, 'expired', 'denied'],
    [
      '403',
      { status: 403, body: failure('Insufficient privileges to complete the operation.') },
      'privileges',
      'denied',
    ],
    ['503', { status: 503, body: '<html>' }, 'is in trouble', 'unavailable'],
    ['no JSON', { status: 200, body: '<html>' }, 'no user', 'protocol'],
    ['another shape', { status: 200, body: { id: 1 } }, 'no user', 'protocol'],
  ])('%s', (_, fault, message, code) =>
    withDouble(async (started) => {
      const error = await failedLookUp(started, fault);
      expect(error).toMatchObject({ code, message: expect.stringContaining(message) });
    }),
  );

  test.each<[string, object, ErrorCode, string | undefined]>([
    ['a name that is taken', failure('Another object with the same value', [conflict]), 'conflict', undefined],
    ['a weak password', failure('The specified password does not comply'), 'invalid-value', 'password'],
    [
      'a domain that is not verified',
      failure('The domain portion is invalid', [{ code: 'InvalidValue', target: 'userPrincipalName' }]),
      'invalid-value',
      'userPrincipalName',
    ],
  ])('of one status is told by its details, in the words of Graph: %s', (_, body, code, subject) =>
    withDouble(async ({ provider, idp }) => {
      idp.faults.nextDouble({ status: 400, body }, 'POST');
      const given = newUser({ password: new Secret('0123456789abcdef') });
      const error = await provider.create(given).catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code, message: expect.stringMatching(/400: (?:Another|The) /) });
      expect((error as { place: { subject?: string } }).place.subject).toBe(subject);
    }),
  );

  test('that quotes what was sent is not repeated', () =>
    withDouble(async (started) => {
      const { error, sent } = await quotedBack(started, (quote) => failure(`password ${quote}`));
      expect(error).toMatchObject({ code: 'invalid-value' });
      for (const canary of sent) expect(String(error)).not.toContain(canary);
    }));
});

test.each([
  ['https://graph.microsoft.com', 0],
  ['https://graph.microsoft.us/', 0],
  ['https://graph.microsoft.com/v1.0', 1],
  ['https://graph.microsoft.com?x=1', 1],
])('the address %s has %i problems', (url, problems) => {
  expect(entra.check?.({ url }, new Set(['token']))).toHaveLength(problems);
});

test('the setup names the permissions, and those of the beta where it is used', () => {
  const told = (preview: boolean) => entra.setup?.('main', { preview }) ?? '';
  for (const each of ['User.ReadWrite.All', 'Application.ReadWrite.OwnedBy']) expect(told(false)).toContain(each);
  expect(told(false)).not.toContain('AuthenticationMethod');
  expect(told(true)).toContain('UserAuthenticationMethod.ReadWrite.All');
});
