// The exports of `import … from 'vagus'`. Types, errors with their codes and hooks are documented at their declarations,
// and in docs/library.md.
export { createEngine, type EngineOptions } from './engine/create-engine.ts';
export { EngineError, type Engine } from './engine/engine.ts';
export type {
  AuthorizeAnswer,
  AuthorizeRequest,
  EngineHooks,
  MessageAnswer,
  MessageRequest,
} from './engine/application-hooks.ts';
export type { Published } from './actors/messages/home.ts';
export type { Revoked } from './engine/session-gateway.ts';
export { StoreError, type StoreErrorCode } from './store/store-error.ts';
export { ListenError } from './transport/http/listen.ts';
export { ConfigError, readConfig, type Config, type ConfigDefaults, type Retention } from './config/index.ts';
