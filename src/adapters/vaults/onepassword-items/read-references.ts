import { asFlowError, FlowError } from '../../../foundation/errors.ts';
import { sameName, type Spellings } from '../../../foundation/names.ts';
import type { Reference } from '../../../foundation/reference.ts';
import { Secret } from '../../../foundation/secret.ts';
import type { Directory } from './id-lookup.ts';
import { subjectError } from './subject-error.ts';
import type { ItemService, Picked } from './operations.ts';

type Values = ReadonlyMap<string, Secret | FlowError>;

interface Located {
  readonly reference: Reference;
  readonly names: Names;
  readonly vault: string;
  readonly item: string;
}

/** How each part of a reference may be meant: decoded first, then as it was written. */
export interface Names {
  readonly vault: Spellings;
  readonly item: Spellings;
  readonly section: Spellings | undefined;
  readonly field: Spellings | undefined;
}

export function namesOf(reference: Reference): Names {
  const written = reference.toString().slice('op://'.length).split('/');
  const last = written.length - 1;
  // any other `?` belongs to a name: a misspelt attribute must not read the field without it
  const query = reference.attribute !== undefined || reference.sshFormat !== undefined ? /\?[^?]*$/ : undefined;
  const spell = (decoded: string, index: number): Spellings => {
    const text = written[index] ?? decoded;
    const raw = index === last && query !== undefined ? text.replace(query, '') : text;
    return raw === decoded ? [decoded] : [decoded, raw];
  };
  return {
    vault: spell(reference.vault, 0),
    item: spell(reference.item, 1),
    section: reference.section === undefined ? undefined : spell(reference.section, 2),
    field: reference.field === undefined ? undefined : spell(reference.field, last),
  };
}

/** Reads each reference once, one batch per vault; what is not found by remembered names is looked up afresh once. */
export async function readAll(
  service: ItemService,
  directory: Directory,
  references: readonly Reference[],
): Promise<Values> {
  const wanted = new Map(references.map((reference) => [reference.toString(), reference]));
  const values = new Map<string, Secret | FlowError>();
  const fields = [...wanted.values()].filter((reference) => reference.field !== undefined);
  for (const [key, reference] of wanted) {
    if (reference.field === undefined)
      values.set(key, subjectError('usage', 'names an item, not a field', 'add /field'));
  }
  const missing = await round(service, directory, fields, false, values);
  if (missing.length > 0) {
    const left = await round(service, directory, missing, true, values);
    for (const reference of left) {
      const error = subjectError(
        'not-found',
        'the item is archived, or the token may not read it',
        'restore it in 1Password',
      );
      values.set(reference.toString(), error);
    }
  }
  for (const [key, value] of values) if (value instanceof FlowError) values.set(key, value.at({ subject: key }));
  return values;
}

/** @returns what was not there */
async function round(
  service: ItemService,
  directory: Directory,
  references: readonly Reference[],
  fresh: boolean,
  values: Map<string, Secret | FlowError>,
): Promise<readonly Reference[]> {
  const missing: Reference[] = [];
  const located = await locateAll(directory, references, fresh, values);
  const picking = [...Map.groupBy(located, (each) => each.vault)].map(async ([vault, group]) => {
    const picked = await aboutSubject(pickAll(service, vault, group));
    group.forEach(({ reference, names }, index) => {
      const found = picked instanceof FlowError ? picked : picked[index];
      if (isGone(found, names)) missing.push(reference);
      else if (found instanceof FlowError) values.set(reference.toString(), found);
      else if (found?.kind === 'value') values.set(reference.toString(), new Secret(found.value));
      else if (found?.kind === 'problem')
        values.set(reference.toString(), subjectError(found.code, found.message, found.hint, found.words));
    });
  });
  await Promise.all(picking);
  return missing;
}

/** No such item, no such vault, or an item that has another title by now. */
function isGone(found: Picked | FlowError | undefined, names: Names): boolean {
  if (found === undefined) return true;
  if (found instanceof FlowError) return found.code === 'not-found';
  if (found.kind === 'no-item') return true;
  if (found.title === undefined) return false;
  const { title } = found;
  return !idForm.test(names.item[0]) && !names.item.some((name) => sameName(name, title));
}

const idForm = /^[a-z2-7]{26}$/;

async function locateAll(
  directory: Directory,
  references: readonly Reference[],
  fresh: boolean,
  values: Map<string, Secret | FlowError>,
): Promise<readonly Located[]> {
  const refreshed = fresh ? await refresh(directory, references) : undefined;
  const located = references.map(async (reference): Promise<Located | undefined> => {
    const names = namesOf(reference);
    const found = await aboutSubject(
      (async () => {
        await refreshed?.get(reference);
        const vault = await directory.vault(names.vault);
        return { reference, names, vault, item: await directory.item(vault, names.item) };
      })(),
    );
    if (!(found instanceof FlowError)) return found;
    values.set(reference.toString(), found);
    return undefined;
  });
  return (await Promise.all(located)).filter((each) => each !== undefined);
}

/** Asks for all names that matter again, each list once. */
async function refresh(
  directory: Directory,
  references: readonly Reference[],
): Promise<ReadonlyMap<Reference, Promise<unknown>>> {
  const lists = new Map<string, Promise<unknown>>();
  const byReference = new Map<Reference, Promise<unknown>>();
  let again = true;
  for (const reference of references) {
    const vault = await aboutSubject(directory.vault(namesOf(reference).vault, again));
    again = false;
    if (vault instanceof FlowError) continue; // said again when it is located
    const list = lists.get(vault) ?? aboutSubject(directory.list(vault));
    lists.set(vault, list);
    byReference.set(reference, list);
  }
  return byReference;
}

function pickAll(service: ItemService, vault: string, group: readonly Located[]): Promise<readonly Picked[]> {
  const picks = group.map(({ reference, names, item }) => ({
    item,
    section: names.section,
    field: names.field ?? names.item,
    attribute: reference.attribute,
    sshFormat: reference.sshFormat,
  }));
  return service.call('pick', { vault, picks });
}

/** Errors about one vault or item become values; those that concern every call are thrown. */
async function aboutSubject<T>(work: Promise<T>): Promise<T | FlowError> {
  try {
    return await work;
  } catch (error) {
    const found = asFlowError(error);
    if (found.about === 'subject') return found;
    throw found;
  }
}
