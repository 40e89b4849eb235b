// Where the code of each built-in pipe is: loaded when a config uses it, so that one without pipes pays nothing.
import type { PipeDefinition } from '../pipe.js'

interface Module {
  // The options of each fit its own schema in shared/config/pipes; here they are only handed on.
  readonly default: Omit<PipeDefinition<never>, 'options'>
}

export const BUILT_INS: Readonly<Record<string, () => Promise<Module>>> = {
  cache: () => import('./cache.js'),
  concurrency: () => import('./concurrency.js'),
  'jwt-sign': () => import('./jwt-sign.js'),
  krakend: () => import('./krakend.js'),
  'rate-limit': () => import('./rate-limit.js'),
  'auth-basic': () => import('./auth-basic.js'),
  'auth-forward': () => import('./auth-forward.js'),
  'auth-jwt': () => import('./auth-jwt.js'),
  'auth-key': () => import('./auth-key.js'),
  bot: () => import('./bot.js'),
  cors: () => import('./cors.js'),
  filter: () => import('./filter.js'),
  ip: () => import('./ip.js'),
  headers: () => import('./headers.js'),
  rewrite: () => import('./rewrite.js'),
  redirect: () => import('./redirect.js'),
  canary: () => import('./canary.js'),
  ab: () => import('./ab.js'),
  mirror: () => import('./mirror.js'),
  validate: () => import('./validate.js'),
  'body-limit': () => import('./body-limit.js'),
  compress: () => import('./compress.js'),
  fault: () => import('./fault.js'),
  log: () => import('./log.js'),
  record: () => import('./record.js'),
  expression: () => import('./expression.js'),
  'not-found': () => import('./not-found.js'),
  error: () => import('./error.js'),
}
