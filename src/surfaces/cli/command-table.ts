import type { CommandName, CommonOption, RunOption } from '../../folder/reserved-names.ts';
import { approvalStates, agentRunOutcomes, runStates } from '../../foundation/wire.ts';
import { drillFacts } from './drill/facts.ts';
import { hookNotes, hookOptions } from './hook/options.ts';
import { execOptions, outOfReach, valueOptions } from './exec/options.ts';
import { migrateFacts } from './migrate/facts.ts';
import { mcpNotes, mcpOptions } from './mcp/options.ts';
import { policyFacts } from './policy/facts.ts';
import { serveOptions } from './serve-options.ts';

// What is known of the commands before any is loaded: help and completion are made of it.

/** What may stand at a place of the command line: names of the folder, files, or these words. */
export type Choice =
  | 'agents'
  | 'commands'
  | 'environments'
  | 'files'
  | 'flows'
  | 'folders'
  | 'secrets'
  | readonly (string | { readonly value: string; readonly help: string })[];

export interface OptionFacts {
  readonly type: 'string' | 'boolean';
  /** may be given more than once */
  readonly several?: true;
  /** what stands for its value in help */
  readonly value?: string;
  readonly help: string;
  /** what its value may be, as far as it is known */
  readonly choices?: readonly Choice[];
  /** these stand after a name and an equals sign */
  readonly keyed?: true;
}
export type OptionTable = Readonly<Record<string, OptionFacts>>;

/** What follows a command, or a command's word. */
export interface WordFacts {
  readonly options?: OptionTable;
  /** what each further word may be */
  readonly words?: readonly (readonly Choice[])[];
}

export interface CommandFacts extends WordFacts {
  /** how it is written and what it does: its lines of help */
  readonly usage: readonly (readonly [string, string])[];
  /** paragraphs under its help */
  readonly notes?: readonly string[];
  /** words that it takes first, each with options of its own */
  readonly verbs?: Readonly<Record<string, WordFacts & { readonly help: string }>>;
}

export const commonOptions = {
  dir: {
    type: 'string',
    value: 'FOLDER',
    help: 'folder of flows (or FLOWS_DIR; default: flows, here or above)',
    choices: ['folders'],
  },
  environment: {
    type: 'string',
    value: 'NAME',
    help: 'environment of service.yaml (or FLOWS_ENVIRONMENT)',
    choices: ['environments'],
  },
  help: { type: 'boolean', help: 'show help' },
  version: { type: 'boolean', help: 'show the version' },
  color: { type: 'boolean', help: 'colour, or --no-color (NO_COLOR is respected)' },
  debug: { type: 'boolean', help: 'show what caused an error, and the stack of an unexpected fault' },
} as const satisfies Readonly<Record<CommonOption, OptionFacts>>;

const trailFile = {
  type: 'string',
  value: 'FILE',
  help: 'this trail; without it, all of the environment',
  choices: ['files'],
} as const satisfies OptionFacts;
const jsonLines = { type: 'boolean', help: 'answer as JSON, one line an event' } as const satisfies OptionFacts;

export const runOptions = {
  plan: { type: 'boolean', help: 'show what would change, and stop' },
  'detailed-exitcode': { type: 'boolean', help: 'with --plan: exit 0 for no changes, 3 where something would change' },
  yes: { type: 'boolean', help: 'write without asking' },
  json: { type: 'boolean', help: 'answer as JSON' },
  reveal: { type: 'boolean', help: 'show secrets in a terminal' },
  header: { type: 'boolean', help: 'a token as an Authorization header line, for curl -H @-' },
  overwrite: { type: 'boolean', help: 'push: replace what someone else wrote' },
  adopt: { type: 'boolean', help: 'push: take over what was never pushed from here' },
  strict: { type: 'boolean', help: 'push: describe every secret instead of trusting the list' },
  'prune-most': { type: 'boolean', help: 'push: delete even more than half of what it has pushed' },
  'accept-gap': { type: 'boolean', help: 'rotation: go on where one secret alone can live' },
} as const satisfies Readonly<Record<RunOption, OptionFacts>>;

const json = { type: 'boolean', help: 'answer as JSON' } as const;
const expires = {
  type: 'string',
  value: 'WHEN',
  help: 'when the token ends: 90d, 2027-01-01T00:00:00Z, or never',
} as const satisfies OptionFacts;

const agentRunStates = ['running', ...agentRunOutcomes];
const oneOf = (words: readonly string[]) => words.join(', ').replace(/, (?=[^,]*$)/, ' or ');
const runListOptions = {
  flow: { type: 'string', value: 'NAME', help: 'of this flow only', choices: ['flows'] },
  agent: { type: 'string', value: 'NAME', help: 'of this agent only', choices: ['agents'] },
  state: {
    type: 'string',
    value: 'NAME',
    help: oneOf(runStates),
    choices: [runStates],
  },
  since: { type: 'string', value: 'WHEN', help: 'begun from then on: 1h, 7d, or a time' },
  json,
} as const satisfies OptionTable;
const agentRunOptions = {
  agent: { type: 'string', value: 'NAME', help: 'of this agent only', choices: ['agents'] },
  state: {
    type: 'string',
    value: 'NAME',
    help: oneOf(agentRunStates),
    choices: [agentRunStates],
  },
  since: { type: 'string', value: 'WHEN', help: 'begun from then on: 1h, 7d, or a time' },
  json,
} as const satisfies OptionTable;

/** `flows` without a word, and the flows themselves. */
export const flowUsage = [
  ['flows', 'list the flows of the folder'],
  ['flows NAME [--input VALUE …]', 'run a flow; a flow that writes asks first'],
  ['flows NAME --plan', 'show what it would change, and stop'],
  ['flows NAME close', 'end a use of a break-glass flow: run the one that its close: names'],
] as const satisfies CommandFacts['usage'];
export const listOptions = { json } as const satisfies OptionTable;

/** Every command, in the order of help. */
export const commandTable = {
  run: {
    usage: [['flows run NAME', 'the same, whatever commands come later']],
    words: [['flows']],
  },
  read: {
    usage: [['flows read op://…|NAME', 'read one value from the vault; by its name, from the broker; --no-newline']],
    options: { newline: { type: 'boolean', help: 'end with a line break, or --no-newline' } },
    words: [['secrets']],
  },
  exec: {
    usage: [
      ['flows exec NAME -- COMMAND', 'run a program with the values of a flow; what it prints shows none of them'],
      ['flows exec --secret K=NAME', 'the same, with secrets of registry.yaml; --token, --env-file, --no-mask'],
    ],
    options: execOptions,
    words: [['flows']],
    notes: outOfReach,
  },
  mask: {
    usage: [['flows mask NAME', 'copy stdin without the values of a flow, as in: make 2>&1 | flows mask NAME']],
    options: valueOptions,
    words: [['flows']],
    notes: outOfReach,
  },
  hook: {
    usage: [['flows hook', 'guard the tools of an agent, for its harness; --install claude, codex or cursor']],
    options: hookOptions,
    notes: hookNotes,
  },
  check: {
    usage: [
      ['flows check', 'check all files, contacting nothing; --json'],
      ['flows check --online', 'ask the vault, issuers and stores whether all is there'],
      ['flows check --drills', 'whether break-glass was proven, and nothing is owed for a use of it'],
      ['flows check --setup', 'tell what a real 1Password and AWS need, to paste'],
    ],
    options: {
      online: { type: 'boolean', help: 'ask the vault, issuers and stores whether all is there' },
      drills: { type: 'boolean', help: 'whether break-glass was proven, and nothing is owed for a use of it' },
      setup: { type: 'boolean', help: 'tell what each environment needs, to paste' },
      json,
    },
  },
  audit: {
    usage: [
      ['flows audit', 'what was asked for; --agent, --since, --request, --json'],
      ['flows audit verify', 'whether the audit trail is as it was written'],
    ],
    options: {
      file: trailFile,
      agent: { type: 'string', value: 'NAME', help: 'of this agent only', choices: ['agents'] },
      action: { type: 'string', value: 'NAME', help: 'of this action only: token.issue, secrets.resolve, …' },
      outcome: {
        type: 'string',
        value: 'NAME',
        help: 'allowed, denied or failed',
        choices: [['allowed', 'denied', 'failed']],
      },
      name: { type: 'string', value: 'NAME', help: 'about this secret or flow only', choices: ['secrets', 'flows'] },
      request: { type: 'string', value: 'ID', help: 'of this request only' },
      'agent-run': { type: 'string', value: 'RUN', help: 'of this agent run only, as it is proven' },
      run: { type: 'string', value: 'ID', help: 'of the run only that an agent claimed, as X-Agent-Run-Id' },
      since: { type: 'string', value: 'WHEN', help: 'from then on: 1h, 7d, or a time' },
      until: { type: 'string', value: 'WHEN', help: 'up to then' },
      json: jsonLines,
    },
    verbs: {
      verify: {
        help: 'whether the audit trail is as it was written',
        options: {
          file: trailFile,
          anchor: {
            type: 'string',
            value: 'FILE',
            help: 'checkpoints to compare with, - for stdin',
            choices: ['files'],
          },
          approvals: { type: 'boolean', help: 'instead: whether those signed who are said to have approved' },
          policy: {
            type: 'string',
            value: 'FILE',
            help: 'with --approvals: an older policy.yaml, which has their keys',
            choices: ['files'],
          },
          json: jsonLines,
        },
      },
    },
  },
  trace: {
    usage: [
      ['flows trace --jti ID', 'which agent a token was given to, why, and by which rule; --agent-run ID, --json'],
    ],
    options: {
      jti: { type: 'string', value: 'ID', help: 'of a token: the claim `jti` that an API logged' },
      'agent-run': { type: 'string', value: 'ID', help: 'instead: all that an agent run was given and refused' },
      since: { type: 'string', value: 'WHEN', help: 'from then on: 1h, 7d, or a time' },
      file: trailFile,
      json: { type: 'boolean', help: 'answer as JSON, one line for each thing that was given or refused' },
    },
  },
  drill: drillFacts,
  dev: {
    usage: [['flows dev', 'run the laptop stack: vault, identity provider, Secrets Manager; --tour, --once']],
    options: {
      tour: { type: 'boolean', help: 'try the flows of the folder first' },
      once: { type: 'boolean', help: 'try them, and end: 4 where one does not hold' },
    },
  },
  rotate: {
    usage: [['flows rotate', 'how old the secrets are that registry.yaml says when to rotate; --due, --json']],
    options: { due: { type: 'boolean', help: 'only those that are older than they may be' }, json },
  },
  agents: {
    usage: [['flows agents', 'list the agents; add, rotate, revoke NAME: their tokens']],
    options: { json },
    verbs: {
      list: { help: 'list the agents', options: { json } },
      add: {
        help: 'a token for an agent',
        options: { expires: { ...expires, help: `${expires.help} (default)` } },
        words: [['agents']],
      },
      rotate: {
        help: 'a new token beside the newest old one',
        options: { expires: { ...expires, help: `${expires.help} (default: it lives as long as that one)` } },
        words: [['agents']],
      },
      revoke: {
        help: 'end a token',
        options: {
          all: { type: 'boolean', help: 'all of its tokens' },
          token: { type: 'string', value: 'SHA256', help: 'the first digits of the hash of the one that is meant' },
        },
        words: [['agents']],
      },
    },
  },
  runs: {
    usage: [
      ['flows runs', 'list runs at the broker, and schedules; --flow, --agent, --state, --since, --json'],
      ['flows runs show ID', 'what became of its steps'],
      ['flows runs cancel ID', 'end it before its next step'],
      ['flows runs resume ID', 'let one that did not succeed go on where it ended'],
    ],
    options: runListOptions,
    verbs: {
      list: { help: 'runs at the broker, the newest first, and schedules', options: runListOptions },
      show: { help: 'what became of the steps of a run', options: { json } },
      cancel: { help: 'end a run before its next step', options: { json } },
      resume: { help: 'let a run that did not succeed go on where it ended', options: { json } },
    },
  },
  'agent-runs': {
    usage: [
      ['flows agent-runs', 'list the tasks of agents; --agent, --state, --since, --json'],
      ['flows agent-runs show RUN', 'what one asked for; --tree: those below it too'],
      ['flows agent-runs end RUN', 'end it and all below it, at once'],
    ],
    options: agentRunOptions,
    verbs: {
      list: { help: 'tasks of agents, the newest first', options: agentRunOptions },
      show: {
        help: 'what a task asked for, and what became of it',
        options: { tree: { type: 'boolean', help: 'those below it too' }, json },
      },
      end: { help: 'end a task and all below it, at once', options: { json } },
    },
  },
  approvals: {
    usage: [['flows approvals', 'what waits for a person; --watch, --state, --json']],
    options: {
      watch: { type: 'boolean', help: 'as it comes, on the desktop too, until Ctrl-C' },
      state: {
        type: 'string',
        value: 'NAME',
        help: 'pending (the default), approved, denied, expired, cancelled, used, lapsed or revoked',
        choices: [approvalStates],
      },
      json: jsonLines,
    },
  },
  approve: {
    usage: [['flows approve ID', 'all that a yes is bound to, and the page on which a person says it']],
    options: { json },
  },
  deny: {
    usage: [['flows deny ID', 'say no, or take back a yes']],
    options: {},
  },
  approvers: {
    usage: [['flows approvers', 'list the people who approve; add, remove NAME: their passkeys']],
    options: { json },
    verbs: {
      list: { help: 'list the people who approve', options: { json } },
      add: { help: 'a link by which somebody enrols a passkey, once', options: {} },
      remove: {
        help: 'end the passkeys of somebody',
        options: {
          passkey: { type: 'string', value: 'ID', help: 'only that one, by the first characters of its id' },
        },
      },
    },
  },
  page: {
    usage: [['flows page', 'a link, for once, to the page that the broker serves to people']],
    options: {},
  },
  policy: policyFacts,
  serve: {
    usage: [['flows serve', 'answer agents: tokens and secrets by name; --host, --port, --socket, --log-level']],
    options: serveOptions,
  },
  mcp: {
    usage: [['flows mcp', 'answer a model by MCP, on stdin and stdout, without values; --agent, --print-config']],
    options: mcpOptions,
    notes: mcpNotes,
  },
  migrate: migrateFacts,
  init: {
    usage: [['flows init [FOLDER]', 'write a starting folder, with one flow; --samples']],
    options: { samples: { type: 'boolean', help: 'with all the flows that the tour shows' } },
    words: [['folders']],
  },
  completion: {
    usage: [['flows completion SHELL', 'what bash, zsh, fish or powershell needs to complete words']],
    words: [[['bash', 'zsh', 'fish', 'powershell']]],
  },
  help: {
    usage: [['flows help [NAME]', 'show this, or the help of a command or flow']],
    words: [['commands', 'flows']],
  },
  version: { usage: [['flows version', 'show the version']] },
} as const satisfies Readonly<Record<CommandName, CommandFacts>>;

/** Whether a word is a command. */
export function isCommand(word: string): word is CommandName {
  return Object.hasOwn(commandTable, word);
}
