import { closeSync, constants, fdatasync, openSync, write, writeSync } from 'node:fs';
import { join } from 'node:path';
import { row, type Row } from './row.ts';

/** Puts a line of the audit trail's length on the disk as the trail does: what a figure owes to the disk beside it. */
export function openLine(folder: string): { put(): Promise<void>; close(): void } {
  const descriptor = openSync(join(folder, 'line'), 'a', 0o600);
  const line = Buffer.alloc(300, 0x20);
  return {
    async put() {
      writeSync(descriptor, line);
      await new Promise<void>((resolve, reject) => {
        fdatasync(descriptor, (error) => (error === null ? resolve() : reject(error)));
      });
    },
    close: () => closeSync(descriptor),
  };
}

/**
 * What a durable write of a group of lines takes on this disk by itself: the broker's part of a figure is what is left.
 * On a machine whose disk others use as well, it is most of it.
 */
export async function durableWrite(folder: string): Promise<Row[]> {
  const { O_WRONLY, O_CREAT, O_APPEND, O_DSYNC } = constants;
  const descriptor = openSync(join(folder, 'durable-write'), O_WRONLY | O_CREAT | O_APPEND | O_DSYNC, 0o600);
  const bytes = Buffer.alloc(5_000, 0x20);
  const times: number[] = [];
  try {
    while (times.length < 500) {
      const started = performance.now();
      await new Promise<void>((resolve, reject) => {
        write(descriptor, bytes, 0, bytes.length, null, (error) => (error === null ? resolve() : reject(error)));
      });
      times.push(performance.now() - started);
    }
  } finally {
    closeSync(descriptor);
  }
  const sorted = times.toSorted((a, b) => a - b);
  const at = (part: number) => sorted[Math.floor(sorted.length * part)] ?? Infinity;
  return [
    row({ name: 'one durable write of 5,000 bytes on this disk, p50', value: at(0.5), unit: 'ms' }),
    row({ name: 'one durable write of 5,000 bytes on this disk, p99', value: at(0.99), unit: 'ms' }),
  ];
}
