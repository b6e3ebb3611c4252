import { asFlowError } from '../../../foundation/errors.ts';
import { openSshPrivateKey } from '../../../foundation/openssh-keys.ts';
import { Secret } from '../../../foundation/secret.ts';
import { codeAt, parseOneTimePassword } from '../../../foundation/totp.ts';
import { changeFields } from '../onepassword-items/change-fields.ts';
import { changeSeed, tagged } from '../onepassword-items/change-seed.ts';
import type {
  ItemService,
  Operation,
  Operations,
  Pick,
  Picked,
  Problem,
  WholeItem,
} from '../onepassword-items/operations.ts';
import { type FieldChoice, pickField } from '../onepassword-items/pick-field.ts';
import { subjectError } from '../onepassword-items/subject-error.ts';
import {
  type ConnectItem,
  fieldType,
  isArchived,
  isFixed,
  itemSchema,
  namedItem,
  notOfConnect,
  parseAnswer,
  pickable,
  summariesSchema,
  vaultsSchema,
  whole,
} from './connect-answers.ts';
import { editable } from './changed-item.ts';
import type { ConnectClient } from './connect-client.ts';
import { type ConnectRecipe, connectRecipe } from './password-recipe.ts';
import { createRecentWrites } from './recent-writes.ts';

export interface ConnectServiceOptions {
  readonly client: ConnectClient;
  /** epoch milliseconds, for one-time codes too */
  readonly now: () => number;
  readonly sleep: (milliseconds: number) => Promise<void>;
}

type Handlers = {
  readonly [O in Operation]: (asks: Operations[O]['asks']) => Promise<Operations[O]['gives']>;
};

/** milliseconds between looks for what was written through Connect; its sync takes a second or two */
const looks = [100, 200, 400, 800, 1_600, 3_200];

/** The vaults and items of 1Password by the REST API of Connect: an item is a request, and a list one more. */
export function createConnectService({ client, now, sleep }: ConnectServiceOptions): ItemService {
  const recent = createRecentWrites(now);
  const itemPath = (vault: string, item: string) => `v1/vaults/${vault}/items/${item}`;

  /** An item no older than what was written through Connect; undefined where there is none, or an archived one. */
  async function find(vault: string, id: string): Promise<ConnectItem | undefined> {
    const least = recent.leastVersion(vault, id);
    if (least === Infinity) return undefined;
    for (const wait of [...looks, undefined]) {
      const response = await client.ask({ path: itemPath(vault, id) });
      const item = response === undefined ? undefined : await parseAnswer(response, itemSchema);
      // a value of another one would be given, and a change be written there
      if (item !== undefined && item.id !== id) throw notOfConnect('another item than was asked for');
      if ((item?.version ?? 0) >= least) {
        if (item !== undefined) recent.saw(vault, id, item.version);
        return item === undefined || isArchived(item) ? undefined : item;
      }
      if (wait !== undefined) await sleep(wait);
    }
    throw subjectError(
      'unavailable',
      'Connect does not show yet what was written through it',
      'its sync is late: try again, and see the log of its container connect-sync',
    );
  }

  /** What concerns one item alone is its own problem. */
  async function tried(vault: string, id: string): Promise<ConnectItem | Problem | undefined> {
    try {
      return await find(vault, id);
    } catch (error) {
      return problemOf(error);
    }
  }

  async function needed({ vault, item }: { readonly vault: string; readonly item: string }): Promise<ConnectItem> {
    const found = await find(vault, item);
    if (found === undefined) throw subjectError('not-found', 'the item is not there any more');
    return found;
  }

  async function saved(vault: string, response: Response | undefined): Promise<ConnectItem> {
    if (response === undefined) throw subjectError('not-found', 'the vault or the item is not there any more');
    const item = await parseAnswer(response, itemSchema);
    recent.wrote(vault, namedItem(item), item.version);
    return item;
  }

  async function replaced(vault: string, item: ConnectItem, body: object): Promise<WholeItem | Problem> {
    if (isFixed(item)) return unchangeable;
    const answer = await saved(vault, await client.ask({ method: 'PUT', path: itemPath(vault, item.id), body }));
    // a Connect that takes no notice of the version that is sent: then it is at least told
    return answer.version > item.version + 1 ? overwritten : whole(answer);
  }

  async function contentOf(vault: string, item: string, { file }: Extract<FieldChoice, { kind: 'file' }>) {
    const response = await client.ask({ path: `${itemPath(vault, item)}/files/${file.id}/content` });
    if (response === undefined) throw subjectError('not-found', 'the file is not there any more');
    try {
      // a byte order mark is part of it
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(await response.bytes());
    } catch {
      throw subjectError('invalid-value', 'the file cannot be read as text', 'only text files can be read');
    }
  }

  async function pickOne(vault: string, item: ConnectItem, pick: Pick): Promise<Picked> {
    const { title } = item;
    const codes = /^t?otp$/.test(pick.attribute ?? '') ? await codesOf(item, now()) : new Map<string, string>();
    const choice = pickField(pickable(item, codes), pick);
    if (choice.kind === 'value' || choice.kind === 'problem') return { ...choice, title };
    try {
      const value = choice.kind === 'file' ? await contentOf(vault, item.id, choice) : sshKeyOf(item, choice);
      return { kind: 'value', title, value };
    } catch (error) {
      return { ...problemOf(error), title };
    }
  }

  const handlers: Handlers = {
    async vaults() {
      const response = await client.ask({ path: 'v1/vaults' });
      const vaults = response === undefined ? [] : await parseAnswer(response, vaultsSchema);
      return vaults.map(({ id, name }) => ({ id, title: name }));
    },
    async overviews({ vault }) {
      const response = await client.ask({ path: `v1/vaults/${vault}/items` });
      if (response === undefined) throw subjectError('not-found', 'there is no such vault, or Connect has not got it');
      const listed = await parseAnswer(response, summariesSchema);
      return recent.completed(
        vault,
        listed.map((each) => ({ item: namedItem(each), version: each.version })),
      );
    },
    async pick({ vault, picks }) {
      const ids = [...new Set(picks.map(({ item }) => item))];
      const items = new Map(await Promise.all(ids.map(async (id) => [id, await tried(vault, id)] as const)));
      return Promise.all(
        picks.map(async (pick): Promise<Picked> => {
          const item = items.get(pick.item);
          if (item === undefined) return { kind: 'no-item' };
          return isProblem(item) ? item : pickOne(vault, item, pick);
        }),
      );
    },
    async items({ vault, ids }) {
      return Promise.all(
        ids.map(async (id) => {
          const item = await tried(vault, id);
          return item === undefined || isProblem(item) ? item : whole(item);
        }),
      );
    },
    async create({ vault, title, username, recipe: asked, website, tags }) {
      const recipe = connectRecipe(asked);
      const response = await client.ask({
        method: 'POST',
        path: `v1/vaults/${vault}/items`,
        body: {
          vault: { id: vault },
          title,
          category: 'LOGIN',
          tags,
          ...(website === undefined ? {} : { urls: [{ label: 'website', primary: true, href: website }] }),
          fields: [
            { id: 'username', type: 'STRING', purpose: 'USERNAME', label: 'username', value: username },
            { id: 'password', type: 'CONCEALED', purpose: 'PASSWORD', label: 'password', generate: true, recipe },
          ],
        },
      });
      return whole(await saved(vault, response));
    },
    async createAll({ vault, items }) {
      // one after another: each is a change of the same vault
      for (const { title, tags, sections, fields } of items) {
        const body = {
          vault: { id: vault },
          title,
          category: 'API_CREDENTIAL',
          tags,
          sections: sections.map(({ id, title: label }) => ({ id, label })),
          fields: fields.map(({ id, label, sectionId, type, value }) => ({
            id,
            type: connectTypes[type],
            label,
            value,
            ...(sectionId === undefined ? {} : { section: { id: sectionId } }),
          })),
        };
        await saved(vault, await client.ask({ method: 'POST', path: `v1/vaults/${vault}/items`, body }));
      }
      return null;
    },
    async setOneTimePassword(change) {
      const item = await needed(change);
      const before = editable(item);
      const changed = changeSeed(before, change, { otp: 'Totp', concealed: 'Concealed' });
      if (changed.kind === 'problem') return changed;
      const tags = tagged(item.tags, change.tag);
      if (changed.kind === 'same' && tags === item.tags) return whole(item);
      return replaced(change.vault, item, before.withParts(changed.kind === 'same' ? before : changed.parts, tags));
    },
    async setFields(change) {
      const item = await needed(change);
      const before = editable(item);
      const recipes = new Map<string, ConnectRecipe>();
      const parts = changeFields(before, change, { concealed: 'Concealed' }, (recipe) => {
        const stand = crypto.randomUUID();
        recipes.set(stand, connectRecipe(recipe));
        return stand;
      });
      if ('kind' in parts) return parts;
      return replaced(change.vault, item, before.withParts(parts, tagged(item.tags, change.tag), recipes));
    },
    async archive({ vault, item }) {
      const least = recent.leastVersion(vault, item);
      if (least === Infinity) return null;
      // to a copy that has not got it yet it would be gone already
      if (least > 0) await find(vault, item);
      // Connect has no archive: it is gone for good
      await client.ask({ method: 'DELETE', path: itemPath(vault, item) });
      recent.deleted(vault, item);
      return null;
    },
  };

  return { call: (operation, asks) => handlers[operation](asks) };
}

const connectTypes = { text: 'STRING', concealed: 'CONCEALED', 'one-time-password': 'OTP' } as const;

const unchangeable: Problem = {
  kind: 'problem',
  code: 'refused',
  message: 'Connect cannot change this item without losing parts of it',
  hint: 'make an item of its own for this, instead of one that has an SSH key or fields of other kinds',
};

const overwritten: Problem = {
  kind: 'problem',
  code: 'conflict',
  message: 'the item was changed in between, and that change may be overwritten',
  hint: "compare the item's history in 1Password",
};

function isProblem(found: ConnectItem | Problem): found is Problem {
  return 'kind' in found && found.kind === 'problem';
}

/** @throws FlowError what concerns every item */
function problemOf(error: unknown): Problem {
  const { code, message, hint, about } = asFlowError(error);
  if (about !== 'subject') throw error;
  return { kind: 'problem', code, message, hint };
}

/** The codes of the moment: made here of the seeds, so that an old copy or clock of Connect gives no old code. */
async function codesOf(item: ConnectItem, at: number): Promise<ReadonlyMap<string, string>> {
  const seeds = item.fields.filter((each) => fieldType(each) === 'Totp');
  const codes = seeds.map(async ({ id, value }): Promise<readonly [string, string][]> => {
    try {
      const code = await codeAt(await parseOneTimePassword(new Secret(value)), at);
      return [[id, code.reveal()]];
    } catch {
      return []; // said by who picks it: it holds no one-time password
    }
  });
  return new Map((await Promise.all(codes)).flat());
}

function sshKeyOf(item: ConnectItem, { field, format }: Extract<FieldChoice, { kind: 'ssh' }>): string {
  const key = item.fields.find(({ id }) => id === field)?.value ?? '';
  try {
    if (format === 'openssh') return openSshPrivateKey(key);
  } catch {
    // told below: what is said may quote the key
  }
  throw subjectError(
    'invalid-value',
    'the SSH key cannot be given in this format',
    'write ?ssh-format=openssh, for an Ed25519 or RSA key',
  );
}
