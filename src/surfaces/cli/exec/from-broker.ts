import { existsSync } from 'node:fs';
import type { FlowAnswer } from '../../../client/answers.ts';
import type { Client } from '../../../client/contract.ts';
import { FlowError } from '../../../foundation/errors.ts';
import type { Reference } from '../../../foundation/reference.ts';
import { Secret } from '../../../foundation/secret.ts';
import { looseArguments } from '../arguments.ts';
import { brokerFailure, type ChosenBroker } from '../chosen-broker.ts';
import { commonOptions } from '../command-table.ts';
import { outputOf } from '../flow/broker-answer.ts';
import { flowsFolder } from '../flows-folder.ts';
import type { Invocation } from '../invocation.ts';
import type { Read } from './from-vault.ts';
import { type ValueSource, valuesOf, type Wanted } from './values.ts';

/** Asks a broker for what is wanted, as an agent: its policy decides, and it is on its trail. */
export async function readThere(wanted: Wanted, broker: ChosenBroker, invocation: Invocation): Promise<Read> {
  const { dir } = looseArguments(invocation.argv, commonOptions);
  const folder = flowsFolder(dir);
  const files: string[] = [];
  const tell = (answer: FlowAnswer) => void files.push(...(answer.files ?? []));
  const variables = await broker.ask((client) => valuesOf(wanted, sourceAt(client, folder, tell)));
  return { variables, files };
}

function sourceAt(client: Client, folder: string, tell: (answer: FlowAnswer) => void): ValueSource {
  const secrets = async (names: readonly string[]) => {
    try {
      const found = await client.secrets(names);
      return names.map((name) => new Secret(found[name]?.value ?? ''));
    } catch (error) {
      throw brokerFailure(error, names.map((name) => `"${name}"`).join(', '));
    }
  };
  return {
    async flow(name) {
      try {
        const answer = await client.run(name);
        tell(answer);
        return outputOf(answer);
      } catch (error) {
        throw brokerFailure(error, `flow "${name}"`);
      }
    },
    secrets,
    references: async (references) => secrets(await namesOf(references, folder)),
  };
}

/** A broker gives secrets by name: that of a reference stands in registry.yaml. */
async function namesOf(references: readonly Reference[], folder: string): Promise<readonly string[]> {
  const names = new Map<string, string>();
  if (existsSync(folder)) {
    const [{ openFolder }, { loadBrokerFiles }] = await Promise.all([
      import('../../../app/open-folder.ts'),
      import('../../../folder/policy-and-registry.ts'),
    ]);
    for (const [name, secret] of loadBrokerFiles(await openFolder(folder)).registry.secrets)
      for (const reference of secret.references.values()) names.set(reference.toString(), name);
  }
  return references.map((reference) => {
    const name = names.get(reference.toString());
    if (name !== undefined) return name;
    throw new FlowError(
      'refused',
      'a broker gives secrets by their names, and registry.yaml has none for this reference',
      {
        hint: 'add it there, or unset FLOWS_BROKER and FLOWS_AGENT_TOKEN_FILE to read the vault itself',
        place: { subject: reference.toString() },
      },
    );
  });
}
