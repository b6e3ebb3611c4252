import type { Demand } from './demand.ts';

/**
 * What people have said yes to, for one request. Only the gate makes one. It is looked at again after every wait: what a
 * yes was for must still be what the files say.
 */
export class Pass {
  readonly #approvals: readonly Admitted[];

  /** @param approvals each with what it was for */
  constructor(approvals: readonly Admitted[]) {
    this.#approvals = approvals;
  }

  get ids(): readonly string[] {
    return this.#approvals.map(({ id }) => id);
  }

  /** Names that are approved, as the files are now. @param demandNow what approving these names would be for, now */
  covered(demandNow: (names: readonly string[]) => Demand | undefined): ReadonlySet<string> {
    return new Set(this.#approvals.flatMap(({ names, digest }) => (demandNow(names)?.digest === digest ? names : [])));
  }
}

export interface Admitted {
  readonly id: string;
  readonly names: readonly string[];
  readonly digest: string;
}
