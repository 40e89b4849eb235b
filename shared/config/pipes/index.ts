// The built-in pipes that a config can name; one line each, by name.
import type { BuiltIn } from './builtin.js'
import { cache } from './cache.js'
import { concurrency } from './concurrency.js'
import { jwtSign } from './jwt-sign.js'
import { krakend } from './krakend.js'
import { rateLimit } from './rate-limit.js'
import { authBasic } from './auth-basic.js'
import { authForward } from './auth-forward.js'
import { authJwt } from './auth-jwt.js'
import { authKey } from './auth-key.js'
import { bot } from './bot.js'
import { cors } from './cors.js'
import { filter } from './filter.js'
import { ip } from './ip.js'
import { headers } from './headers.js'
import { rewrite } from './rewrite.js'
import { redirect } from './redirect.js'
import { canary } from './canary.js'
import { ab } from './ab.js'
import { mirror } from './mirror.js'
import { validate } from './validate.js'
import { bodyLimit } from './body-limit.js'
import { compress } from './compress.js'
import { fault } from './fault.js'
import { log } from './log.js'
import { record } from './record.js'
import { expression } from './expression.js'
import { notFound } from './not-found.js'
import { error } from './error.js'

export const BUILT_INS: readonly BuiltIn[] = [
  cache,
  concurrency,
  jwtSign,
  krakend,
  rateLimit,
  authBasic,
  authForward,
  authJwt,
  authKey,
  bot,
  cors,
  filter,
  ip,
  headers,
  rewrite,
  redirect,
  canary,
  ab,
  mirror,
  validate,
  bodyLimit,
  compress,
  fault,
  log,
  record,
  expression,
  notFound,
  error,
]
