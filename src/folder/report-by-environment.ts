import type { Environment } from './service/settings.ts';
import type { Range, Report } from '../language/problems.ts';

/** Checks something for several environments; what is wrong in some of them only says in which. */
export function reportEverywhere(
  environments: readonly Environment[],
  report: Report,
  check: (environment: Environment, report: Report) => void,
): void {
  const found = new Map<string, { range: Range; message: string; hint: string | undefined; names: Set<string> }>();
  for (const environment of environments) {
    check(environment, (range, message, hint) => {
      const key = `${range.start} ${range.end} ${message}`;
      const same = found.get(key) ?? { range, message, hint, names: new Set<string>() };
      same.names.add(environment.name);
      found.set(key, same);
    });
  }
  for (const { range, message, hint, names } of found.values()) {
    const where =
      names.size === environments.length ? '' : ` in environment ${[...names].map((name) => `"${name}"`).join(', ')}`;
    report(range, `${message}${where}`, hint);
  }
}
