/** A command line up to where it is being completed. */
export interface Line {
  /** what was written before, without the command itself */
  readonly before: readonly string[];
  /** the beginning of the word that is wanted */
  readonly current: string;
}

export interface Candidate {
  readonly value: string;
  readonly help?: string | undefined;
}

/** Words that may stand there, or what the shell itself knows. */
export type Answer = 'files' | 'folders' | readonly Candidate[];
