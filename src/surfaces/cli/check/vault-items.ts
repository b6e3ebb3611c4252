import type { Uses } from '../../../folder/flows/flow-uses.ts';
import type { Reference } from '../../../foundation/reference.ts';
import type { Environment } from '../../../folder/service/settings.ts';

interface Field {
  readonly section: string | undefined;
  readonly name: string;
  readonly type: 'text' | 'password' | 'otp' | 'key' | 'ssh';
}

interface Item {
  readonly reference: Reference;
  readonly fields: Map<string, Field>;
}

/** Fields that an item of a category has from the start: they go by their id, without a type. */
const builtIn: Readonly<Record<string, readonly string[]>> = {
  Login: ['username', 'password', 'notesPlain'],
  Password: ['password', 'notesPlain'],
  'API Credential': ['username', 'credential', 'hostname', 'notesPlain'],
};

/** One `op item create` for each item that the flows and registry.yaml read; values are never on a command line. */
export function items(environment: Environment, uses: readonly Uses[]): string {
  const wanted = new Map<string, Item>();
  const add = (reference: Reference, type: Field['type']) => {
    const key = reference.itemReference.toString().toLowerCase();
    const item = wanted.get(key) ?? { reference, fields: new Map<string, Field>() };
    wanted.set(key, item);
    const { section, field: name } = reference;
    if (name !== undefined) item.fields.set(`${section ?? ''}/${name}`.toLowerCase(), { section, name, type });
  };
  for (const { reference, target } of uses.flatMap((use) => use.references)) add(reference, typeOf(reference, target));
  for (const reference of environment.key) add(reference, 'key');
  const commands = [...wanted.values()].map(commandOf);
  return `# items; create them where they are not there yet, and fill the empty fields in the app\n${commands.join('')}`;
}

function typeOf({ field = '', attribute = '', sshFormat }: Reference, target: string): Field['type'] {
  if (target === 'one-time-password' || /^t?otp$/.test(attribute)) return 'otp';
  if (sshFormat !== undefined) return 'ssh';
  return /user ?name|email|client.?id|host|url/i.test(field) ? 'text' : 'password';
}

function commandOf({ reference, fields }: Item): string {
  const all = [...fields.values()];
  const generates = all.some((each) => each.type === 'key' && isPassword(each));
  const category = categoryOf(all);
  const known = builtIn[category] ?? [];
  const assigned = all
    .filter((each) => each.type !== 'otp' && each.type !== 'ssh' && !(generates && isPassword(each)))
    .map(({ section, name, type }) => {
      const own = known.find((id) => section === undefined && id.toLowerCase() === name.toLowerCase());
      if (own !== undefined) return ` ${own}=`;
      const path = [section, name].filter((part) => part !== undefined).map(escaped);
      return ` ${quoted(`${path.join('.')}[${type === 'key' ? 'password' : type}]=`)}`;
    });
  const option = generates ? ' --generate-password=letters,digits,32' : '';
  // its value is an otpauth URI, and never empty
  const codes = all.filter(({ type }) => type === 'otp').map(({ name }) => `# then add to it in the app: ${name}\n`);
  return `op item create --category ${quoted(category)}${option} --vault ${quoted(reference.vault)} --title ${quoted(reference.item)}${assigned.join('')}\n${codes.join('')}`;
}

/** As people would file it: where a person signs in, where a program does, what is but one password. */
function categoryOf(fields: readonly Field[]): string {
  if (fields.some(({ type }) => type === 'ssh')) return 'SSH Key';
  if (fields.length > 0 && fields.every((each) => each.type === 'key' && isPassword(each))) return 'Password';
  const signsIn = fields.length === 0 || fields.some((each) => each.type === 'otp' || isPassword(each));
  return signsIn ? 'Login' : 'API Credential';
}

function isPassword({ section, name }: Field): boolean {
  return section === undefined && name.toLowerCase() === 'password';
}

/** For a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w./:,@=-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}

/** As `op` wants special characters of a field's name. */
function escaped(field: string): string {
  return field.replace(/[\\=.]/g, String.raw`\$&`);
}
