export { createEngine, type EngineOptions } from './create-engine.ts';
export { EngineError, type Engine } from './engine.ts';
export type {
  EngineHooks,
  JoinAnswer,
  JoinRequest,
  MessageAnswer,
  MessageRequest,
} from './host/application-hooks.ts';
export type { Published } from './actors/messages.ts';
export { ConfigError, readConfig, type Config, type ConfigDefaults, type Retention } from './config.ts';
