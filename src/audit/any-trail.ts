import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Environment } from '../folder/service/settings.ts';

/**
 * Whether there may be a trail of any of these environments but the laptop's; without what reads one, and the keys that
 * it takes: those who have none need not load it.
 */
export function hasTrails(environments: Iterable<Environment>, stateFolder: string): boolean {
  const real = [...environments].filter(({ laptop }) => !laptop);
  if (real.some(({ audit }) => audit.file !== undefined)) return true;
  try {
    return real.length > 0 && readdirSync(join(stateFolder, 'audit')).some((name) => name.includes('.jsonl'));
  } catch {
    return false;
  }
}
