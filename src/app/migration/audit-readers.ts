import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { FlowError } from '../../foundation/errors.ts';

/** Who reads a path of Vault, by its file audit device. */
export interface Reader {
  /** with its mount, as migration.yaml has it: `secret/team/app` */
  readonly path: string;
  /** `userpass-ann`, `approle (ci)` */
  readonly reader: string;
  readonly reads: number;
  /** of the reads; absent where there was none */
  readonly lastRead: string | undefined;
  /** how often it was refused */
  readonly refused: number;
  readonly lastRefused: string | undefined;
}

export interface AuditedReads {
  /** the latest first */
  readonly readers: readonly Reader[];
  /** lines that are no entry of an audit device */
  readonly foreign: number;
}

export interface ReadersOptions {
  /** the device's files: JSON lines */
  readonly files: readonly string[];
  /** paths of migration.yaml: they tell a KV v1 path from one of v2 */
  readonly known: ReadonlySet<string>;
  /** readers that are left out: whoever moves the secrets */
  readonly without: ReadonlySet<string>;
  /** epoch milliseconds: entries before it are left out */
  readonly since?: number | undefined;
}

type Counted = { -readonly [P in keyof Reader]: Reader[P] };

/** Counts the reads of secrets, by path and reader. @throws FlowError usage for a file that cannot be read */
export async function readersIn({ files, known, without, since = 0 }: ReadersOptions): Promise<AuditedReads> {
  const found = new Map<string, Counted>();
  let foreign = 0;
  for (const file of files) {
    for await (const line of linesOf(file)) {
      if (line === '') continue;
      const entry = parsed(line);
      if (entry === undefined) foreign += 1;
      const read = entry === undefined ? undefined : readOf(entry, known);
      if (read === undefined || without.has(read.reader) || Date.parse(read.time) < since) continue;
      const key = `${read.path}\n${read.reader}`;
      const { path, reader } = read;
      const of = found.get(key) ?? { path, reader, reads: 0, lastRead: undefined, refused: 0, lastRefused: undefined };
      found.set(key, of);
      if (read.isRefused) {
        of.refused += 1;
        of.lastRefused = later(of.lastRefused, read.time);
      } else {
        of.reads += 1;
        of.lastRead = later(of.lastRead, read.time);
      }
    }
  }
  const last = ({ lastRead = '', lastRefused = '' }: Reader) => later(lastRead, lastRefused);
  const order = (a: Reader, b: Reader) =>
    last(a) === last(b) ? (a.path < b.path ? -1 : 1) : last(a) < last(b) ? 1 : -1;
  return { readers: [...found.values()].toSorted(order), foreign };
}

async function* linesOf(file: string): AsyncGenerator<string> {
  try {
    yield* createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity });
  } catch (cause) {
    throw new FlowError('usage', `the audit file ${file} cannot be read`, {
      cause,
      hint: "give the file of Vault's audit device",
    });
  }
}

/** RFC 3339 in UTC, so that the later one is the greater text. */
function later(one: string | undefined, other: string): string {
  return one === undefined || one < other ? other : one;
}

interface Read {
  readonly path: string;
  readonly reader: string;
  readonly time: string;
  readonly isRefused: boolean;
}

/** What an entry says of a read of a secret: its answer has it, and an entry that has no one to name is no reader. */
function readOf(entry: Record, known: ReadonlySet<string>): Read | undefined {
  const { type, time, error } = entry;
  const [request, auth] = [recordAt(entry, 'request'), recordAt(entry, 'auth')];
  const { path, operation, mount_point: mount } = request;
  if (type !== 'response' || operation !== 'read' || typeof path !== 'string' || typeof time !== 'string')
    return undefined;
  const isRefused = typeof error === 'string' && error !== '';
  if (isRefused && !error.includes('permission denied')) return undefined;
  const reader = readerOf(auth);
  const secret = secretOf(path, textOf(mount), textOf(recordAt(request, 'namespace')['path']), known);
  if (reader === undefined || secret === undefined) return undefined;
  return { path: secret, reader, time, isRefused };
}

/** `secret/data/team/app` is `secret/team/app`; what lies elsewhere, as sys/ does, is no secret. */
function secretOf(path: string, mount: string, namespace: string, known: ReadonlySet<string>): string | undefined {
  const whole = namespace + path;
  // a refusal may come before it is known which mount it is of
  const start = mount !== '' && path.startsWith(mount) ? mount : `${path.split('/')[0] ?? ''}/`;
  const rest = path.slice(start.length);
  if (known.has(whole)) return whole;
  if (/^(?:sys|auth|identity|cubbyhole)\//.test(path) || /^(?:metadata|subkeys|config)(?:\/|$)/.test(rest))
    return undefined;
  const ofV2 = [...path.matchAll(/\/data\//g)].map(
    ({ index }) => namespace + path.slice(0, index) + path.slice(index + 5),
  );
  return ofV2.find((each) => known.has(each)) ?? (rest.startsWith('data/') ? namespace + start + rest.slice(5) : whole);
}

/** All roles of AppRole have one display name: what tells them apart is the role's own. */
function readerOf(auth: Record): string | undefined {
  const { display_name: name } = auth;
  const { role_name: role } = recordAt(auth, 'metadata');
  if (typeof name !== 'string' || name === '') return undefined;
  return typeof role === 'string' && !name.includes(role) ? `${name} (${role})` : name;
}

type Record = Readonly<{ [key: string]: unknown }>;

function parsed(line: string): Record | undefined {
  try {
    const found: unknown = JSON.parse(line);
    const isEntry = typeof found === 'object' && found !== null && 'type' in found && 'request' in found;
    return isEntry ? { ...found } : undefined;
  } catch {
    return undefined;
  }
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : '');

function recordAt(of: Record, key: string): Record {
  const found = of[key];
  return typeof found === 'object' && found !== null ? (found as Record) : {};
}
