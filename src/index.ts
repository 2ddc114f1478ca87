export { Engine, EngineError } from './engine.ts';
export { ConfigError, readConfig, type Config, type ConfigDefaults } from './config.ts';
