/**
 * The thread that runs the 1Password SDK, whose sign-in blocks its event loop for hundreds of milliseconds. It has no
 * environment and no arguments, talks to one host, and gives out only the values that were asked for.
 */
import { parentPort, workerData } from 'node:worker_threads';
import type { Client, Item, ItemField } from '@1password/sdk';
import {
  writingOperations,
  type Operation,
  type Operations,
  type Picked,
  type Problem,
  type Recipe,
  type WholeField,
  type WholeItem,
} from '../onepassword-items/operations.ts';
import { pickField, type FieldChoice } from '../onepassword-items/pick-field.ts';
import { changeFields } from '../onepassword-items/change-fields.ts';
import { changeSeed, tagged } from '../onepassword-items/change-seed.ts';
import type { Question, Reply, WorkerSetup } from './thread-messages.ts';
import { watchRequests } from './request-watch.ts';
import { worded } from '../../../foundation/safe-error-text.ts';
import { endsAll, isArchived, mayBeOneItem, onTheWay } from './sdk-errors.ts';

type Handlers = {
  readonly [O in Operation]: (client: Client, asks: Operations[O]['asks']) => Promise<Operations[O]['gives']>;
};

const setup = workerData as WorkerSetup;
const watch = watchRequests(setup);
/** what the SDK takes at once */
const batch = 50;
let signedIn: Promise<Client> | undefined;

function client(): Promise<Client> {
  signedIn ??= signIn().catch((error: unknown) => {
    signedIn = undefined;
    throw error;
  });
  return signedIn;
}

async function signIn(): Promise<Client> {
  const { createClient, DesktopAuth } = await import('@1password/sdk');
  const auth = 'token' in setup.sign ? setup.sign.token : new DesktopAuth(setup.sign.account);
  return createClient({ auth, integrationName: 'auth-chain', integrationVersion: '0.1.0' });
}

const handlers: Handlers = {
  async vaults(sdk) {
    return (await sdk.vaults.list()).map(({ id, title }) => ({ id, title }));
  },
  async overviews(sdk, { vault }) {
    const { ItemState } = await import('@1password/sdk');
    // the same request, whichever of them are asked for
    const found = await sdk.items.list(vault, { type: 'ByState', content: { active: true, archived: true } });
    return found.map(({ id, title, tags, createdAt, state }) => {
      return { id, title, tags, createdAt: createdAt.getTime(), archived: state === ItemState.Archived };
    });
  },
  async pick(sdk, { vault, picks }) {
    const items = await fetchItems(
      sdk,
      vault,
      picks.map((pick) => pick.item),
    );
    const picked: Picked[] = [];
    for (const pick of picks) {
      const item = items.get(pick.item);
      if (item === undefined) picked.push({ kind: 'no-item' });
      else if ('kind' in item) picked.push(item);
      else picked.push(await valueOf(sdk, item, pickField(item, pick)));
    }
    return picked;
  },
  async items(sdk, { vault, ids }) {
    const items = await fetchItems(sdk, vault, ids);
    return ids.map((id) => {
      const item = items.get(id);
      return item === undefined || 'kind' in item ? item : whole(item);
    });
  },
  async create(sdk, { vault, title, username, recipe, website, tags }) {
    const { AutofillBehavior, ItemCategory, ItemFieldType } = await import('@1password/sdk');
    const password = (await generator())(recipe);
    const made = await sdk.items.create({
      category: ItemCategory.Login,
      vaultId: vault,
      title,
      fields: [
        { id: 'username', title: 'username', fieldType: ItemFieldType.Text, value: username },
        { id: 'password', title: 'password', fieldType: ItemFieldType.Concealed, value: password },
      ],
      tags: [...tags],
      ...(website === undefined
        ? {}
        : { websites: [{ url: website, label: 'website', autofillBehavior: AutofillBehavior.ExactDomain }] }),
    });
    return whole(made);
  },
  async createAll(sdk, { vault, items }) {
    const { ItemCategory, ItemFieldType } = await import('@1password/sdk');
    const kinds = {
      text: ItemFieldType.Text,
      concealed: ItemFieldType.Concealed,
      'one-time-password': ItemFieldType.Totp,
    };
    const { individualResponses } = await sdk.items.createAll(
      vault,
      items.map(({ title, tags, sections, fields }) => ({
        category: ItemCategory.ApiCredentials,
        vaultId: vault,
        title,
        tags: [...tags],
        sections: [...sections],
        fields: fields.map(({ id, label, sectionId, type, value }) => ({
          id,
          title: label,
          ...(sectionId === undefined ? {} : { sectionId }),
          fieldType: kinds[type],
          value,
        })),
      })),
    );
    // null where all is well
    const failed = individualResponses.map(({ error }) => error).find((error) => Boolean(error));
    if (failed !== undefined) throw new Error(reasons[failed.type] ?? failed.message ?? failed.type);
    return null;
  },
  async setOneTimePassword(sdk, change) {
    const { ItemFieldType } = await import('@1password/sdk');
    const item = await sdk.items.get(change.vault, change.item);
    const changed = changeSeed(item, change, { otp: ItemFieldType.Totp, concealed: ItemFieldType.Concealed });
    if (changed.kind === 'problem') return changed;
    const tags = tagged(item.tags, change.tag);
    if (changed.kind === 'same' && tags === item.tags) return whole(item);
    return whole(await sdk.items.put({ ...item, ...(changed.kind === 'changed' ? changed.parts : {}), tags }));
  },
  async setFields(sdk, change) {
    const { ItemFieldType } = await import('@1password/sdk');
    const item = await sdk.items.get(change.vault, change.item);
    const parts = changeFields(item, change, { concealed: ItemFieldType.Concealed }, await generator());
    if ('kind' in parts) return parts;
    return whole(await sdk.items.put({ ...item, ...parts, tags: tagged(item.tags, change.tag) }));
  },
  async archive(sdk, { vault, item }) {
    await sdk.items.archive(vault, item);
    return null;
  },
};

/** Why an item of a batch was not written, in the words that the SDK has for one alone. */
const reasons: Readonly<Record<string, string>> = {
  itemStatusPermissionError: 'you do not have the right permissions to execute this task',
  itemStatusIncorrectItemVersion: 'a data conflict occurred',
  itemStatusTooBig: 'the item is too big',
};

/** 1Password's own generator of passwords. */
async function generator(): Promise<(recipe: Recipe) => string> {
  const { Secrets } = await import('@1password/sdk');
  return ({ length, digits, symbols }) =>
    Secrets.generatePassword({
      type: 'Random',
      parameters: { length, includeDigits: digits, includeSymbols: symbols },
    }).password;
}

/**
 * Each item once; what cannot be read is a problem of that item alone. One archived or damaged item makes the SDK refuse
 * the whole batch, and does not say which: the batch is halved until it is known.
 */
async function fetchItems(
  sdk: Client,
  vault: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, Item | Problem>> {
  const found = new Map<string, Item | Problem>();
  const fetch = async (some: readonly string[]): Promise<void> => {
    try {
      const { individualResponses } = await sdk.items.getAll(vault, [...some]);
      for (const { content } of individualResponses) if (content) found.set(content.id, content);
    } catch (error) {
      const { text } = worded(error);
      if (!mayBeOneItem(text)) throw error;
      const [id = '', ...more] = some;
      if (more.length === 0) {
        if (!isArchived(text)) found.set(id, unreadable(text));
        return;
      }
      const half = Math.ceil(some.length / 2);
      await fetch(some.slice(0, half));
      await fetch(some.slice(half));
    }
  };
  const wanted = [...new Set(ids)];
  for (let from = 0; from < wanted.length; from += batch) await fetch(wanted.slice(from, from + batch));
  return found;
}

function unreadable(words: string): Problem {
  return {
    kind: 'problem',
    code: 'invalid-value',
    message: 'the item cannot be read: what is stored of it is damaged',
    hint: 'open it in 1Password; restore an older version of it, or make it anew',
    words,
  };
}

async function valueOf(sdk: Client, item: Item, choice: FieldChoice): Promise<Picked> {
  const { title } = item;
  if (choice.kind === 'value' || choice.kind === 'problem') return { ...choice, title };
  try {
    const value = choice.kind === 'file' ? await contentOf(sdk, item, choice) : await sshKeyOf(sdk, item, choice);
    if (value !== undefined) return { kind: 'value', value, title };
    const hint = 'only text files can be read';
    return { kind: 'problem', code: 'invalid-value', title, message: 'the file cannot be read as text', hint };
  } catch (error) {
    const { text } = worded(error);
    if (endsAll(text)) throw error;
    const problem = { kind: 'problem', code: 'invalid-value', title, words: text } as const;
    if (choice.kind === 'ssh')
      return { ...problem, message: 'the SSH key cannot be given in this format', hint: 'write ?ssh-format=openssh' };
    const hint = 'try again; where it stays, add the file to the item once more';
    return { ...problem, message: 'the file cannot be downloaded', hint, ...onTheWay(text) };
  }
}

/** undefined where it is no text */
async function contentOf(sdk: Client, item: Item, { file }: Chosen<'file'>): Promise<string | undefined> {
  const bytes = await sdk.items.files.read(item.vaultId, item.id, { ...file });
  try {
    // a byte order mark is part of it
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function sshKeyOf(sdk: Client, item: Item, { section, field, format }: Chosen<'ssh'>): Promise<string> {
  const place = [item.vaultId, item.id, section ?? '', field].filter((part) => part !== '').join('/');
  return sdk.secrets.resolve(`op://${place}?ssh-format=${format}`);
}

type Chosen<K extends FieldChoice['kind']> = Extract<FieldChoice, { kind: K }>;

const types: Readonly<Record<string, 'text' | 'concealed' | 'one-time-password'>> = {
  Text: 'text',
  Email: 'text',
  Url: 'text',
  Concealed: 'concealed',
  Totp: 'one-time-password',
};

/** what the SDK does not know, and would lose */
const unchangeable: ReadonlySet<string> = new Set(['Unsupported']);

function whole(item: Item): WholeItem {
  const titles = new Map(item.sections.map((section) => [section.id, section.title]));
  const field = (each: ItemField): WholeField => ({
    id: each.id,
    label: each.title,
    sectionId: each.sectionId || undefined,
    section: titles.get(each.sectionId ?? '') || undefined,
    type: types[each.fieldType] ?? 'other',
    value: each.value,
  });
  return {
    kind: 'item',
    id: item.id,
    title: item.title,
    version: item.version,
    tags: item.tags,
    createdAt: item.createdAt.getTime(),
    isFixed: item.fields.some(({ fieldType }) => unchangeable.has(fieldType)),
    fields: item.fields.map(field),
  };
}

async function answer<O extends Operation>({ id, operation, asks }: Question<O>): Promise<Reply> {
  const vault = asks !== null && 'vault' in asks ? asks.vault : undefined;
  const under = watch.begin({ vault, writes: writingOperations.has(operation) });
  try {
    return { id, gives: await handlers[operation](await client(), asks) };
  } catch (error) {
    return { id, failure: under.failure(error) };
  } finally {
    under.end();
  }
}

parentPort?.on('message', (question: Question) => {
  void answer(question).then((reply) => parentPort?.postMessage(reply));
});
