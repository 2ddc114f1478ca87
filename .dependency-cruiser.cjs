// The layers of the house (ARCHITECTURE.md has the picture). A canary in test/tidy.test.ts proves that they are checked.

const layer = (name) => `^src/${name}/`;

/** What a layer may import of ours, and nothing else. */
const MAY_IMPORT = {
  protocol: [],
  // Plain arithmetic, time handed in: for whoever counts, in the core, at its edge, and in simulations.
  limits: [],
  actors: ['protocol', 'limits', 'runtime/ports'],
  runtime: ['protocol'],
  transport: ['protocol', 'limits', 'runtime/ports'],
  store: ['protocol', 'runtime/ports'],
  // Labels are codes of the wire.
  telemetry: ['protocol', 'runtime/ports'],
  // The codes that an application may refuse with are of the wire.
  host: ['protocol', 'runtime/ports'],
  // Only the engine and the command line read settings; they hand down what the others need.
  config: ['protocol'],
  // It puts the middle of a node together, and finds the other nodes.
  cluster: ['protocol', 'actors', 'runtime'],
  // A simulation swaps the edge, never the middle; the store as plain data is what its database means.
  sim: ['protocol', 'limits', 'actors', 'runtime', 'cluster', 'store/memory'],
  // The engine puts a node together from the middle and a real edge. It knows neither the command line nor simulations.
  engine: [
    'protocol',
    'limits',
    'actors',
    'runtime',
    'cluster',
    'transport',
    'store',
    'telemetry',
    'host',
    'config',
  ],
  // The command line starts engines and simulations.
  cli: ['protocol', 'config', 'engine', 'sim', 'store', 'telemetry', 'transport'],
  // It runs in a browser, and knows the server as everyone does: by the client.
  page: [],
};

/** Inside two layers, the folders from the bottom up: a folder imports none that stands after it. */
const FLOORS = {
  // `messages` and `kit` know each other: a message holds what the kit describes, and the kit builds frames of messages.
  actors: [['messages', 'kit'], ['hooks'], ['node'], ['log', 'relay', 'home', 'connection']],
  sim: [['kit'], ['checkers'], ['ports'], ['clients'], ['world']],
};

/** Kinds of actors that know each other by their messages only. */
const KINDS = ['connection', 'home', 'log', 'relay'];

const floorRules = Object.entries(FLOORS).flatMap(([house, floors]) =>
  floors.slice(0, -1).flatMap((rooms, floor) =>
    rooms.map((room) => ({
      name: `${house}-${room}-imports-nothing-above-it`,
      severity: 'error',
      from: { path: layer(`${house}/${room}`) },
      to: {
        path: floors.slice(floor + 1).flatMap((above) => above.map((other) => layer(`${house}/${other}`))),
      },
    })),
  ),
);

/** Each driver is named in one folder. */
const DRIVERS = {
  ws: 'transport/ws',
  hono: 'transport/http',
  '@hono/node-server': 'transport/http',
  '@hono/zod-openapi': 'transport/http',
  'proxy-addr': 'transport/http',
  'rate-limiter-flexible': 'transport/http',
  jose: 'transport/auth',
  pg: 'store/postgres',
  'drizzle-orm': 'store/postgres',
  '@electric-sql/pglite': 'store/postgres',
  '@electric-sql/pglite-prepopulatedfs': 'store/postgres',
  'fs-native-extensions': 'store/postgres',
  pino: 'telemetry',
  'prom-client': 'telemetry',
  xstate: 'actors',
};

module.exports = {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: { path: '^(src|client)' }, to: { circular: true } },
    {
      name: 'no-orphans',
      severity: 'error',
      from: { orphan: true, path: '^(src|client)', pathNot: '\\.d\\.ts$' },
      to: {},
    },
    ...Object.entries(MAY_IMPORT).map(([from, may]) => ({
      name: `${from}-imports-only-what-it-may`,
      severity: 'error',
      from: { path: layer(from) },
      to: { path: '^src/', pathNot: [from, ...may].map(layer) },
    })),
    ...floorRules,
    ...KINDS.map((kind) => ({
      name: `actors-${kind}-knows-others-by-their-messages`,
      severity: 'error',
      from: { path: layer(`actors/${kind}`) },
      to: { path: KINDS.filter((other) => other !== kind).map((other) => layer(`actors/${other}`)) },
    })),
    {
      name: 'ports-are-types-only',
      comment: 'Whoever is outside the runtime knows it by its types; values would pull it in.',
      severity: 'error',
      from: { path: '^src/(actors|transport|store|telemetry|host)/' },
      to: { path: '^src/runtime/ports/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'protocol-runs-in-a-browser',
      severity: 'error',
      from: { path: '^src/protocol/' },
      to: { dependencyTypes: ['core', 'npm'], pathNot: 'node_modules/zod/' },
    },
    {
      name: 'simulations-know-no-platform',
      severity: 'error',
      from: { path: '^src/sim/' },
      to: { dependencyTypes: ['core', 'npm'] },
    },
    {
      name: 'the-core-knows-no-platform',
      severity: 'error',
      from: { path: '^src/(actors|limits|cluster|runtime)/' },
      to: { dependencyTypes: ['core'] },
    },
    {
      name: 'the-client-stands-alone',
      comment: 'It is published without the server, and runs where there is no Node.js.',
      severity: 'error',
      from: { path: '^client/src/' },
      to: { pathNot: '^(client/src/|src/protocol/)' },
    },
    {
      name: 'the-client-knows-the-protocol-by-its-types',
      severity: 'error',
      from: { path: '^client/src/' },
      to: { path: '^src/protocol/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'the-server-does-not-know-its-client',
      comment: 'But for simulations, whose clients it is, and pages.',
      severity: 'error',
      from: { path: '^src/', pathNot: ['sim', 'page'].map(layer) },
      to: { path: '^client/' },
    },
    {
      name: 'pages-import-nothing-but-the-client',
      comment: 'What a browser cannot have is no error before it runs there.',
      severity: 'error',
      from: { path: layer('page') },
      to: { pathNot: ['^src/page/', '^client/src/(index|connection/lifecycle-table)\\.ts$'] },
    },
    {
      name: 'nothing-imports-a-page',
      severity: 'error',
      from: { pathNot: layer('page') },
      to: { path: layer('page') },
    },
    ...Object.entries(DRIVERS).map(([driver, folder]) => ({
      name: `${driver}-is-named-in-${folder}`,
      severity: 'error',
      from: { path: '^src/', pathNot: layer(folder) },
      to: { path: `node_modules/${driver}/`, pathNot: driver === 'drizzle-orm' ? '\\.never$' : undefined },
    })),
  ].map((rule) => JSON.parse(JSON.stringify(rule))),
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: {
      extensions: ['.ts', '.js', '.json'],
      conditionNames: ['import', 'types', 'default'],
    },
  },
};
