import { execFile } from 'node:child_process';
import { lstat, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { FlowError } from '../../foundation/errors.ts';
import { Reference } from '../../foundation/reference.ts';
import type { MovedSecret } from './migration-file.ts';

/** A place of a repository that asks Vault for something. */
export interface CodeUse {
  /** from the top of the repository */
  readonly file: string;
  /** from 1 */
  readonly line: number;
  /** from 1, in UTF-16 units */
  readonly column: number;
  /** as migration.yaml has it; undefined where it cannot be told, and a person has to look */
  readonly path: string | undefined;
  /** what stands there: a path, or what is known of Vault alone, as `VAULT_ADDR` */
  readonly found: string;
  /** of the field where it is known which one is meant, else of the item; undefined where nothing was moved from there */
  readonly replacement: Reference | undefined;
}

/** bytes: a larger file is no code that a person wrote */
const largest = 1_000_000;
const notCode =
  /(?:^|\/)(?:package-lock\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|go\.sum|Cargo\.lock|poetry\.lock|uv\.lock|Gemfile\.lock|composer\.lock|migration\.yaml)$/;

/** Looks through the files that git knows below a folder; writes nothing. @throws FlowError usage where git knows none */
export async function usesInCode(dir: string, secrets: readonly MovedSecret[]): Promise<readonly CodeUse[]> {
  const found: CodeUse[] = [];
  const known = new Map(secrets.map((each) => [each.path, each]));
  for (const file of await filesOf(dir)) {
    const bytes = await codeAt(join(dir, file)).catch(() => undefined);
    if (bytes === undefined || bytes.includes(0)) continue;
    found.push(...usesIn(file, bytes.toString('utf8'), known));
  }
  return found;
}

/** What stands in a file; undefined for what is no code: a link may lead anywhere, and to what never ends. */
async function codeAt(file: string): Promise<Buffer | undefined> {
  const facts = await lstat(file);
  return facts.isFile() && facts.size <= largest ? readFile(file) : undefined;
}

async function filesOf(dir: string): Promise<readonly string[]> {
  try {
    const { stdout } = await promisify(execFile)('git', ['ls-files', '-z'], { cwd: dir, maxBuffer: 256 * 1024 * 1024 });
    return stdout.split('\0').filter((file) => file !== '' && !notCode.test(file));
  } catch (cause) {
    throw new FlowError('usage', `git lists no files in ${dir}`, { cause, hint: 'give the folder of a repository' });
  }
}

const quote = `["'\`]`;
const path = String.raw`(?<path>[^\s"'\`|,;)}]+)`;

/** How Vault is asked, by clients and tools: each names a path, some a mount or a key beside it. What could begin anywhere ends soon. */
const calls: readonly RegExp[] = [
  // vault kv get -field=F -mount=M secret/x · vault read secret/x · vault_get(…)
  new RegExp(
    String.raw`\b(?:vault|bao)\s+(?:kv\s+get|read)\s+(?<flags>(?:-[\w-]+(?:=\S+)?\s+)*)${quote}?${path}`,
    'dg',
  ),
  // hvac: read_secret_version(path='x', mount_point='m') · client.read('secret/data/x')
  new RegExp(
    String.raw`\bread_secret(?:_version)?\((?<flags>[^)]{0,512}?)\bpath\s*=\s*${quote}${path}(?<more>[^)]*)`,
    'dg',
  ),
  // node-vault, Go, Ruby: .read('secret/data/x'), where it cannot be any file
  new RegExp(String.raw`\.[rR]ead\(\s*(?:ctx,\s*)?${quote}(?=[^"'\`]*/data/)${path}`, 'dg'),
  // Go: KVv2("secret").Get(ctx, "x")
  new RegExp(String.raw`KVv[12]\(\s*${quote}(?<mount>[^"'\`]+)${quote}\s*\)\.Get\(\s*\w+,\s*${quote}${path}`, 'dg'),
  // templates: {{ with secret "secret/data/x" }} · agent-inject-secret-y: secret/data/x
  new RegExp(String.raw`\bwith\s+secret\s+${quote}${path}`, 'dg'),
  new RegExp(String.raw`agent-inject-secret-[\w.-]+${quote}?\s*[:=]\s*${quote}?${path}`, 'dg'),
  // GitLab: vault: x/K@M
  new RegExp(String.raw`\bvault:\s*${quote}?(?<path>[^\s"'@]{1,512})/(?<key>[^\s/@]+)@(?<mount>[\w./-]+)`, 'dg'),
  // spring.config.import=vault://secret/x
  new RegExp(String.raw`\bvault://${path}`, 'dg'),
];
/** what tells of Vault without a path: a person has to look */
const signs = /\bVAULT_(?:ADDR|TOKEN|NAMESPACE|ROLE_ID|SECRET_ID)\b|\.vault-token\b/dg;

/** What a file asks Vault for, in the order of its lines: calls, and paths of migration.yaml wherever they stand. */
export function usesIn(file: string, text: string, known: ReadonlyMap<string, MovedSecret>): readonly CodeUse[] {
  const uses: CodeUse[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    const here: CodeUse[] = [];
    const add = (column: number, found: string, secret: MovedSecret | undefined, key: string | undefined) => {
      // the same place by two rules is one
      if (here.some((each) => each.column <= column && column < each.column + each.found.length)) return;
      const replacement = secret === undefined ? undefined : replacementOf(secret, key);
      here.push({ file, line: index + 1, column, path: secret?.path, found, replacement });
    };
    for (const call of calls) {
      for (const match of line.matchAll(call)) {
        const { path: written = '', key: own, mount, flags = '', more = '' } = match.groups ?? {};
        const column = (match.indices?.groups?.['path']?.[0] ?? 0) + 1;
        const beside = /(?:-mount=|mount_point\s*=\s*["'])(?<mount>[\w./-]+)/.exec(flags + more)?.groups?.['mount'];
        const field = /-field=(?<key>[\w.-]+)/.exec(flags)?.groups?.['key'];
        const key = own ?? field ?? keyAfter(line, column - 1 + written.length);
        add(column, written, secretAt(written, mount ?? beside, known), key);
      }
    }
    for (const [column, written, secret] of literals(line, known))
      add(column, written, secret, keyAfter(line, column - 1 + written.length));
    for (const match of line.matchAll(signs)) add((match.index ?? 0) + 1, match[0], undefined, undefined);
    uses.push(...here.toSorted((a, b) => a.column - b.column));
  }
  return uses;
}

/** Words with a `/` in them that are a known path, with or without `data/` after its mount. */
function* literals(line: string, known: ReadonlyMap<string, MovedSecret>): Generator<[number, string, MovedSecret]> {
  // whole words first: one that is long, as minified code has it, is looked through once
  for (const { 0: word, index } of line.matchAll(/[^\s"'`|,;(){}=]+/g)) {
    const secret = /.\/./.test(word) ? secretAt(word, undefined, known) : undefined;
    if (secret !== undefined) yield [index + 1, word, secret];
  }
}

/** A key that stands after a path, as `secret/data/x key` and `x#key` and `x/key@mount` of CI have it. */
function keyAfter(line: string, end: number): string | undefined {
  return /^[\s#:]+(?<key>\w[\w.-]*)\s*(?:[|;"']|$)/.exec(line.slice(end))?.groups?.['key'];
}

/** The secret that a path means. Outside its mount's own words a path may also be written without its mount: hvac's is `secret`. */
function secretAt(
  written: string,
  mount: string | undefined,
  known: ReadonlyMap<string, MovedSecret>,
): MovedSecret | undefined {
  const plain = written
    .replace(/^\/?(?:v1\/)?/, '')
    .replace(/[#@].*$/, '')
    .replace(/\/$/, '');
  const whole = mount === undefined ? plain : `${mount.replace(/\/$/, '')}/${plain}`;
  for (const each of [whole, ...(mount === undefined ? [`secret/${plain}`] : [])]) {
    const found = known.get(each);
    if (found !== undefined) return found;
    for (const { index } of each.matchAll(/\/data\//g)) {
      const ofV2 = known.get(each.slice(0, index) + each.slice(index + '/data'.length));
      if (ofV2 !== undefined) return ofV2;
    }
  }
  return undefined;
}

function replacementOf({ to, keys = {} }: MovedSecret, key: string | undefined): Reference | undefined {
  const labels = new Map(Object.entries(keys));
  const label = key === undefined ? (labels.size === 1 ? [...labels.values()][0] : undefined) : labels.get(key);
  return to === undefined || label === undefined ? to : to.sibling(label);
}
