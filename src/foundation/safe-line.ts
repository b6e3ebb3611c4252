/** What ends a line, moves the cursor, colours, turns the direction of text, or cannot be seen. */
const unsafe = /[\p{Cc}\p{Zl}\p{Zp}\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;
const each = new RegExp(unsafe, 'gu');
const runs = new RegExp(`${unsafe.source}+`, 'gu');

/** Whether text can be written into a line of a log as it is. */
export function isSafeLine(text: string): boolean {
  return !unsafe.test(text);
}

/** Text of a file, character by character: columns stay, tabs too. */
export function safeColumns(text: string): string {
  return withoutCommands(text.replace(each, (found) => (found === '\t' ? found : '·')));
}

/** Text from outside on one line, without what could speak to a terminal or to a runner of workflows. */
export function safeLine(text: string): string {
  return withoutCommands(text.replace(runs, ' ').trim());
}

/** GitHub's runner obeys `::name` where a line begins with it, and the older `##[name]` anywhere. */
function withoutCommands(text: string): string {
  return text.replaceAll('##[', '#·[').replace(/^(\s*:)(?=:)./, '$1·');
}
