export { Engine, EngineError } from './engine.ts';
export { ConfigError, readConfig, type Config, type ConfigDefaults, type Retention } from './config.ts';
