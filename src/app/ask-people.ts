import { FlowError } from '../foundation/errors.ts';
import type { PeopleQuestion } from '../steps/contract.ts';

/** Asks people for a step of a flow. @returns who said yes @throws FlowError */
export type AskPeople = (step: string, question: PeopleQuestion) => Promise<string>;

/** Where nobody can be asked. */
export const askNobody: AskPeople = () => {
  throw new FlowError('refused', 'it asks people, and nobody can be asked here', {
    hint: 'begin it as a run of the broker, or run it at a terminal',
  });
};
