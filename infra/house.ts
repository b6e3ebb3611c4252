import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { parseSync, Visitor } from 'oxc-parser';

/** The rooms of src, lowest first: a room imports only rooms before it, types included. */
export const rooms = [
  'foundation',
  'verify',
  'client',
  'language',
  'adapters',
  'steps',
  'folder',
  'engine',
  'app',
  'audit',
  'durable',
  'broker',
  'laptop',
  'surfaces',
] as const;

/** One import of one file by another; `import()` is lazy, also where a type stands in it. */
export interface Import {
  readonly from: string;
  /** a path that begins with `src/`, or a package's name */
  readonly to: string;
  readonly how: 'static' | 'type' | 'lazy';
}

export interface House {
  /** paths that begin with `src/`, each with its number of lines */
  readonly files: ReadonlyMap<string, number>;
  readonly imports: readonly Import[];
}

/** Reads every file below `src` with a parser. */
export function readHouse(): House {
  const paths = globSync('src/**/*.ts').map((path) => path.replaceAll('\\', '/'));
  const texts = new Map(paths.toSorted().map((path) => [path, readFileSync(path, 'utf8')]));
  return {
    files: new Map([...texts].map(([path, text]) => [path, text.split('\n').length])),
    imports: [...texts].flatMap(([path, text]) => importsOf(path, text)),
  };
}

/** What a file imports and exports again. */
export function importsOf(from: string, text: string): readonly Import[] {
  const { module, program } = parseSync(from, text);
  const found: (readonly [string, Import['how']])[] = [];
  for (const { moduleRequest, entries } of module.staticImports) {
    const types = entries.length > 0 && entries.every(({ isType }) => isType);
    found.push([moduleRequest.value, types ? 'type' : 'static']);
  }
  for (const { entries } of module.staticExports) {
    for (const { moduleRequest, isType } of entries) {
      if (moduleRequest !== null) found.push([moduleRequest.value, isType ? 'type' : 'static']);
    }
  }
  const add = (source: { readonly type: string; readonly value?: unknown }, how: Import['how']) => {
    if (typeof source.value === 'string') found.push([source.value, how]);
  };
  new Visitor({
    ImportExpression: ({ source }) => add(source, 'lazy'),
    TSImportType: ({ source }) => add(source, 'type'),
  }).visit(program);
  return found.map(([to, how]) => ({
    from,
    how,
    to: to.startsWith('.') ? normalize(join(dirname(from), to)).replaceAll('\\', '/') : to,
  }));
}

/** The room of a file: `language`; undefined for what lies loose. */
export function roomOf(path: string): string | undefined {
  return path.split('/').at(-2) === 'src' ? undefined : path.split('/')[1];
}

/** The folder of a file: `adapters/vaults/governor`. */
export function folderOf(path: string): string {
  return dirname(path).slice('src/'.length);
}

/**
 * The circles of a graph: each set of names that can reach one another, larger than one.
 * (Tarjan's strongly connected components.)
 */
export function circlesOf(arrows: Iterable<readonly [string, string]>): readonly (readonly string[])[] {
  const next = new Map<string, Set<string>>();
  for (const [from, to] of arrows) {
    if (from === to) continue;
    next.set(from, (next.get(from) ?? new Set()).add(to));
  }
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const circles: string[][] = [];
  const visit = (name: string): number => {
    const own = index.size;
    index.set(name, own);
    low.set(name, own);
    stack.push(name);
    for (const other of next.get(name) ?? []) {
      const reached = index.has(other) ? (stack.includes(other) ? index.get(other) : undefined) : visit(other);
      low.set(name, Math.min(low.get(name) ?? own, reached ?? own));
    }
    if (low.get(name) === own) {
      const circle = stack.splice(stack.indexOf(name));
      if (circle.length > 1) circles.push(circle.toSorted());
    }
    return low.get(name) ?? own;
  };
  for (const name of next.keys()) if (!index.has(name)) visit(name);
  return circles;
}

/** The circles of rooms, of folders inside them, and of files; types included. None of them is wanted. */
export function circlesIn({ imports }: House): readonly (readonly string[])[] {
  const local = imports.filter(({ to }) => to.startsWith('src/'));
  const between = (name: (path: string) => string | undefined) =>
    local.flatMap(({ from, to }): [string, string][] => {
      const [one, other] = [name(from), name(to)];
      return one === undefined || other === undefined ? [] : [[one, other]];
    });
  // a folder and the one around it are one room: only folders beside each other can be in a circle
  const beside = between((path) => (roomOf(path) === undefined ? undefined : folderOf(path))).filter(
    ([from, to]) => !`${from}/`.startsWith(`${to}/`) && !`${to}/`.startsWith(`${from}/`),
  );
  return [between(roomOf), beside, between((path) => path)].flatMap(circlesOf);
}

function print({ files, imports }: House): number {
  const tell = (line: string) => process.stdout.write(`${line}\n`);
  const local = imports.filter(({ to }) => to.startsWith('src/'));
  const crossing = local.filter(({ from, to }) => roomOf(from) !== undefined && roomOf(from) !== roomOf(to));
  tell('room         files  lines  imports');
  for (const room of rooms) {
    const own = [...files].filter(([path]) => roomOf(path) === room);
    const lines = own.reduce((sum, [, length]) => sum + length, 0);
    const seen = new Set(crossing.filter(({ from }) => roomOf(from) === room).map(({ to }) => roomOf(to)));
    const uses = rooms.filter((other) => seen.has(other)).join(' ');
    tell(`${room.padEnd(12)} ${String(own.length).padStart(5)}  ${String(lines).padStart(5)}  ${uses}`);
  }
  const lengths = [...files.values()].toSorted((a, b) => a - b);
  const loose = [...files.keys()].filter((path) => roomOf(path) === undefined);
  const arrows = new Set(crossing.map(({ from, to }) => `${roomOf(from)} ${roomOf(to)}`));
  const against = crossing.filter(({ from, to }) => isAgainstOrder(from, to));
  const circles = circlesIn({ files, imports });
  tell(`
${files.size} files, ${lengths.reduce((sum, each) => sum + each, 0)} lines, median ${lengths[lengths.length >> 1]}, longest ${lengths.at(-1)}
${rooms.length} rooms, ${loose.length} loose files: ${loose.map((path) => path.slice('src/'.length)).join(' ')}
${arrows.size} arrows of rooms, ${new Set(local.map(({ from, to }) => `${from} ${to}`)).size} of files, ${against.length} against the order
${circles.length} circles of rooms, folders or files`);
  for (const { from, to } of against) tell(`against the order: ${from} -> ${to}`);
  for (const circle of circles) tell(`circle: ${circle.join(' <-> ')}`);
  return circles.length + against.length === 0 ? 0 : 1;
}

/** Whether a file imports one of a room that comes after its own, or an entrance. */
export function isAgainstOrder(from: string, to: string): boolean {
  const [own, other] = [roomOf(from), roomOf(to)];
  if (own === undefined || own === other) return false;
  const place = (room: string | undefined) => rooms.findIndex((each) => each === room);
  return other === undefined || place(other) > place(own);
}

if (import.meta.main) process.exitCode = print(readHouse());
