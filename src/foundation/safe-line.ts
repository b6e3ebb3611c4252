/**
 * What ends a line, moves the cursor, colours, turns the direction of text, or cannot be seen; the joiners of letters and
 * emoji stay.
 */
const unsafe =
  /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\ufff9-\ufffb]|(?!\u200c|\u200d|[\ufe00-\ufe0f])\p{Default_Ignorable_Code_Point}/u;
const each = new RegExp(unsafe, 'gu');
const runs = new RegExp(`(?:${unsafe.source})+`, 'gu');

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
