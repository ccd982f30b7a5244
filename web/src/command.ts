// The command that prints what a page shows.

type Value = string | null | undefined;

/** A word for a POSIX shell. */
export function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** `wardline VERB [TEXT] --option value … --json`; options without a value are left out. */
export function command(verb: string, options: Record<string, Value> = {}, text?: Value): string {
  const words = ['wardline', verb];
  if (text) words.push(quote(text));
  for (const [name, value] of Object.entries(options)) {
    // An empty value is a value: a zone that is not known.
    if (value !== null && value !== undefined) words.push(`--${name}`, value === '' ? "''" : quote(value));
  }
  return [...words, '--json'].join(' ');
}
