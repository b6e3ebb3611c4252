import { existsSync } from 'node:fs';
import { BrokerError } from '../../../client/broker-error.ts';
import { tokenIn } from '../../../client/answers.ts';
import { writeOptionNames } from '../../../folder/reserved-names.ts';
import { FlowError } from '../../../foundation/errors.ts';
import { looseArguments, unexpectedWord, wantsHelp, wordsOf } from '../arguments.ts';
import { brokerFailure, type ChosenBroker, chosenBroker } from '../chosen-broker.ts';
import { commonOptions, runOptions } from '../command-table.ts';
import { outputOf } from '../flow/broker-answer.ts';
import { isClosing } from '../flow/flow-options.ts';
import { askedArguments } from '../flow/unread-flow-arguments.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';

// This file and what it imports are all that `flows orders-token` loads where a broker answers it.

/** `flows NAME` */
export async function runFlowByName(invocation: Invocation): Promise<number> {
  return flowCommand(invocation, wordsOf(invocation.argv)[0] ?? '', 1);
}

/** `flows run NAME`, which works whatever commands come later. */
export async function runNamed(invocation: Invocation): Promise<number> {
  const name = wordsOf(invocation.argv, 2)[1];
  if (name === undefined) throw new FlowError('usage', 'no flow is named', { hint: 'write flows run NAME' });
  return flowCommand(invocation, name, 2);
}

/** What only the flow's file can tell: whether the broker's refusal is the end of it. */
const leadsToTheFile = new Set(['write-not-served', 'not-allowed', 'invalid-request']);

async function flowCommand(invocation: Invocation, name: string, words: number): Promise<number> {
  const broker = await chosenBroker(invocation);
  let refusal: unknown;
  if (broker !== undefined && !concernsTheFile(invocation.argv) && !isClosing(invocation.argv, words)) {
    try {
      return await askFlow(invocation, broker, name, words);
    } catch (error) {
      refusal = brokerFailure(error, `flow "${name}"`);
      const { dir } = looseArguments(invocation.argv, commonOptions);
      if (invocation.terminal.interactive) {
        const { withOwnWay } = await import('../flow/ask-yourself.ts');
        refusal = await withOwnWay(refusal, name, dir, broker);
      }
      const decides = error instanceof BrokerError && leadsToTheFile.has(error.code) && existsSync(flowsFolder(dir));
      if (!decides) throw refusal;
    }
  }
  const local = await import('../flow/run-here.ts');
  return local.flowCommand(invocation, name, words, broker === undefined ? undefined : { broker, refusal });
}

function concernsTheFile(argv: readonly string[]): boolean {
  const given = looseArguments(argv, { ...commonOptions, ...runOptions });
  return wantsHelp(argv) || writeOptionNames.some((option) => given[option] !== undefined);
}

/** Asks the broker for a flow's answer, and shows it as if it had been run here. @throws BrokerError, FlowError */
export async function askFlow(
  { argv, terminal }: Invocation,
  broker: ChosenBroker,
  name: string,
  words: number,
): Promise<number> {
  const { positionals, inputs, chosen } = askedArguments(argv);
  const extra = positionals[words];
  if (extra !== undefined) throw unexpectedWord(extra, `inputs are options: see flows ${name} --help`);
  if (chosen.has('header') && chosen.has('json'))
    throw new FlowError('usage', '--header and --json are two answers', {
      hint: 'leave one out',
      place: { flow: name },
    });
  return broker.ask(async (client) => {
    const { output, as } = await client.run(name, inputs);
    if (chosen.has('header') && as !== 'token') throw new BrokerError('not-a-token');
    terminal.note(`${name}: broker ${broker.address}`, 'dim');
    if (chosen.has('json')) terminal.out(`${JSON.stringify(output)}\n`);
    else if (as === 'token') {
      const { accessToken, tokenType } = tokenIn(output).token;
      terminal.out(chosen.has('header') ? `Authorization: ${tokenType} ${accessToken}\n` : `${accessToken}\n`);
    } else {
      const { showOutput } = await import('../flow/show-output.ts');
      const again = async () => {
        const answer = await client.run(name, inputs).catch((error: unknown) => {
          throw brokerFailure(error, `flow "${name}"`);
        });
        return outputOf(answer);
      };
      await showOutput(outputOf({ output, as }), chosen, terminal, again);
    }
    return 0;
  });
}
