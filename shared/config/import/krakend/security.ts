// Who may ask: `security/cors`, `security/bot-detector` and `security/http` as pipes.
import type { Path } from '../../document.js'
import type { Sketch } from '../sketch.js'
import { addPipe, some } from './pipe.js'
import type { Source } from './source.js'

/** What KrakenD lets pass without a list. */
const HEADERS = ['Origin', 'Accept', 'Content-Type', 'X-Requested-With']

export function readCors(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given) return
  const set = addPipe(sketch, list, 'cors', given)
  const origins = some(given.texts('allow_origins')) ?? ['*']
  set('origins', origins, 'allow_origins')
  const methods = some(given.texts('allow_methods'))?.map((method) => method.toUpperCase())
  set('methods', methods ?? ['GET', 'HEAD', 'POST'], 'allow_methods')
  set('headers', some(given.texts('allow_headers')) ?? HEADERS, 'allow_headers')
  set('expose', some(given.texts('expose_headers')), 'expose_headers')
  if (given.flag('allow_credentials')) {
    if (!origins.includes('*')) set('credentials', true, 'allow_credentials')
    else given.note('allow_credentials', 'credentials do not go with every origin', 'name the origins')
  }
  set('max_age', given.duration('max_age'), 'max_age')
  given.flag('debug')
  given.noteUnread(() => ({
    message: 'this option of CORS has no counterpart here',
    hint: 'see the options of the pipe `cors`',
  }))
}

export function readBots(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given) return
  const set = addPipe(sketch, list, 'bot', given)
  set('allow', some(given.texts('allow')), 'allow')
  set('deny', some(given.texts('deny')), 'deny')
  set('patterns', some(given.texts('patterns')), 'patterns')
  set('empty', given.flag('empty_user_agent_is_bot') ? 'deny' : undefined, 'empty_user_agent_is_bot')
  set('refusal', 'empty')
  // How many verdicts are remembered.
  given.raw('cache_size')
  given.noteUnread(() => ({
    message: 'this option has no counterpart here',
    hint: 'see the options of the pipe `bot`',
  }))
}

/** Fields of answers for browsers. */
export function readSecurityFields(extra: Source, key: string, list: Path, sketch: Sketch): void {
  const given = extra.object(key)
  if (!given) return
  const fields: Record<string, string> = {}
  const frames = given.flag('frame_deny')
  const frame = given.text('custom_frame_options_value') || (frames ? 'DENY' : '')
  if (frame) fields['X-Frame-Options'] = frame
  if (given.flag('content_type_nosniff')) fields['X-Content-Type-Options'] = 'nosniff'
  if (given.flag('browser_xss_filter')) fields['X-XSS-Protection'] = '1; mode=block'
  const policy = given.text('content_security_policy')
  if (policy) fields['Content-Security-Policy'] = policy
  const referrer = given.text('referrer_policy')
  if (referrer) fields['Referrer-Policy'] = referrer
  const seconds = given.number('sts_seconds')
  const below = given.flag('sts_include_subdomains')
  given.flag('force_sts_header')
  if (seconds) fields['Strict-Transport-Security'] = `max-age=${seconds}${below ? '; includeSubdomains' : ''}`
  if (Object.keys(fields).length > 0) addPipe(sketch, list, 'headers', given)('response', { set: fields })
  given.flag('is_development')
  if (some(given.texts('allowed_hosts'))) {
    const message = '"allowed_hosts" has no counterpart here: requests for other hosts pass without it'
    given.note('allowed_hosts', message, 'match.host of the routes')
  }
  given.noteUnread((option) => ({
    message: `"${option}" has no counterpart here`,
    hint: option.startsWith('ssl') ? 'processor.tls, and the pipe `redirect`' : 'match.host of the routes',
  }))
}
