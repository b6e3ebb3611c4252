import type { OptionTable } from './command-table.ts';
import { columns } from './terminal.ts';

/** A part of help: rows under a title, indented. */
export function helpRows(rows: readonly (readonly string[])[]): string {
  return columns(rows).replace(/^(?=.)/gm, '  ');
}

/** Options as they are written, and what they do. */
export function optionRows(table: OptionTable): string {
  return helpRows(
    Object.entries(table).map(([name, { value, help }]) => [
      `--${name}${value === undefined ? '' : ` ${value}`}`,
      help,
    ]),
  );
}
