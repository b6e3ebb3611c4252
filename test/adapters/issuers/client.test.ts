import { describe, expect, it, test } from 'vitest';
import { authenticatedBy, type ClientCredentials, clientProblems } from '../../../src/adapters/issuers/client.ts';
import { Reference } from '../../../src/foundation/reference.ts';
import { Secret } from '../../../src/foundation/secret.ts';

type Given = Parameters<typeof clientProblems>[0];
const assertion = { audience: undefined, 'key-id': undefined, certificate: undefined };

describe('a client’s credentials', () => {
  test.each<[readonly string[], Given, readonly string[]]>([
    [['client-secret'], {}, []],
    [['client-key'], { authentication: 'private_key_jwt', assertion }, []],
    [[], {}, ['client-id']],
    [['client-secret', 'client-key'], {}, ['client-key']],
    [['client-secret'], { authentication: 'private_key_jwt' }, ['authentication']],
    [['client-key'], { authentication: 'client_secret_post' }, ['authentication']],
    [['client-secret'], { assertion }, ['assertion']],
  ])('given as %j with %j are wrong at %j', (keys, written, wrong) => {
    expect(clientProblems(written, new Set(['client-id', ...keys])).map(({ key }) => key)).toEqual(wrong);
  });

  it('are read where they are needed, each by its reference', async () => {
    const of = (field: string) => Reference.of({ vault: 'Agents', item: 'Page', field });
    const written: ClientCredentials = {
      'client-secret': [of('one'), of('two')],
      'client-key': of('key'),
      authentication: undefined,
      assertion: { ...assertion, audience: 'https://login.example/token', certificate: of('certificate') },
    };
    const read: string[] = [];
    const found = authenticatedBy(written, (reference) => ({
      label: reference.toString(),
      read: async () => new Secret(String(read.push(reference.field ?? ''))),
    }));
    expect(read).toEqual([]);
    await found.clientSecrets?.[1]?.read();
    await found.clientKey?.read();
    await found.assertion?.certificate?.read();
    expect(read).toEqual(['two', 'key', 'certificate']);
    expect(found.assertion).toMatchObject({ audience: 'https://login.example/token', keyId: undefined });
    const none = {
      'client-secret': undefined,
      'client-key': undefined,
      authentication: undefined,
      assertion: undefined,
    };
    const label = () => Promise.reject(new TypeError('nothing is to be read'));
    expect(authenticatedBy(none, () => ({ label: '', read: label }))).toEqual({
      clientSecrets: undefined,
      clientKey: undefined,
      authentication: undefined,
      assertion: undefined,
    });
  });
});
