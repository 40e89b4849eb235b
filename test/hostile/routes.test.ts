// Which origin a request reaches: no spelling of a path leads out of its route.
import {
  absoluteWalks,
  ALLOW_LIST,
  CATCH_ALL,
  pathsOfCatchAll,
  pathSpellings,
  pathsWithin,
  pathWalks,
  plainPaths,
} from './cases/paths.js'
import { BY_HOST, hostRoutes } from './cases/hosts.js'
import { hostileClass } from './hostile.js'

hostileClass('no path walks out of its route', pathWalks, { layout: ALLOW_LIST })
hostileClass('no path of an absolute target does', absoluteWalks, { layout: ALLOW_LIST })
hostileClass('no spelling of a path reaches another route', pathSpellings, { layout: ALLOW_LIST })
hostileClass('no spelling of a path hides behind a route for the rest', pathsOfCatchAll, { layout: CATCH_ALL })
hostileClass('the host that routes is the host that counts', hostRoutes, { layout: BY_HOST })
hostileClass('a path that all read alike is forwarded as it is', [...plainPaths, ...pathsWithin], {
  layout: ALLOW_LIST,
})
