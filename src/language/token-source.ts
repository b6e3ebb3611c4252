import type { Source } from './problems.ts';
import type { Node } from './yaml.ts';

const fromEnvironment = /^\s*\$\{\{\s*env\.([A-Za-z_][A-Za-z0-9_]*)\s*\}\}\s*$/;
const hint = 'write { env: NAME }, { file: PATH } or { command: [op, read, …] }';

/**
 * The node of a token's source, with `${{ env.NAME }}` written as `{ env: NAME }`: settings hold a token's name, never
 * the token. A token that stands in the file itself is reported, and not repeated. @returns undefined where it was
 */
export function withoutToken(node: Node, source: Source): Node | undefined {
  if (node.kind === 'mapping' && node.entries.length !== 1) source.report(node.range, 'a token has one source', hint);
  if (node.kind === 'list') source.hidden.push(node.range);
  if (node.kind !== 'scalar' || node.value === null) return node;
  const name = fromEnvironment.exec(String(node.value))?.[1];
  const { range } = node;
  if (name !== undefined) {
    return {
      kind: 'mapping',
      range,
      entries: [{ key: 'env', keyRange: range, value: { kind: 'scalar', value: name, written: name, range } }],
    };
  }
  source.hidden.push(range);
  source.report({ start: range.start, end: range.start + 1 }, 'a token never stands in a file', hint);
  return undefined;
}
