// Constructions that make a reader guess who does what. Each rule is about one sentence of a page or of a comment.

interface Riddle {
  readonly pattern: RegExp;
  readonly instead: string;
}

const RIDDLES: readonly Riddle[] = [
  {
    pattern: /\b(whoever|nobody|somebody|anybody|everybody|oneself)\b/i,
    instead: 'name the actor: the client, no other user, a member',
  },
  { pattern: /(^|; )who\b/i, instead: 'name the actor: a client that …' },
  {
    pattern: /(^|; )what (is|are|was|were|has|had|can|cannot|may|must|comes|goes|waits)\b/i,
    instead: 'name the thing: messages that …',
  },
  {
    pattern: /\b(is|are|was|were|be|been|being|unless|until) told\b(?! apart)/i,
    instead: 'say who tells: the client gets …',
  },
  {
    pattern: /\b(is|are|was|were|be|been|being|unless|until) given\b/i,
    instead: 'say who gives, or: set, passed',
  },
  { pattern: /\b(he|him|his|himself)\b/i, instead: 'the user, they' },
  { pattern: /\b(is|are|was|were|be) had\b/i, instead: 'available, read, received' },
  { pattern: /\bof (before|then)\b/i, instead: 'earlier, of that time' },
  {
    pattern: /^(Is|Are|Was|Has|Does|Comes|Goes)\b/,
    instead: 'begin with the subject',
  },
  { pattern: /^(Of|Whom|Whose|To whom)\b/, instead: 'begin with the subject' },
];

/** A comment may begin with what a function does: `Takes one token.` */
const PAGES_ONLY: readonly Riddle[] = [
  {
    pattern: /^(Gets|Takes|Makes|Gives|Says|Tells|Holds|Keeps|Knows)\b/,
    instead: 'begin with the subject',
  },
];

/**
 * The sentences of a page, without code blocks, headings, heads of tables and numbers of rules. Code within a sentence is a
 * name there; an item of a list and a cell of a table begin sentences of their own.
 */
export function sentencesOf(page: string): string[] {
  const prose = page
    .replaceAll(/^( *)(```|~~~).*?^\1\2/gms, '')
    .replaceAll(/^#.*$/gm, '')
    .replaceAll(/^\|.*\n(?=\|[ :|-]+$)/gm, '')
    .replaceAll(/^\|[ :|-]+$/gm, '')
    .replaceAll(/\*\*[A-Z]{2}\d+\*\* /g, '')
    .replaceAll(/`[^`]+`/g, 'Name')
    .replaceAll(/\]\([^)]*\)|[[*_]/g, '')
    .replaceAll(/^ *(-|\d+\.) /gm, '\n\n')
    .replaceAll(/\||^<.*$/gm, '\n\n');
  return prose
    .split(/\n\s*\n/)
    .flatMap((block) => block.replaceAll(/\s+/g, ' ').split(/(?<=[.?!]\)?) (?=[A-Z(])/))
    .map((sentence) => sentence.trim())
    .filter(Boolean);
}

/** The riddles of a page, each with what to write instead. A question may begin as it likes. */
export function riddlesOf(page: string): string[] {
  return found(page, [...RIDDLES, ...PAGES_ONLY]);
}

/** The riddles of the comments of a file, as {@link commentsOf} extracts them. */
export function riddlesOfComments(comments: string): string[] {
  return found(comments.replaceAll(/\{@link [^}]*\}/g, 'Name'), RIDDLES);
}

/** The riddles of a test's title. The numbers of the rules that it quotes stand before it. */
export function riddlesOfTitle(title: string): string[] {
  return found(title.replace(/^(\[[^\]]+\] )+/, ''), RIDDLES);
}

function found(text: string, riddles: readonly Riddle[]): string[] {
  return sentencesOf(text)
    .filter((sentence) => !sentence.endsWith('?'))
    .flatMap((sentence) =>
      riddles
        .filter(({ pattern }) => pattern.test(sentence))
        .map(({ instead }) => `${sentence} (${instead})`),
    );
}
