import { FlowError } from '../foundation/errors.ts';
import type { Secret } from '../foundation/secret.ts';
import type { PeopleQuestion, ValueQuestion } from '../steps/contract.ts';

/** Asks people for a step of a flow. @returns who said yes @throws FlowError */
export type AskPeople = (step: string, question: PeopleQuestion) => Promise<string>;

/** Asks whoever runs a flow for a value. */
export type AskForValue = (question: ValueQuestion) => Promise<Secret | undefined>;

/** Where nobody is there to give one. */
export const askNobodyForValue: AskForValue = ({ into }) => {
  throw new FlowError('refused', 'a person is to give a value, and nobody can be asked here', {
    hint: `run it at a terminal; or put the value into ${into}, and run it again`,
  });
};

/** Where nobody can be asked. */
export const askNobody: AskPeople = () => {
  throw new FlowError('refused', 'it asks people, and nobody can be asked here', {
    hint: 'begin it as a run of the broker, or run it at a terminal',
  });
};
