// All faults by name.
import * as conduct from './conduct.js'
import { allDown, crash, twoDown } from './crash.js'
import type { Fault } from './fault.js'
import { flapping } from './flapping.js'
import { hang } from './hang.js'
import { rolling } from './rolling.js'

export const FAULTS: Readonly<Record<string, Fault>> = {
  crash,
  hang,
  reset: conduct.reset,
  close: conduct.close,
  truncated: conduct.truncated,
  drip: conduct.drip,
  'answers-500': conduct.answers500,
  'answers-503': conduct.answers503,
  flapping,
  rolling,
  'two-down': twoDown,
  'all-down': allDown,
  'polls-failing': conduct.pollsFailing,
  'traffic-failing': conduct.trafficFailing,
  latency: conduct.latency,
}
