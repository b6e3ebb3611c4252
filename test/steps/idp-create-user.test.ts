import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { FlowError, type ErrorCode } from '../../src/foundation/errors.ts';
import type { StepContext, StepPlan, WriteStepKind } from '../../src/steps/contract.ts';
import type { IdentityProvider } from '../../src/adapters/identity/contract.ts';
import { idpCreateUser } from '../../src/steps/idp-create-user.ts';
import { idpDisableUser } from '../../src/steps/idp-disable-user.ts';
import type { Item, Vault } from '../../src/adapters/vaults/contract.ts';
import { someone, startLaptop, type Laptop } from './laptop.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

function inputOf(username: string, item: Item, provider: IdentityProvider = laptop.provider) {
  return {
    provider,
    username,
    email: username,
    'given-name': 'Ada',
    'family-name': 'Example',
    password: item.reference.sibling('password'),
  };
}

async function create(
  username: string,
  item: Item,
  provider?: IdentityProvider,
  context: StepContext = laptop.context(),
): Promise<string> {
  return ((await idpCreateUser.run(inputOf(username, item, provider), context)) as { id: string }).id;
}

function planOf(kind: unknown, input: object, context = laptop.context()): Promise<StepPlan<unknown>> {
  return (kind as WriteStepKind).plan(input, context);
}

const users = (username: string) => laptop.idp.users().filter((user) => user.userName === username);
const codeOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'done',
    (error: unknown) => (error instanceof FlowError ? error.code : String(error)),
  );

describe('making a user', () => {
  test('plans, makes it with our mark, and plans nothing more', async () => {
    const username = someone();
    const item = await laptop.login(username);
    const input = inputOf(username, item);
    await expect(planOf(idpCreateUser, input)).resolves.toMatchObject({ changes: [{ action: 'create' }] });
    expect(users(username)).toHaveLength(0);
    const id = await create(username, item);
    expect(users(username)).toMatchObject([{ id, active: true, externalId: expect.stringMatching(/^flows-owner:/) }]);
    const stays = { action: 'none', detail: 'made by this step; its names and address stay as they are' };
    await expect(planOf(idpCreateUser, { ...input, 'given-name': 'Another' })).resolves.toEqual({
      changes: [expect.objectContaining(stays)],
      output: { id },
    });
  });

  test('twice, in any case of letters, gives the same one', async () => {
    const username = someone();
    const item = await laptop.login(username);
    const id = await create(username, item);
    await expect(create(username.toUpperCase(), item)).resolves.toBe(id);
    expect(users(username)).toHaveLength(1);
  });

  test.each([
    ['on one machine', {}],
    ['on many machines', { locked: <T>(_: string, work: () => Promise<T>) => work() }],
  ])('eight at once, %s, make one', async (_, changes) => {
    const username = someone();
    const item = await laptop.login(username);
    const contexts = Array.from({ length: 8 }, () => laptop.context(changes));
    const ids = await Promise.all(contexts.map((context) => create(username, item, undefined, context)));
    expect(new Set(ids).size).toBe(1);
    expect(users(username)).toHaveLength(1);
  });

  test('the name of a user that someone else made is refused, in the plan and in the run', async () => {
    const username = someone();
    const item = await laptop.login(username);
    await laptop.user(item, username);
    await expect(planOf(idpCreateUser, inputOf(username, item))).resolves.toMatchObject({
      changes: [{ action: 'conflict', what: expect.stringContaining(username) }],
    });
    await expect(create(username, item)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining(username),
    });
  });

  test('a user of ours that was disabled is not taken up again', async () => {
    const username = someone();
    const item = await laptop.login(username);
    await laptop.provider.disable(await create(username, item));
    await expect(codeOf(create(username, item))).resolves.toBe('conflict');
  });

  test.each<[string, IdentityProvider['get'], number]>([
    ['keeps it', (id) => laptop.provider.get(id), 0],
    ['forgets it', async (id) => ({ id, userName: 'a', active: true }), 1],
    ['cannot be asked', () => Promise.reject(new FlowError('timeout', 'late')), 0],
  ])('a provider that is given our mark, and %s', async (_, get, warnings) => {
    const username = someone();
    const context = laptop.context();
    await create(username, await laptop.login(username), { ...laptop.provider, get }, context);
    expect(context.told.filter((line) => line.includes('does not keep the mark'))).toHaveLength(warnings);
  });

  test('what is not known yet is planned without a look', async () => {
    await expect(planOf(idpCreateUser, {})).resolves.toMatchObject({ changes: [{ action: 'create' }] });
  });
});

describe('trouble', () => {
  test('the answer is lost after the user was made: it is adopted', async () => {
    const username = someone();
    const item = await laptop.login(username);
    laptop.idp.faults.nextScim({ lose: true }, 'POST');
    const id = await create(username, item);
    expect(users(username)).toMatchObject([{ id }]);
  });

  test('killed right after the user was made: the next run adopts it', async () => {
    const username = someone();
    const item = await laptop.login(username);
    const killed: IdentityProvider = {
      ...laptop.provider,
      create: async (user) => {
        await laptop.provider.create(user);
        throw new RangeError('killed');
      },
    };
    await expect(create(username, item, killed)).rejects.toThrow(RangeError);
    await expect(create(username, item)).resolves.toBe(users(username)[0]?.id);
    expect(users(username)).toHaveLength(1);
  });

  test.each<[number, ErrorCode]>([
    [401, 'denied'],
    [403, 'denied'],
    [429, 'rate-limited'],
    [500, 'unavailable'],
    [503, 'unavailable'],
  ])('the provider answers %s: %s, and no user', async (status, code) => {
    const username = someone();
    const item = await laptop.login(username);
    laptop.idp.faults.nextScim({ status, body: {} }, 'POST');
    await expect(codeOf(create(username, item))).resolves.toBe(code);
    expect(users(username)).toHaveLength(0);
    await expect(codeOf(create(username, item))).resolves.toBe('done');
  });

  test('a 409 about something else than a user that can be found is a conflict', async () => {
    const username = someone();
    const item = await laptop.login(username);
    laptop.idp.faults.nextScim({ status: 409, body: { scimType: 'uniqueness', detail: 'email' } }, 'POST');
    await expect(codeOf(create(username, item))).resolves.toBe('conflict');
  });
});

describe('a password that the provider refuses', () => {
  const weak = (username: string, tags: readonly string[]) => {
    if (laptop.vault.items === undefined) throw new Error('no items');
    const password = { length: 8, digits: false, symbols: false };
    return laptop.vault.items.createLogin({ vault: 'Accounts', title: username, username, password, tags });
  };
  const stateOf = (item: Item) => laptop.server.dump().find(({ id }) => id === item.id)?.state;
  const mark = `flows-owner:${'a'.repeat(43)}`;

  test('archives the item that a step of ours made for it, so that the next run makes another', async () => {
    const username = someone();
    const item = await weak(username, [mark]);
    const error = await create(username, item).catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({
      code: 'invalid-value',
      place: { subject: item.reference.sibling('password').toString() },
    });
    expect(stateOf(item)).toBe('archived');
    expect(users(username)).toHaveLength(0);
  });

  test.each<[string, readonly string[], boolean]>([
    ['somebody else made', ['work'], true],
    ['has a tag that only begins like ours', ['flows-owner:mine'], true],
    ['we made for another user', [mark], false],
  ])('leaves an item that %s', async (_, tags, sameName) => {
    const username = someone();
    const item = await weak(sameName ? username : someone(), tags);
    await expect(codeOf(create(username, item))).resolves.toBe('invalid-value');
    expect(stateOf(item)).toBe('active');
  });

  test('leaves the item where the user exists all the same', async () => {
    const username = someone();
    const item = await weak(username, [mark]);
    const provider: IdentityProvider = {
      ...laptop.provider,
      create: async (user) => {
        const password = await laptop.context().read((await laptop.login(someone())).reference.sibling('password'));
        await laptop.provider.create({ ...user, password });
        return laptop.provider.create(user);
      },
    };
    await expect(codeOf(create(username, item, provider))).resolves.toBe('done');
    expect(stateOf(item)).toBe('active');
  });

  test('says so where the vault cannot be written to', async () => {
    const username = someone();
    const item = await weak(username, [mark]);
    const { items: _, ...readOnly } = laptop.vault;
    const vault: Vault = { ...readOnly, read: (references) => laptop.vault.read(references) };
    await expect(codeOf(create(username, item, undefined, laptop.context({ vault })))).resolves.toBe('invalid-value');
  });
});

describe('disabling a user', () => {
  test('plans, disables, and plans nothing more', async () => {
    const username = someone();
    const { id } = await laptop.user(await laptop.login(username), username);
    const input = { provider: laptop.provider, user: id };
    await expect(planOf(idpDisableUser, input)).resolves.toMatchObject({ changes: [{ action: 'disable' }] });
    await idpDisableUser.run(input, laptop.context());
    await idpDisableUser.run(input, laptop.context());
    expect(users(username)).toMatchObject([{ active: false }]);
    await expect(planOf(idpDisableUser, input)).resolves.toMatchObject({ changes: [{ action: 'none' }], output: {} });
  });

  test('a user that is not there is an error, in the plan and in the run', async () => {
    const input = { provider: laptop.provider, user: crypto.randomUUID() };
    await expect(codeOf(planOf(idpDisableUser, input))).resolves.toBe('not-found');
    await expect(codeOf(idpDisableUser.run(input, laptop.context()))).resolves.toBe('not-found');
  });
});

describe('a user whose password is not in force yet, since who made it was stopped', () => {
  /** The laptop's users, at a provider that makes them in two requests, and was stopped after the first. */
  async function halfMade(refused?: FlowError) {
    const username = someone();
    const item = await laptop.login(username);
    await create(username, item);
    const set: string[] = [];
    const provider: IdentityProvider = {
      ...laptop.provider,
      async find(name) {
        const user = await laptop.provider.find(name);
        return user && { ...user, unfinished: set.length === 0 };
      },
      async setPassword(_, password) {
        if (refused !== undefined) throw refused;
        set.push(password.reveal());
      },
    };
    return { username, item, provider, set };
  }

  test('is planned so, gets it, and is planned no more', async () => {
    const { username, item, provider, set } = await halfMade();
    const planned = async () => (await planOf(idpCreateUser, inputOf(username, item, provider))).changes;
    expect(await planned()).toMatchObject([{ action: 'none' }, { action: 'update' }]);
    const id = await create(username, item, provider);
    expect(set).toEqual([(await laptop.context().read(item.reference.sibling('password'))).reveal()]);
    expect(await planned()).toMatchObject([{ action: 'none' }]);
    await expect(create(username, item, provider)).resolves.toBe(id);
    expect(set).toHaveLength(1);
  });

  test('that is refused is another in the next run', async () => {
    const refused = new FlowError('invalid-value', 'was used before', { place: { subject: 'password' } });
    const { username, item, provider } = await halfMade(refused);
    await expect(create(username, item, provider)).rejects.toMatchObject({
      code: 'invalid-value',
      hint: expect.stringContaining('archived'),
    });
  });

  test('and cannot be set now is told, and its item stays', async () => {
    const { username, item, provider } = await halfMade(new FlowError('unavailable', 'is in trouble'));
    await expect(codeOf(create(username, item, provider))).resolves.toBe('unavailable');
    expect(laptop.server.dump().find(({ id }) => id === item.id)?.state).toBe('active');
  });
});
