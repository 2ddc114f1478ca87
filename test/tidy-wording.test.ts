import { expect, test } from 'vitest';
import { commentsOf, files, read, titlesOf } from './support/source.ts';
import { riddlesOf, riddlesOfComments, riddlesOfTitle, sentencesOf } from './support/wording.ts';

test.each(files('*.md'))('%s names who does what', (page) => {
  const text = read(page);
  expect(sentencesOf(text).length).toBeGreaterThan(5);
  expect(riddlesOf(text)).toEqual([]);
});

// Folders whose comments are plain. The list only grows.
const PLAIN = [
  'src/protocol',
  'src/runtime',
  'src/store',
  'src/transport',
  'src/config',
  'src/cli',
  'src/host',
  'src/telemetry',
  'src/limits',
  'src/cluster',
  'src/engine',
  'src/sim',
  'src/actors/connection',
  'src/actors/home',
  'src/actors/hooks',
  'src/actors/kit',
  'src/actors/log',
  'src/actors/messages',
  'src/actors/node',
  'src/actors/relay',
  'src/page',
  'client/src',
  'test/store',
  'test/contract',
];

test.each(PLAIN)('comments of %s name who does what', (folder) => {
  const sources = files(`${folder}/*.ts`);
  const comments = sources.map((file) => ({ file, text: commentsOf(read(file)) }));
  expect(sentencesOf(comments.map(({ text }) => text).join('\n\n')).length).toBeGreaterThan(3);
  const found = comments.flatMap(({ file, text }) =>
    riddlesOfComments(text).map((what) => `${file}: ${what}`),
  );
  expect(found).toEqual([]);
});

// Folders whose tests have plain titles. The list only grows.
const PLAIN_TITLES = [
  'test/actors',
  'test/client',
  'test/config',
  'test/contract',
  'test/e2e',
  'test/library',
  'test/limits',
  'test/protocol',
  'test/runtime',
  'test/sim',
  'test/store',
  'test/telemetry',
  'test/transport',
  'test/wire',
];

test.each(PLAIN_TITLES)('the titles of the tests in %s name who does what', (folder) => {
  const titles = files(`${folder}/*.ts`).flatMap((file) =>
    titlesOf(read(file)).map((title) => ({ file, title })),
  );
  expect(titles.length).toBeGreaterThan(2);
  const found = titles.flatMap(({ file, title }) => riddlesOfTitle(title).map((what) => `${file}: ${what}`));
  expect(found).toEqual([]);
});

test('a riddle is found in a title, of a test and of a group', () => {
  const text = `describe.each(kinds)('who is %s', () => {\n  test('[DG1] nobody reads it', () => {});\n  test('it is read', run);\n});\n`;
  expect(titlesOf(text)).toEqual(['who is %s', '[DG1] nobody reads it', 'it is read']);
  expect(titlesOf(text).map((title) => riddlesOfTitle(title).length)).toEqual([1, 1, 0]);
  expect(riddlesOfTitle('[DG1] what is stored is sent')).toHaveLength(1);
});

test.each([
  '// Nobody reads it.',
  '/** For whoever asks. */',
  '/**\n * Keeps the head.\n *\n * - It comes once.\n * - Is sent once.\n */',
  'const one = 1; // Unless told otherwise.',
  '// The client\n// is told.\nconst one = 1;',
  '// Of a page that ends early, its end.',
])('a riddle is found in a comment: %s', (comment) => {
  const text = `/** Takes one token. */\nfunction take(): void {\n  ${comment}\n}\n`;
  expect(riddlesOfComments(commentsOf(text))).toHaveLength(1);
});

test('code and plain comments are no riddles', () => {
  const text = `/** Gives {@link Nobody} a name, as \`whoever\` is one. */\nconst nobody = 'is told';\n`;
  expect(sentencesOf(commentsOf(text))).toHaveLength(1);
  expect(riddlesOfComments(commentsOf(text))).toEqual([]);
});

test.each([
  'Who signs in again is let in.',
  'The relay sends it; who cannot take it reads the log.',
  'What is refused is answered with a code.',
  'It is stored; what was under way is settled later.',
  'Whoever comes from an old position starts at the head.',
  'Nobody sees it earlier.',
  'A ban keeps somebody out.',
  'The user gets his own messages.',
  'Anybody can join.',
  'The client is told `reset`.',
  'It is 1,000 unless given.',
  'The messages are given to the log.',
  'The keys are not to be had, as no key can be had.',
  'Tokens of before are refused.',
  'Is refused at the end.',
  '- Comes once, in order.',
  '- **FR1** Who signs in again is let in.',
  '| `seq` | Is the number. |',
])('a riddle is found: %s', (text) => {
  expect(riddlesOf(`A good sentence stands before.\n\n${text}\n`)).toHaveLength(1);
});

test('plain English is not a riddle', () => {
  const page = `# What is promised

Who can see a room? Members, and a user who joins. It shows what changed, and who changed it. What you send is stored.
Given a seed, the run is the same. The server tells the client; it gave the client \`what is told\`. They cannot be told apart. Had it failed, it
would retry. Has it a head? It is the channel's head. (Users who leave are counted.)

| who | is told |
| --- | ------- |
| a client that is new | the server says so before then |

\`\`\`
Who is told?  Nobody is.
\`\`\`
`;
  expect(riddlesOf(page)).toEqual([]);
  expect(sentencesOf(page)).toHaveLength(13);
});
