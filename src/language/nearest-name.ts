const longest = 64;

/** The candidate that a misspelt word most likely meant: at most a third of its letters differ, or they go on. */
export function nearest(word: string, given: Iterable<string>): string | undefined {
  const candidates = [...given];
  if (word.length > longest) return undefined;
  const wanted = word.toLowerCase();
  const allowed = Math.max(1, Math.floor(wanted.length / 3));
  let best: string | undefined;
  let least = allowed + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - wanted.length) >= least || candidate.length > longest) continue;
    const found = distance(wanted, candidate.toLowerCase());
    if (found < least) {
      least = found;
      best = candidate;
    }
  }
  return best ?? continued(wanted, candidates);
}

/** The shortest candidate that begins with what was written: an abbreviation, or a name's first word. */
function continued(word: string, candidates: readonly string[]): string | undefined {
  if (word.length < 3) return undefined;
  const longer = candidates.filter((each) => each.toLowerCase().startsWith(word));
  return longer.toSorted((a, b) => a.length - b.length)[0];
}

/** `did you mean "x"?`, else `one of: …` where the list is short enough to help. */
export function suggest(word: string, candidates: Iterable<string>): string | undefined {
  const all = [...candidates];
  const near = nearest(word, all);
  if (near !== undefined) return `did you mean "${near}"?`;
  return all.length === 0 || all.length > 16 ? undefined : `one of: ${all.join(', ')}`;
}

/** Damerau-Levenshtein (optimal string alignment): a swap of neighbours counts one. */
function distance(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const row = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        cost = Math.min(cost, (before[j - 2] ?? 0) + 1);
      }
      row.push(cost);
    }
    before = last;
    last = row;
  }
  return last[b.length] ?? 0;
}
