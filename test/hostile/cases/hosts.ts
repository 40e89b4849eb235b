// Routes by host: the host that routes is the host that the origin is told, whatever else names one.
import type { HostileCase } from '../case.js'
import type { Layout } from '../lane.js'
import { arrival, hostile, TARGET } from '../write.js'

export const BY_HOST: Layout = {
  services: { app: { apis: ['/app'] }, other: { apis: ['/app'] } },
  hosts: { app: 'gate.test', other: 'other.test' },
}

const ask = (target: string, lines: string, version = '1.1'): string => `GET ${target} HTTP/${version}\r\n${lines}\r\n`
const toOther = arrival('GET', '', { service: 'other', host: 'other.test' })
const absolute = `http://other.test${TARGET}`

export const hostRoutes: readonly HostileCase[] = [
  hostile('the other host', 'forwarded', ask(TARGET, 'Host: other.test\r\n'), [toOther]),
  hostile('the other host in capitals', 'forwarded', ask(TARGET, 'Host: OTHER.TEST\r\n'), [
    { ...toOther, host: ['other.test', 'OTHER.TEST'] },
  ]),
  hostile('the other host with a port', 'forwarded', ask(TARGET, 'Host: other.test:80\r\n'), [
    { ...toOther, host: ['other.test:80', 'other.test'] },
  ]),
  hostile('an absolute target for the other host', 'forwarded', ask(absolute, 'Host: other.test\r\n'), [toOther]),
  hostile('an absolute target against Host', 'either', ask(absolute, 'Host: gate.test\r\n'), [toOther]),
  hostile('an absolute target against Host in HTTP/1.0', 'either', ask(absolute, 'Host: gate.test\r\n', '1.0'), [
    toOther,
  ]),
  hostile('an absolute target in HTTP/1.0 alone', 'forwarded', ask(absolute, '', '1.0'), [toOther]),
  hostile(
    'an absolute target with userinfo',
    'refused',
    ask(`http://gate.test@other.test${TARGET}`, 'Host: gate.test\r\n'),
  ),
  hostile('two Hosts', 'refused', ask(TARGET, 'Host: gate.test\r\nHost: other.test\r\n')),
  hostile('two Hosts, one with a space', 'refused', ask(TARGET, 'Host: gate.test\r\nHost : other.test\r\n')),
  hostile('a Host list', 'refused', ask(TARGET, 'Host: gate.test, other.test\r\n')),
  hostile(
    'X-Forwarded-Host of a client',
    'forwarded',
    ask(TARGET, 'Host: gate.test\r\nX-Forwarded-Host: other.test\r\n'),
    [arrival('GET')],
  ),
  ...[
    'X-Forwarded-Host',
    'X_Forwarded_Host',
    'X-Forwarded_Host',
    'Forwarded',
    'X-Host',
    'X-Original-Host',
    'Authority',
    ':authority',
  ].map((name) =>
    hostile(
      `${name} against Host`,
      name.startsWith(':') ? 'refused' : 'forwarded',
      ask(TARGET, `Host: gate.test\r\n${name}: ${name === 'Forwarded' ? 'host=other.test' : 'other.test'}\r\n`),
      name.startsWith(':')
        ? []
        : [arrival('GET', '', { lacks: /^(forwarded|x.forwarded)/i.test(name) ? ['forwarded'] : [] })],
    ),
  ),
  ...['unknown.test', 'sub.other.test', 'other.test.gate', 'xother.test', 'othertest', '[::1]', '127.0.0.1'].map(
    (name) =>
      hostile(`${name} is not routed`, 'answered', ask(TARGET, `Host: ${name}\r\n`), [], { status: [404, 421] }),
  ),
  hostile(
    'the other host with a dot behind it',
    'forwarded or answered',
    ask(TARGET, 'Host: other.test.\r\n'),
    [{ ...toOther, host: ['other.test.', 'other.test'] }],
    { status: [400, 404, 421] },
  ),
]
