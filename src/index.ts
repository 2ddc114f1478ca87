// What `import … from 'vagus'` gives. Types, errors with their codes and hooks are described where they are declared, and in docs/library.md.
export { createEngine, type EngineOptions } from './create-engine.ts';
export { EngineError, type Engine } from './engine.ts';
export type {
  AuthorizeAnswer,
  AuthorizeRequest,
  EngineHooks,
  MessageAnswer,
  MessageRequest,
} from './host/application-hooks.ts';
export type { Published } from './actors/messages.ts';
export type { Revoked } from './session-commands.ts';
export { StoreError, type StoreErrorCode } from './store/store-error.ts';
export { ListenError } from './transport/http/listen.ts';
export { ConfigError, readConfig, type Config, type ConfigDefaults, type Retention } from './config.ts';
