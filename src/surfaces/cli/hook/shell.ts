import { unescaped } from '../../../foundation/scrub.ts';

/** One command of a script, as a shell would split it. Nothing is expanded. */
export interface ShellCommand {
  readonly words: readonly string[];
  /** files that it reads by `<` */
  readonly inputs: readonly string[];
  /** variables that its words hold: `$NAME`, `${NAME}` */
  readonly variables: readonly string[];
  /** its here-documents and here-strings */
  readonly given?: string;
  /** the command whose output it reads */
  readonly piped?: ShellCommand;
}

/** characters of a script that are looked at */
const longest = 100_000;
/** substitutions within each other */
const deepest = 20;

/**
 * The commands of a script: of its lists, pipes, subshells and substitutions. What stands in quotes or in a here-document
 * is a word and no command. A guess where a shell would complain.
 * @example
 * commandsIn('cd app && cat .env | head -1').map(({ words }) => words); // [['cd', 'app'], ['cat', '.env'], ['head', '-1']]
 */
export function commandsIn(script: string): readonly ShellCommand[] {
  const text = script.slice(0, longest);
  const found: ShellCommand[] = [];
  let at = 0;

  const endOf = (char: string) => {
    const end = text.indexOf(char, at);
    return end === -1 ? text.length : end;
  };

  /** A list of commands up to what closes it. */
  function list(until: string, depth: number): void {
    let command: Writable = { words: [], inputs: [], variables: [] };
    let word: string | undefined;
    /** what the next word is, after a redirection */
    let role: 'word' | 'input' | 'dropped' | 'ends' | 'given' = 'word';
    /** here-documents that begin with the next line: their ends, and whose they are */
    const documents: { readonly end: string; readonly of: Writable }[] = [];

    const put = (more: string) => void (word = (word ?? '') + more);
    const endWord = () => {
      if (word === undefined) return;
      if (role === 'word') command.words.push(word);
      else if (role === 'input') command.inputs.push(word);
      else if (role === 'ends') documents.push({ end: word, of: command });
      else if (role === 'given') give(command, word);
      [word, role] = [undefined, 'word'];
    };
    const endCommand = (pipes = false) => {
      endWord();
      const whole = command;
      // a pipe goes on in the next line
      if (whole.words.length + whole.inputs.length === 0) return;
      found.push(whole);
      command = { words: [], inputs: [], variables: [], ...(pipes ? { piped: whole } : {}) };
    };
    const within = (closing: string) => {
      if (depth < deepest) list(closing, depth + 1);
    };
    /** After `$`, which is passed. */
    const dollar = () => {
      if (text[at] === '(') {
        at += 1;
        within(')');
        put('$()');
        return;
      }
      const [whole = '', braced, bare] = /^(?:\{(\w+)[^}]*\}?|(\w+))/.exec(text.slice(at, at + 200)) ?? [];
      at += whole.length;
      const name = braced ?? bare;
      if (name !== undefined) command.variables.push(name);
      put(`$${whole}`);
    };
    const quoted = () => {
      put('');
      while (at < text.length && text[at] !== '"') {
        const char = text.charAt(at);
        at += 1;
        if (char === '\\') put(text.charAt(at++));
        else if (char === '$') dollar();
        else if (char === '`') within('`');
        else put(char);
      }
      at += 1;
    };
    const skipDocuments = () => {
      for (const { end, of } of documents.splice(0)) {
        const begin = at;
        let line = '';
        while (at < text.length && line.trim() !== end) {
          line = text.slice(at, endOf('\n'));
          at += line.length + 1;
        }
        give(of, text.slice(begin, line.trim() === end ? at - line.length - 1 : at));
      }
    };
    /** After `<` or `>`, which is passed. */
    const redirection = (char: string) => {
      if (/^\d+$/.test(word ?? '')) word = undefined;
      endWord();
      const [sign = ''] = /^(?:<[<-]?|>|&|\||\()?/.exec(text.slice(at, at + 3)) ?? [];
      at += sign.length;
      if (sign === '(') within(')');
      else if (char === '>' || sign === '&') role = 'dropped';
      else if (sign === '<' || sign === '<-') role = 'ends';
      else if (sign === '<<') role = 'given';
      else if (sign === '') role = 'input';
    };

    while (at < text.length) {
      const char = text.charAt(at);
      at += 1;
      if (char === until) break;
      if (char === '\n') {
        endCommand();
        skipDocuments();
      } else if (char === ' ' || char === '\t') endWord();
      // both streams to a file
      else if (char === '&' && text[at] === '>') continue;
      else if (char === '|') {
        const [sign = ''] = /^[|&]?/.exec(text.slice(at, at + 1)) ?? [];
        at += sign.length;
        endCommand(sign !== '|');
      } else if (';&)'.includes(char)) endCommand();
      else if (char === '(' && word === undefined) within(')');
      else if (char === '#' && word === undefined) at = endOf('\n');
      else if (char === "'") {
        const end = endOf("'");
        put(text.slice(at, end));
        at = end + 1;
      } else if (char === '$' && text[at] === "'") {
        const [whole = '', inner = ''] = /^'((?:[^'\\]|\\.)*)'?/s.exec(text.slice(at)) ?? [];
        at += whole.length;
        put(unescaped(inner).replaceAll(/\\(.)/gs, '$1'));
      } else if (char === '"') quoted();
      // words of another language are these where it has none
      else if (char === '$' && text[at] === '"') continue;
      else if (char === '\\') {
        if (text[at] !== '\n') put(text.charAt(at));
        at += 1;
      } else if (char === '$') dollar();
      else if (char === '`') {
        within('`');
        put('');
      } else if (char === '<' || char === '>') redirection(char);
      else put(char);
    }
    endCommand();
  }

  list('', 0);
  return found;
}

interface Writable {
  readonly words: string[];
  readonly inputs: string[];
  readonly variables: string[];
  readonly piped?: ShellCommand;
  given?: string;
}

function give(command: Writable, text: string): void {
  command.given = (command.given ?? '') + text;
}
