import type { Environment } from './service/settings.ts';
import type { Range, Report, Source } from '../language/problems.ts';

/**
 * Checks something for several environments; what is wrong in some of them only says in which. @param warn for what
 * keeps nothing from being used
 */
export function reportEverywhere(
  environments: readonly Environment[],
  { report, warn }: Pick<Source, 'report' | 'warn'>,
  check: (environment: Environment, report: Report, warn: Report) => void,
): void {
  interface Found {
    readonly range: Range;
    readonly message: string;
    readonly hint: string | undefined;
    readonly names: Set<string>;
    readonly tell: Report;
  }
  const found = new Map<string, Found>();
  for (const environment of environments) {
    const into =
      (tell: Report): Report =>
      (range, message, hint) => {
        const key = `${range.start} ${range.end} ${message}`;
        const same = found.get(key) ?? { range, message, hint, names: new Set<string>(), tell };
        same.names.add(environment.name);
        found.set(key, same);
      };
    check(environment, into(report), into(warn));
  }
  for (const { range, message, hint, names, tell } of found.values()) {
    const where =
      names.size === environments.length ? '' : ` in environment ${[...names].map((name) => `"${name}"`).join(', ')}`;
    tell(range, `${message}${where}`, hint);
  }
}
