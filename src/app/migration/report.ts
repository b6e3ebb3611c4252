import type { Mounts } from './kv-source.ts';

/** What became of a secret. */
export const outcomes = [
  'moved',
  'same',
  'skipped',
  'deleted',
  'conflict',
  'too big',
  'denied',
  'failed',
  'not reached',
] as const;
export type Outcome = (typeof outcomes)[number];

/** what is not done, and must be before anybody cuts over */
const open: ReadonlySet<Outcome> = new Set(['conflict', 'too big', 'denied', 'failed', 'not reached']);

export interface Line {
  readonly path: string;
  /** `op://VAULT/ITEM` */
  readonly to?: string | undefined;
  readonly outcome: Outcome;
  /** of Vault; absent where none was read */
  readonly version?: number | undefined;
  /** in a few words */
  readonly why?: string | undefined;
  /** what is not as it was, by key */
  readonly told?: readonly string[] | undefined;
}

/** What a run did; it has no value. */
export interface MigrationReport {
  readonly lines: readonly Line[];
  /** mounts that are no KV: what they give is made when it is asked for, and does not exist in 1Password */
  readonly notMoved: Mounts['others'];
  readonly requests: {
    readonly vault: number;
    /** of `vault`: a list of each vault, and a read and a write for each hundred items that were made */
    readonly least: number;
    readonly source: number;
  };
}

export function countsOf(lines: readonly Line[]): Readonly<Record<Outcome, number>> {
  const counts = Object.fromEntries(outcomes.map((outcome) => [outcome, 0])) as Record<Outcome, number>;
  for (const { outcome } of lines) counts[outcome] += 1;
  return counts;
}

/** How many secrets still have to be moved. */
export function leftOf(lines: readonly Line[]): number {
  return lines.filter(({ outcome }) => open.has(outcome)).length;
}

export function reportJson(report: MigrationReport): string {
  const { lines, notMoved, requests } = report;
  return `${JSON.stringify({ counts: countsOf(lines), left: leftOf(lines), requests, notMoved, secrets: lines })}\n`;
}

/** The same for people, as Markdown: counts, what is left and why, what was changed on the way, and what stays. */
export function reportMarkdown({ lines, notMoved, requests }: MigrationReport): string {
  const counts = countsOf(lines);
  const rows = outcomes.filter((outcome) => counts[outcome] > 0).map((outcome) => [outcome, String(counts[outcome])]);
  const left = lines.filter(({ outcome }) => open.has(outcome));
  const noted = lines.filter(({ outcome, why }) => why !== undefined && !open.has(outcome));
  const changed = lines.flatMap(({ path, told = [] }) => told.map((each) => [path, each]));
  return [
    '# Moved from Vault\n',
    table(['outcome', 'secrets'], rows),
    `\nRequests: ${requests.vault} to 1Password (${requests.least} at least), ${requests.source} to Vault.\n`,
    section(
      'Left',
      ['path', 'outcome', 'why'],
      left.map(({ path, outcome, why }) => [path, outcome, why ?? '']),
    ),
    section(
      'Not moved',
      ['path', 'outcome', 'why'],
      noted.map(({ path, outcome, why }) => [path, outcome, why ?? '']),
    ),
    section('Turned into text', ['path', 'key'], changed),
    section(
      'Not moved by design',
      ['mount', 'type', 'instead'],
      notMoved.map(({ path, type }) => [path, type, insteadOf(type)]),
    ),
  ].join('');
}

/** What there is instead of an engine that makes its secrets when they are asked for. */
function insteadOf(type: string): string {
  if (type === 'totp') return 'Vault gives no seed: enrol anew, with the step idp/enroll-totp';
  if (type === 'transit' || type === 'pki' || type === 'ssh') return 'its keys do not leave Vault';
  return 'it makes secrets when they are asked for: a flow can ask the service itself';
}

function section(title: string, head: readonly string[], rows: readonly (readonly string[])[]): string {
  return rows.length === 0 ? '' : `\n## ${title}\n\n${table(head, rows)}`;
}

/** A Markdown table; what stands in a cell stays in it. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map(cell).join(' | ')} |\n`;
  return `${line(head)}${line(head.map(() => '---'))}${rows.map(line).join('')}`;
}

function cell(text: string): string {
  return text.replaceAll(/[\\|`*_<>[\]]/g, '\\$&').replaceAll(/\p{Cc}/gu, ' ');
}
