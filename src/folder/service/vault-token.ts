import type { TokenSource } from '../../adapters/vaults/token-source.ts';
import type { Source } from '../../language/problems.ts';
import type { Entry, Node } from '../../language/yaml.ts';

const fromEnvironment = /^\s*\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}\s*$/;

/**
 * An environment with each `token: ${{ env.NAME }}` written as `token: { env: NAME }`: settings hold a token's name,
 * never the token. A token that stands in the file itself is reported, and not repeated.
 */
export function withTokens(environment: Node, source: Source): Node {
  return changed(environment, 'vault', (vault) =>
    vault.kind === 'list'
      ? { ...vault, items: vault.items.map((item) => withToken(item, source)) }
      : withToken(vault, source),
  );
}

function withToken(entry: Node, source: Source): Node {
  return changed(entry, 'token', (token) => {
    if (token.kind !== 'scalar' || token.value === null) return token;
    const name = fromEnvironment.exec(String(token.value))?.[1];
    if (name !== undefined) {
      const value: Node = { kind: 'scalar', value: name, range: token.range };
      return { kind: 'mapping', range: token.range, entries: [{ key: 'env', keyRange: token.range, value }] };
    }
    const place = { start: token.range.start, end: token.range.start + 1 };
    source.report(
      place,
      'a token never stands in a file',
      'write { env: NAME }, { file: PATH } or { command: [op, read, …] }',
    );
    return undefined;
  });
}

/** The token's source, where exactly one is given. */
export function tokenSource(
  token: { readonly env?: unknown; readonly file?: unknown; readonly command?: unknown } | undefined,
): TokenSource | undefined {
  if (typeof token?.env === 'string') return { env: token.env };
  if (typeof token?.file === 'string') return { file: token.file };
  if (!Array.isArray(token?.command)) return undefined;
  const [program, ...rest] = token.command.map(String);
  return program === undefined ? undefined : { command: [program, ...rest] };
}

function changed(node: Node, key: string, change: (value: Node) => Node | undefined): Node {
  if (node.kind !== 'mapping') return node;
  const entries = node.entries.flatMap((entry): readonly Entry[] => {
    if (entry.key !== key) return [entry];
    const value = change(entry.value);
    return value === undefined ? [] : [{ ...entry, value }];
  });
  return { ...node, entries };
}
