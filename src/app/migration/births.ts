import type { NewItem, VaultItems } from '../../adapters/vaults/contract.ts';
import { asFlowError, type ErrorCode, FlowError } from '../../foundation/errors.ts';
import type { Line, Outcome } from './report.ts';

interface Birth {
  /** what is told once it is there */
  readonly line: Line;
  readonly item: NewItem;
}

/** characters of values in one request, so that it ends within its deadline and no server finds it too large */
const largest = 1_000_000;
/** how often a batch is tried that somebody else's change of the vault came before */
const attempts = 5;

/** Makes items, each once, whatever becomes of the request that asks for it. */
export function createBirths(items: VaultItems) {
  /**
   * A batch that fails may have been written in part, or whole: what is there is looked up before anything is asked
   * for again, and a single bad item is found by halves.
   */
  async function tried(vault: string, all: readonly Birth[], tell: (line: Line) => void, attempt = 1): Promise<void> {
    if (all.length === 0) return;
    let left = all;
    try {
      await items.createAll(
        vault,
        all.map(({ item }) => item),
      );
      for (const { line } of all) tell(line);
      return;
    } catch (thrown) {
      const error = asFlowError(thrown);
      left = await missingOf(vault, all, error);
      for (const each of all) if (!left.includes(each)) tell(each.line);
      if (error.about !== 'subject') throw error;
      if (error.code === 'conflict' && attempt < attempts) return tried(vault, left, tell, attempt + 1);
      if (error.code === 'denied' || all.length === 1) {
        for (const { line } of left) tell({ ...line, outcome: outcomeOf[error.code] ?? 'failed', why: error.message });
        return;
      }
    }
    const middle = Math.ceil(left.length / 2);
    await tried(vault, left.slice(0, middle), tell);
    await tried(vault, left.slice(middle), tell);
  }

  async function missingOf(vault: string, all: readonly Birth[], error: FlowError): Promise<readonly Birth[]> {
    try {
      const listed = new Set((await items.list(vault)).flatMap(({ tags }) => tags));
      return all.filter(({ item }) => !item.tags.every((tag) => listed.has(tag)));
    } catch {
      // the vault does not answer: what was made is found by the next run
      throw error;
    }
  }

  return {
    async bear(vault: string, births: readonly Birth[], tell: (line: Line) => void): Promise<void> {
      for (const part of inParts(births)) await tried(vault, part, tell);
    },
  };
}

const outcomeOf: Partial<Record<ErrorCode, Outcome>> = {
  conflict: 'conflict',
  'invalid-value': 'too big',
  denied: 'denied',
};

/** One after another, none larger than one request should be. */
function inParts(births: readonly Birth[]): readonly (readonly Birth[])[] {
  const parts: Birth[][] = [];
  let size = Infinity;
  for (const birth of births) {
    const own = birth.item.fields.reduce((sum, { value }) => sum + value.reveal().length, 0);
    if (size + own > largest) {
      parts.push([]);
      size = 0;
    }
    parts.at(-1)?.push(birth);
    size += own;
  }
  return parts;
}
