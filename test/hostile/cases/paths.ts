// Paths that one origin reads in one way and another in another: no reading may lead out of the route, nor into a narrower one.
import type { HostileCase } from '../case.js'
import { type Layout, servicesOf } from '../lane.js'
import { pathReadings } from '../reading/path.js'
import { arrival, get, hostile, TARGET } from '../write.js'

/** Nothing is routed but these; `/secret` is not. */
export const ALLOW_LIST: Layout = { services: { app: { apis: ['/app'] }, admin: { apis: ['/app/admin', '/admin'] } } }
/** Everything is routed somewhere. */
export const CATCH_ALL: Layout = { services: { rest: { apis: ['/'] }, ...ALLOW_LIST.services } }

/** One path between two spaces. */
const paths = (text: string): string[] => text.trim().split(/\s+/)

const UPS = paths(String.raw`
  .. %2e%2e %2E%2e .%2e %2e. ..; ..;x=1 %2e%2e; ;/.. ..%3b %2e%2e%3bx %252e%252e %25%32%65%25%32%65 .%252e
  %c0%ae%c0%ae %e0%80%ae%e0%80%ae %f0%80%80%ae. %u002e%u002e ..%00 %00.. .%00. %ef%bc%8e%ef%bc%8e
`)
const SLASHES = paths(String.raw`
  / // /./ %2f %2F \ %5c %5C %252f %255c %c0%af %c1%9c /%2e/ \/ ;/
`)
const GOALS = ['secret', 'admin']

const walks = SLASHES.flatMap((slash) => UPS.flatMap((up) => GOALS.map((goal) => `/app${slash}${up}${slash}${goal}/x`)))

// Decoded or split by some and not by others, so that the same dots climb further for some.
const MIDDLE = [
  ...paths(String.raw`
  /app/a%2fb/../../secret /app/a%2Fb%2Fc/../../../secret /app/a\b/../../secret /app/a%5cb/../../secret
  /app/a%252fb/../../secret /app//../secret /app/a//../../secret /app/a/%2f../../secret /app/./../secret
  /app/%2e/../secret /app/a/.%2f../../secret /app/;/../../secret /app/a;/../../secret /app/a;b/../../secret
  /app/a;b%2fc/../../secret /app/a;/b/../../../secret /app/;a=b/../secret /app/a%2fb%2f..%2f../../secret
  /app/..%2fapp/../secret /app/%2e%2e/app/x/../../secret /app/x/..%2f..%2fsecret /app/x%2f..%2f..%2fsecret
  /app/a%2f%2fb/../../../secret /app/a\\b/../../../secret /app/a/b\..\..\..\secret /app/%5c../secret
  /app/%2f../secret /app/a%00/../../secret /app/.. /app/../ /app/..; /app/%2e%2e /app/..%2f /app/..\ /app/../..
  /app/../../../../etc/passwd /app/.;/../secret /app/x/.;/..;/..;/secret /app/..%20/secret /app/..%09/secret
  /app/%ef%bc%8e./secret /app/..%ef%bc%8fsecret /app/%e2%80%a5/secret /app/%e2%80%a4%e2%80%a4/secret /app/%c0%2e%c0%2e/secret /app/%fe%fe/secret
`),
  `/app${'/..'.repeat(500)}/secret`,
]

// Other spellings of a narrower route.
const NARROWER = paths(String.raw`
  /app//admin /app/./admin /app/x/../admin /app/%61dmin /app/adm%69n /app/%61%64%6d%69%6e /app/admin%2fx
  /app/admin;x /app/admin;x/y /app/admin; /app;/admin /app;x=/admin /app;x/admin /app\admin /app/\admin
  /app%2fadmin /app%5cadmin /app/%2fadmin /app/%5cadmin /app/%2561dmin /app/%25%36%31dmin /app/%c1%a1dmin
  /app/%u0061dmin /app/admin%00 /app/admin%00x /app/%2e/admin /app/x/%2e%2e/admin /app/x%2f..%2fadmin
  /app/x\..\admin /app/x;/../admin /app/;/admin /app/x/..;/admin /app///admin /app/./././admin /app/%2e//admin
  //admin /./admin /%61dmin /admin/../app/x /app/../admin /admin%2f..%2fapp /admin/..%2fapp/x /admin/..;/app/x
  /app/admin/../x /app/admin/..%2fx
`)

const ELSEWHERE = [
  ...paths(String.raw`
  /secret / // /// /appx /app%00 /ap /App /%2e%2e/app /../app/x /./app/x //app/x ///app /x/../app /%61pp/x /;/app
  /;x/app/x //gate.test/app/x //127.0.0.1/app \app /\app /%5capp /%2fapp /%2f%2fapp /.. /../.. /. /% /%zz /%2
  /app/% /app/%zz /app/%2 /app/%u /app/%+1 /app/%-1 /app/%00 /app/%0d%0aX:%20y /app/%0a /app/%09 /app/%7f /app/%1f
  /app/%80 /app/%ff /app/%c0%80 /app/%ed%a0%80 /app/"x" /app/<x> /app/{x} /app/x|y /app/x^y
`),
  '/app/`x`',
]

// What every origin reads as a path of the same route.
const PLAIN = paths(String.raw`
  ${TARGET} ${TARGET}/ /app /app/ /app?x /app/? /app/a%20b /app/%41 /app/%7Ex /app/%C3%A4 /app/%E2%82%AC /app/a+b
  /app/a,b /app/a=b /app/a:b /app/!$&'()*+,= /app/a@b /app/~x /app/.x /app/..x /app/x.. /app/... /app/.../x
  /app/x.y /app/- /app/_ /app/a* /app/%25 /app/100%25 /app/a%26b /app?a=/../b /app?a=%2e%2e%2f /app?a=\..
  /app?a=;b /app?//x /app?a?b /app?a=%00 /app?a=b&a=c /app/x?%2f..%2f /app? /app?a=[1] /app?a='b' /app?a=:@/?
`)

// More than one reading, all of the same route: identifiers with an escaped slash, matrix parameters, dots that stay below.
const WITHIN = paths(String.raw`
  /app/a%2Fb /app/a%2fb%2fc /app/a;b=c /app/a;b=c/d;e=f /app/a;b /app/x//y /app/x/./y /app/x/ /app/a%3Bb
  /app/a%5Cb /app/a%3Fb /app/a%23b /app/%2525 /app/a%252Fb /app/x/../y /app/x/%2e/y /app/x/y/.. /app/x/. /app/x\y
  /app//x /app/// /app/./x /app/%2e/x /app/a%2f..%2fb /app/x;/y /app/a%20%2F%20b
`)

const leads = (target: string, service: string, layout: Layout): boolean =>
  pathReadings(target).every((path) => servicesOf(layout, path).includes(service))

/** Where no single service has all readings, nothing may arrive; where one has, it may. */
function pathCase(target: string, layout: Layout, before = ''): HostileCase {
  const services = Object.keys(layout.services)
  const service = services.find((name) => leads(target, name, layout))
  const arrives = [arrival('GET', '', { target, service: service ?? '' })]
  const expect = service === undefined ? 'answered' : 'forwarded or answered'
  const more = expect === 'answered' ? { status: [200, 400, 404, 414] } : { status: [400, 404] }
  return hostile(
    `${target.length > 100 ? `${target.slice(0, 40)}…` : target}`,
    expect,
    get('', before + target),
    expect === 'answered' ? [] : arrives,
    more,
  )
}

const each = (targets: readonly string[], layout: Layout): HostileCase[] =>
  [...new Set(targets)].map((target) => pathCase(target, layout))

export const pathWalks: readonly HostileCase[] = each([...walks, ...MIDDLE], ALLOW_LIST)
export const absoluteWalks: readonly HostileCase[] = [...MIDDLE, ...NARROWER, ...WITHIN].map((target) =>
  pathCase(target, ALLOW_LIST, 'http://gate.test'),
)
export const pathSpellings: readonly HostileCase[] = each([...NARROWER, ...ELSEWHERE, ...WITHIN], ALLOW_LIST)
export const pathsOfCatchAll: readonly HostileCase[] = each(
  [
    ...MIDDLE,
    ...NARROWER,
    ...ELSEWHERE,
    '//x/app/admin',
    '//gate.test/app/admin',
    '/x/../app/admin',
    '/%61pp/admin',
    '/x/..%2fapp',
    '/x\\..\\app',
  ],
  CATCH_ALL,
)
export const plainPaths: readonly HostileCase[] = [
  ...PLAIN.map((target) => hostile(target, 'forwarded', get('', target), [arrival('GET', '', { target })])),
  hostile('the narrower route', 'forwarded', get('', '/app/admin/x'), [
    arrival('GET', '', { target: '/app/admin/x', service: 'admin' }),
  ]),
  hostile('the same in other letters', 'forwarded', get('', '/app/ADMIN'), [
    arrival('GET', '', { target: '/app/ADMIN' }),
  ]),
]
/** Harmless, and used by many APIs: these have to pass. */
export const pathsWithin: readonly HostileCase[] = WITHIN.slice(0, 8).map((target) =>
  hostile(`${target} passes`, 'forwarded', get('', target), [arrival('GET', '', { target })]),
)
