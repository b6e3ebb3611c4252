import { createHash, randomUUID } from 'node:crypto';
import * as sdk from '@aws-sdk/client-secrets-manager';
import { GetCallerIdentityCommand, STSClient } from '@aws-sdk/client-sts';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSecretsManager, type DevelopmentSecretsManager } from '../../../src/laptop/secrets-manager/server.ts';

let server: DevelopmentSecretsManager;
let client: sdk.SecretsManagerClient;
let now = Date.now();
let count = 0;
const fresh = () => `dev/secret-${(count += 1)}.`;
const token = (digit: string) => digit.repeat(32);

beforeAll(async () => {
  server = await startSecretsManager({ now: () => now });
  client = new sdk.SecretsManagerClient(configuration());
});
afterAll(async () => {
  client.destroy();
  await server.close();
});

function configuration(credentials: { accessKeyId?: string; secretAccessKey?: string } = {}) {
  return {
    endpoint: server.address,
    region: server.region,
    maxAttempts: 1,
    credentials: {
      accessKeyId: server.credentials.accessKeyId,
      secretAccessKey: server.credentials.secretAccessKey.reveal(),
      ...credentials,
    },
  };
}

const create = (Name: string, SecretString?: string, more: object = {}) =>
  client.send(new sdk.CreateSecretCommand({ Name, ...(SecretString === undefined ? {} : { SecretString }), ...more }));
const put = (SecretId: string, SecretString: string, more: object = {}) =>
  client.send(new sdk.PutSecretValueCommand({ SecretId, SecretString, ...more }));
const get = async (SecretId: string, more: object = {}) =>
  (await client.send(new sdk.GetSecretValueCommand({ SecretId, ...more }))).SecretString;
const stages = async (SecretId: string) =>
  (await client.send(new sdk.DescribeSecretCommand({ SecretId }))).VersionIdsToStages;
const move = (SecretId: string, more: object, VersionStage = 'AWSCURRENT') =>
  client.send(new sdk.UpdateSecretVersionStageCommand({ SecretId, VersionStage, ...more }));

describe('versions and labels', () => {
  it('a put displaces the current version, and a third loses its label', async () => {
    const name = fresh();
    await create(name, 'one', { ClientRequestToken: token('1') });
    await put(name, 'two', { ClientRequestToken: token('2') });
    expect(await stages(name)).toEqual({ [token('1')]: ['AWSPREVIOUS'], [token('2')]: ['AWSCURRENT'] });
    await put(name, 'three', { ClientRequestToken: token('3') });
    expect(await stages(name)).toEqual({ [token('2')]: ['AWSPREVIOUS'], [token('3')]: ['AWSCURRENT'] });
    const list = async (IncludeDeprecated: boolean) =>
      (await client.send(new sdk.ListSecretVersionIdsCommand({ SecretId: name, IncludeDeprecated }))).Versions?.length;
    expect([await list(false), await list(true)]).toEqual([2, 3]);
    expect([
      await get(name),
      await get(name, { VersionStage: 'AWSPREVIOUS' }),
      await get(name, { VersionId: token('1') }),
    ]).toEqual(['three', 'two', 'one']);
  });

  it('the same token: the same value does nothing, another is refused', async () => {
    const name = fresh();
    await create(name, 'one', { ClientRequestToken: token('1') });
    await create(name, 'one', { ClientRequestToken: token('1') });
    await put(name, 'two', { ClientRequestToken: token('2') });
    const again = await put(name, 'one', { ClientRequestToken: token('1') });
    expect(again.VersionStages).toEqual(['AWSPREVIOUS']);
    expect(await get(name)).toBe('two');
    await expect(put(name, 'other', { ClientRequestToken: token('1') })).rejects.toThrow(sdk.ResourceExistsException);
    await expect(create(name, 'other', { ClientRequestToken: token('1') })).rejects.toThrow(
      /already in use for a version/,
    );
    await expect(create(name, 'one', { ClientRequestToken: token('9') })).rejects.toThrow(
      `The operation failed because the secret ${name} already exists.`,
    );
  });

  it('AWSPENDING stages without promoting; a first version is current all the same', async () => {
    const name = fresh();
    await create(name);
    await expect(get(name)).rejects.toThrow('staging label: AWSCURRENT');
    await put(name, 'one', { ClientRequestToken: token('1'), VersionStages: ['AWSPENDING'] });
    expect(await stages(name)).toEqual({ [token('1')]: ['AWSPENDING', 'AWSCURRENT'] });
    await put(name, 'two', { ClientRequestToken: token('2'), VersionStages: ['AWSPENDING'] });
    expect(await stages(name)).toEqual({ [token('1')]: ['AWSCURRENT'], [token('2')]: ['AWSPENDING'] });
    await move(name, { MoveToVersionId: token('2'), RemoveFromVersionId: token('1') });
    expect(await stages(name)).toEqual({ [token('1')]: ['AWSPREVIOUS'], [token('2')]: ['AWSPENDING', 'AWSCURRENT'] });
    await put(name, 'three', { ClientRequestToken: token('3') });
    expect(await stages(name)).toEqual({ [token('2')]: ['AWSPREVIOUS'], [token('3')]: ['AWSCURRENT'] });
  });

  it('a label moves only with its present holder named, and AWSCURRENT is never without one', async () => {
    const name = fresh();
    await create(name, 'one', { ClientRequestToken: token('1') });
    await put(name, 'two', { ClientRequestToken: token('2') });
    await expect(move(name, { MoveToVersionId: token('1') })).rejects.toThrow(sdk.InvalidParameterException);
    await expect(move(name, { MoveToVersionId: token('1'), RemoveFromVersionId: token('1') })).rejects.toThrow(
      sdk.InvalidParameterException,
    );
    await expect(move(name, { RemoveFromVersionId: token('2') })).rejects.toThrow(sdk.InvalidParameterException);
    await expect(move(name, { MoveToVersionId: token('7') })).rejects.toThrow(sdk.ResourceNotFoundException);
    await move(name, { MoveToVersionId: token('1') }, 'custom');
    await expect(move(name, { MoveToVersionId: token('2') }, 'custom')).rejects.toThrow(sdk.InvalidParameterException);
    await move(name, { RemoveFromVersionId: token('1') }, 'custom');
    await move(name, { MoveToVersionId: token('1'), RemoveFromVersionId: token('2') });
    expect(await stages(name)).toEqual({ [token('1')]: ['AWSCURRENT'], [token('2')]: ['AWSPREVIOUS'] });
    await expect(get(name, { VersionId: token('1'), VersionStage: 'AWSPREVIOUS' })).rejects.toThrow(
      sdk.InvalidRequestException,
    );
  });

  it('UpdateSecret with metadata alone makes no version', async () => {
    const name = fresh();
    await create(name, 'one', { Description: 'before' });
    const answer = await client.send(
      new sdk.UpdateSecretCommand({ SecretId: name, Description: '', KmsKeyId: 'alias/x' }),
    );
    expect(answer.VersionId).toBeUndefined();
    expect(await client.send(new sdk.DescribeSecretCommand({ SecretId: name }))).toMatchObject({
      Description: '',
      KmsKeyId: 'alias/x',
    });
    expect(Object.keys((await stages(name)) ?? {})).toHaveLength(1);
  });

  it('binary values come back as they went', async () => {
    const name = fresh();
    const SecretBinary = new Uint8Array([0, 255, 10]);
    await client.send(new sdk.CreateSecretCommand({ Name: name, SecretBinary }));
    expect((await client.send(new sdk.GetSecretValueCommand({ SecretId: name }))).SecretBinary).toEqual(SecretBinary);
  });
});

describe('refused', () => {
  const long = 'x'.repeat(65_537);
  const cases: readonly (readonly [string, () => Promise<unknown>, string])[] = [
    ['a bad name', () => create('a b', 'x'), 'ValidationException'],
    ['a name too long', () => create('x'.repeat(513), 'x'), 'ValidationException'],
    ['an empty value', () => create(fresh(), ''), 'ValidationException'],
    ['a value too long', () => create(fresh(), long), 'ValidationException'],
    [
      'both kinds of value',
      () => create(fresh(), 'x', { SecretBinary: new Uint8Array([1]) }),
      'InvalidParameterException',
    ],
    ['a short token', () => create(fresh(), 'x', { ClientRequestToken: 'short' }), 'ValidationException'],
    ["AWS's own tag", () => create(fresh(), 'x', { Tags: [{ Key: 'aws:x', Value: '' }] }), 'InvalidParameterException'],
    [
      '51 tags',
      () => create(fresh(), 'x', { Tags: Array.from({ length: 51 }, (_, i) => ({ Key: `k${i}`, Value: '' })) }),
      'LimitExceededException',
    ],
    ['a put into nothing', () => put('none', 'x'), 'ResourceNotFoundException'],
    [
      'a put of nothing',
      async () => {
        const name = fresh();
        await create(name, 'x');
        await client.send(new sdk.PutSecretValueCommand({ SecretId: name }));
      },
      'InvalidRequestException',
    ],
    [
      'a deletion in 6 days',
      () => client.send(new sdk.DeleteSecretCommand({ SecretId: 'x', RecoveryWindowInDays: 6 })),
      'InvalidParameterException',
    ],
    [
      'force and a window',
      () =>
        client.send(
          new sdk.DeleteSecretCommand({ SecretId: 'x', RecoveryWindowInDays: 7, ForceDeleteWithoutRecovery: true }),
        ),
      'InvalidParameterException',
    ],
    ['a page of 101', () => client.send(new sdk.ListSecretsCommand({ MaxResults: 101 })), 'ValidationException'],
    ['a page of none', () => client.send(new sdk.ListSecretsCommand({ MaxResults: 0 })), 'ValidationException'],
    [
      '11 names in a filter',
      () =>
        client.send(
          new sdk.ListSecretsCommand({ Filters: [{ Key: 'name', Values: Array.from({ length: 11 }, String) }] }),
        ),
      'ValidationException',
    ],
    [
      'an unknown filter',
      () => client.send(new sdk.ListSecretsCommand({ Filters: [{ Key: 'nonsense' as 'name', Values: ['x'] }] })),
      'ValidationException',
    ],
    [
      "another list's token",
      () => client.send(new sdk.ListSecretsCommand({ NextToken: 'bm9uc2Vuc2U' })),
      'InvalidNextTokenException',
    ],
    [
      '21 in a batch',
      () => client.send(new sdk.BatchGetSecretValueCommand({ SecretIdList: Array.from({ length: 21 }, String) })),
      'ValidationException',
    ],
    ['a batch of nothing', () => client.send(new sdk.BatchGetSecretValueCommand({})), 'InvalidParameterException'],
    [
      'an operation that is not there',
      () => client.send(new sdk.GetRandomPasswordCommand({})),
      'UnknownOperationException',
    ],
  ];
  it.each(cases)('%s', async (_, attempt, name) => {
    await expect(attempt()).rejects.toMatchObject({ name, $metadata: { httpStatusCode: 400 } });
  });
});

describe('deletion', () => {
  it('in time: shown, closed to all but its restoring', async () => {
    const name = fresh();
    await create(name, 'one');
    await client.send(new sdk.DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: 7 }));
    expect((await client.send(new sdk.DescribeSecretCommand({ SecretId: name }))).DeletedDate).toBeInstanceOf(Date);
    for (const attempt of [
      () => get(name),
      () => put(name, 'two'),
      () => client.send(new sdk.TagResourceCommand({ SecretId: name, Tags: [] })),
      () => client.send(new sdk.UpdateSecretCommand({ SecretId: name, Description: '' })),
      () => move(name, { MoveToVersionId: token('1') }),
    ]) {
      await expect(attempt()).rejects.toMatchObject({
        name: 'InvalidRequestException',
        message: expect.stringContaining('marked for deletion'),
      });
    }
    await expect(create(name, 'one')).rejects.toMatchObject({
      name: 'InvalidRequestException',
      message: expect.stringContaining('already scheduled'),
    });
    await client.send(new sdk.RestoreSecretCommand({ SecretId: name }));
    expect(await get(name)).toBe('one');
    await client.send(new sdk.DeleteSecretCommand({ SecretId: name, RecoveryWindowInDays: 7 }));
    now += 7 * 86_400_000 + 1;
    await expect(get(name)).rejects.toThrow(sdk.ResourceNotFoundException);
  });

  it('by force: gone, and its name free again after some seconds', async () => {
    const name = fresh();
    await create(name, 'one');
    await client.send(new sdk.DeleteSecretCommand({ SecretId: name, ForceDeleteWithoutRecovery: true }));
    await expect(get(name)).rejects.toThrow(sdk.ResourceNotFoundException);
    await expect(create(name, 'two')).rejects.toThrow('already scheduled for deletion');
    now += 5_000;
    await create(name, 'two');
    await client.send(new sdk.DeleteSecretCommand({ SecretId: 'never', ForceDeleteWithoutRecovery: true }));
  });
});

describe('names, lists and batches', () => {
  it('a whole ARN, one without its suffix, and one that only looks whole', async () => {
    const { ARN = '' } = await create('dev/arn', 'plain');
    const { ARN: odd = '' } = await create('dev/arn-abcdef', 'odd');
    expect([await get(ARN), await get(ARN.slice(0, -7)), await get(odd)]).toEqual(['plain', 'plain', 'odd']);
    await expect(get(odd.slice(0, -7))).rejects.toThrow(sdk.ResourceNotFoundException);
  });

  it('filters: prefixes, any of the values, all of the filters, negation', async () => {
    await create('f/One', 'x', { Description: 'Orders API', Tags: [{ Key: 'team', Value: 'red' }] });
    await create('f/two', 'x', { Tags: [{ Key: 'team', Value: 'blue' }] });
    const list = async (...filters: [string, ...string[]][]) => {
      const Filters = filters.map(([Key, ...Values]) => ({ Key: Key as 'name', Values }));
      const { SecretList = [] } = await client.send(new sdk.ListSecretsCommand({ Filters }));
      return SecretList.map((each) => each.Name ?? '').toSorted();
    };
    expect(await list(['name', 'f/'])).toEqual(['f/One', 'f/two']);
    expect(await list(['name', 'f/one'])).toEqual([]);
    expect(await list(['name', 'f/'], ['name', '!f/One'])).toEqual(['f/two']);
    expect(await list(['name', 'f/O', 'f/t'])).toEqual(['f/One', 'f/two']);
    expect(await list(['name', 'f/'], ['tag-value', 're'])).toEqual(['f/One']);
    expect(await list(['tag-key', 'TEAM'])).toEqual([]);
    expect(await list(['description', 'orders'])).toEqual(['f/One']);
    expect(await list(['all', 'api'])).toEqual(['f/One']);
  });

  it('every secret is on one page, however long pages are', async () => {
    await Promise.all(Array.from({ length: 25 }, (_, index) => create(`p/${index}`, 'x')));
    const seen: string[] = [];
    server.faults.pages(4, 0, 7);
    const pages = sdk.paginateListSecrets(
      { client, pageSize: 10 },
      { Filters: [{ Key: 'name', Values: ['p/'] }], SortBy: 'name', SortOrder: 'asc' },
    );
    for await (const { SecretList = [] } of pages) seen.push(...SecretList.map((each) => each.Name ?? ''));
    expect(seen).toEqual(Array.from({ length: 25 }, (_, index) => `p/${index}`).toSorted());
  });

  it('a batch has values and errors', async () => {
    const { SecretValues, Errors } = await client.send(
      new sdk.BatchGetSecretValueCommand({ SecretIdList: ['p/1', 'none'] }),
    );
    expect(SecretValues).toMatchObject([{ Name: 'p/1', SecretString: 'x' }]);
    expect(Errors).toMatchObject([{ SecretId: 'none', ErrorCode: 'ResourceNotFoundException' }]);
  });
});

describe('who may', () => {
  it('a signature by the key, and no other', async () => {
    const attempt = (credentials: object, region = server.region) =>
      new sdk.SecretsManagerClient({ ...configuration(credentials), region }).send(new sdk.ListSecretsCommand({}));
    await expect(attempt({ secretAccessKey: 'wrong' })).rejects.toMatchObject({ name: 'InvalidSignatureException' });
    await expect(attempt({ accessKeyId: 'AKIANOBODY' })).rejects.toMatchObject({ name: 'UnrecognizedClientException' });
    await expect(attempt({}, 'us-east-1')).rejects.toMatchObject({ name: 'InvalidSignatureException' });
    await attempt({});
  });

  it('a body other than the signed one is refused', async () => {
    let captured: { headers: Record<string, string>; body: string } | undefined;
    const spy = new sdk.SecretsManagerClient(configuration());
    spy.middlewareStack.add(
      (next) => (args) => {
        const { headers, body } = args.request as { headers: Record<string, string>; body: Uint8Array | string };
        captured = { headers, body: typeof body === 'string' ? body : new TextDecoder().decode(body) };
        return next(args);
      },
      { step: 'deserialize', priority: 'low' },
    );
    await spy.send(new sdk.ListSecretsCommand({ MaxResults: 10 }));
    const { headers = {}, body = '' } = captured ?? {};
    const replay = (changed: string, more: object = {}) =>
      fetch(server.address, {
        method: 'POST',
        body: changed,
        headers: { ...headers, ...more, 'content-length': String(changed.length) },
      });
    expect((await replay(body)).status).toBe(200);
    const forged = body.replace('10', '20');
    expect(await (await replay(forged)).json()).toMatchObject({ __type: 'InvalidSignatureException' });
    const hash = createHash('sha256').update(body).digest('hex');
    expect(await (await replay(forged, { 'x-amz-content-sha256': hash })).json()).toMatchObject({
      __type: 'InvalidSignatureException',
    });
    expect(await (await replay(body, { 'x-amz-target': 'secretsmanager.DeleteSecret' })).json()).toMatchObject({
      __type: 'InvalidSignatureException',
    });
  });

  it('STS tells the account, to whom it knows', async () => {
    const sts = new STSClient(configuration());
    expect(await sts.send(new GetCallerIdentityCommand({}))).toMatchObject({ Account: '123456789012' });
    const stranger = new STSClient(configuration({ secretAccessKey: 'wrong' }));
    await expect(stranger.send(new GetCallerIdentityCommand({}))).rejects.toMatchObject({
      name: 'SignatureDoesNotMatch',
    });
  });

  it.each([
    ['no signature', {}, '{}', 'MissingAuthenticationTokenException'],
    ['half a signature', { authorization: 'AWS4-HMAC-SHA256 Credential=x' }, '{}', 'IncompleteSignatureException'],
  ])('%s', async (_, headers, body, type) => {
    const response = await fetch(server.address, {
      method: 'POST',
      body,
      headers: {
        ...headers,
        'content-type': 'application/x-amz-json-1.1',
        'x-amz-target': 'secretsmanager.ListSecrets',
      },
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ __type: type });
  });

  it('neither a browser nor another name of this machine has an answer', async () => {
    expect((await fetch(server.address)).status).toBe(404);
    expect((await fetch(`${server.address}/${randomUUID()}`, { method: 'POST' })).status).toBe(404);
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(server.address, { method: 'POST', headers: { host: 'rebound.example' } }, (response) =>
        resolve(response.statusCode),
      )
        .once('error', reject)
        .end();
    });
    expect(status).toBe(421);
  });
});

it.each([
  ['eu-west-1', 'aws'],
  ['cn-north-1', 'aws-cn'],
  ['us-gov-west-1', 'aws-us-gov'],
])('in %s secrets and callers have ARNs of the partition %s', async (region, partition) => {
  const there = await startSecretsManager({ region });
  const options = {
    endpoint: there.address,
    region,
    credentials: {
      accessKeyId: there.credentials.accessKeyId,
      secretAccessKey: there.credentials.secretAccessKey.reveal(),
    },
  };
  const [secrets, sts] = [new sdk.SecretsManagerClient(options), new STSClient(options)];
  try {
    const { ARN = '' } = await secrets.send(new sdk.CreateSecretCommand({ Name: 'a', SecretString: 'x' }));
    expect(ARN.startsWith(`arn:${partition}:secretsmanager:${region}:${there.account}:secret:a-`)).toBe(true);
    expect((await secrets.send(new sdk.DescribeSecretCommand({ SecretId: ARN }))).Name).toBe('a');
    const { Arn } = await sts.send(new GetCallerIdentityCommand({}));
    expect(Arn).toBe(`arn:${partition}:iam::${there.account}:user/development`);
  } finally {
    secrets.destroy();
    sts.destroy();
    await there.close();
  }
});
