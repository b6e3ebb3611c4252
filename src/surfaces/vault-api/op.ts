import type { ItemChange } from '../../broker/contract.ts';
import { itemsMount } from '../../folder/policy/vault-paths.ts';
import { encodeSegment } from '../../foundation/reference.ts';
import { Secret } from '../../foundation/secret.ts';
import type { Json, Mount, ProvenRequest, VaultApiOptions, VaultReply } from './contract.ts';
import { dataReply, malformed, nothingThere, unsupported } from './replies.ts';

/** keys of a body that say something about the item, or what we leave to 1Password, and are no fields */
const facts: ReadonlySet<string> = new Set(['title', 'category', 'fields', 'sections', 'vault', 'item', 'id']);
/** types of 1Password Connect that are shown to whoever opens the item */
const shown: ReadonlySet<string> = new Set(['STRING', 'EMAIL', 'URL']);
const shownLabels: ReadonlySet<string> = new Set(['username', 'url', 'website', 'email']);

const mostFields = 100;
/** characters */
const longestLabel = 200;

type Fields = Map<string, { readonly value: Secret; readonly type: 'text' | 'concealed' } | undefined>;

/**
 * Items of 1Password, as 1Password's own plugin of Vault mounts them: `op/vaults`, `op/vaults/VAULT/items`,
 * `op/vaults/VAULT/items/ITEM`. What is denied and what does not exist are refused alike, and no list has the title of
 * an item that the agent may not read.
 */
export function createOp({ broker: { items } }: Pick<VaultApiOptions, 'broker'>): Mount {
  async function list(path: string, { caller }: ProvenRequest): Promise<VaultReply> {
    const found = path === 'op/vaults' ? await items.vaults(caller) : await items.list(caller, path);
    if (found.length === 0) throw nothingThere();
    return dataReply({
      keys: found.map(({ id }) => id),
      // texts, as the plugin has them: its clients look titles up here
      key_info: Object.fromEntries(found.map(({ id, title }) => [id, title])),
    });
  }

  async function write(path: string, body: Json, request: ProvenRequest): Promise<VaultReply> {
    const { id, createdAt } = await items.write(request.caller, path, changeIn(body));
    // the category that it is made with, and that of any other is not told
    return dataReply({ ID: id, category: 'API_CREDENTIAL', createdAt: new Date(createdAt).toISOString() });
  }

  return {
    type: 'op',
    description: 'items of 1Password',
    // by which the CLI takes `kv get` for a read of this very path
    version: '1',
    async answer(rest, request) {
      const { operation, caller } = request;
      const path = `${itemsMount}/${rest}`;
      const [, ofList, ofItem] = /^(?:(vaults(?:\/[^/]+\/items)?)|(vaults\/[^/]+\/items\/.+))$/.exec(rest) ?? [];
      if (ofList !== undefined && operation === 'list') return list(path, request);
      if (ofList?.endsWith('/items') === true && operation === 'write') {
        const body = await request.body();
        const { title } = body;
        if (typeof title !== 'string' || title === '') throw malformed('missing title');
        return write(`${path}/${encodeSegment(title)}`, body, request);
      }
      if (ofItem === undefined) throw unsupported();
      if (operation === 'write') return write(path, await request.body(), request);
      if (operation === 'read') {
        const fields = await items.read(caller, path);
        return dataReply(Object.fromEntries([...fields].map(([label, value]) => [label, value.reveal()])));
      }
      if (operation !== 'delete') throw unsupported();
      await items.remove(caller, path);
      return { status: 204 };
    },
  };
}

/**
 * What a body says: `fields` as 1Password's plugin takes them, and each key that is none of its own as a field, as
 * `vault write PATH title=… password=…` sends it. null takes a field away.
 */
function changeIn(body: Json): ItemChange {
  const { title, fields: listed = [], sections = [] } = body;
  if (title !== undefined && typeof title !== 'string') throw malformed('the title is no text');
  if (!Array.isArray(listed) || !Array.isArray(sections)) throw malformed('fields and sections are lists');
  if (sections.length > 0) throw malformed('sections are not written here');
  const fields: Fields = new Map();
  for (const each of listed) put(fields, ...fieldIn(each));
  for (const [label, value] of Object.entries(body)) if (!facts.has(label)) put(fields, label, value);
  if (fields.size === 0) throw malformed('no field is written');
  if (fields.size > mostFields) throw malformed(`an item is written with at most ${mostFields} fields`);
  return { title, fields };
}

function fieldIn(each: unknown): readonly [label: unknown, value: unknown, type: unknown] {
  if (typeof each !== 'object' || each === null) throw malformed('a field is an object with label and value');
  const { label, id, value, type, section, generate }: Json = { ...each };
  if (generate === true) throw malformed('values are not generated here: a flow does that');
  if (section !== undefined && section !== null) throw malformed('sections are not written here');
  return [label ?? id, value, type];
}

function put(fields: Fields, label: unknown, value: unknown, type?: unknown): void {
  if (typeof label !== 'string' || label === '' || label.length > longestLabel)
    throw malformed(`a field has a label of at most ${longestLabel} characters`);
  if (type === 'OTP' || type === 'TOTP') throw malformed('one-time passwords are stored by flows');
  if (fields.has(label)) throw malformed('two fields have one label');
  if (value !== null && typeof value !== 'string') throw malformed('the value of a field is a text');
  // the vault would refuse it as a fault of its own
  if (![label, value ?? ''].every((text) => text.isWellFormed())) throw malformed('a text has half a character in it');
  const isShown = typeof type === 'string' ? shown.has(type) : shownLabels.has(label);
  fields.set(label, value === null ? undefined : { value: new Secret(value), type: isShown ? 'text' : 'concealed' });
}
