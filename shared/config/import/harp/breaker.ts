// What makes HARP leave an address alone, and for how long, becomes the ejection of an instance by what traffic sees.
import type { Path } from '../../document.js'
import { quoted } from '../../problem.js'
import type { Section } from '../section.js'
import type { Sketch } from '../sketch.js'

const CHECK_AFTER_SECONDS = 10
const EVENTS = ['network_error', 'unhandled_exception', 'http_4xx', 'http_5xx']
/** So many failed polls in a row that it is as good as never. */
const NEVER = 1000

/** How failures count for one address, or for all of them. */
interface Liveness {
  readonly fall: number
  readonly rise: number
  readonly ignored: boolean
  readonly from: Path
}

export function readBreaker(
  remote: Section,
  members: readonly (Section | undefined)[],
  service: Path,
  sketch: Sketch,
): void {
  const liveness = readLiveness(remote, service, sketch)
  const events = remote.list('break_on')
  for (const { value, path } of events)
    if (!EVENTS.includes(String(value))) sketch.fault(path, `must be one of ${EVENTS.join(', ')}`)
  const broken = (event: string) => events.some(({ value }) => value === event)
  const outlier = [...service, 'outlier']
  if (liveness?.ignored === true || (remote.has('break_on') && events.length === 0)) {
    sketch.put(outlier, false, liveness?.from ?? remote.at('break_on'))
    remote.value('check_after')
  } else {
    sketch.put([...outlier, 'failures'], liveness?.fall ?? 1, liveness?.from ?? remote.path)
    const statuses = ['4xx', '5xx'].filter((range) => broken(`http_${range}`))
    sketch.put([...outlier, 'answers'], statuses.length > 0 ? (liveness?.fall ?? 1) : 0, remote.at('break_on'))
    if (statuses.length > 0) sketch.put([...outlier, 'statuses'], statuses, remote.at('break_on'))
    const after = remote.value('check_after') ?? CHECK_AFTER_SECONDS
    sketch.put([...outlier, 'base'], after, remote.at('check_after'))
    sketch.put([...outlier, 'max'], after, remote.at('check_after'))
    sketch.put([...outlier, 'most'], 1, remote.path)
    if (remote.has('break_on') && !broken('network_error') && !broken('unhandled_exception'))
      sketch.note(
        remote.at('break_on'),
        'an instance that refuses connections is left alone in any case',
        'write outlier: false to have none of it',
        { at: service },
      )
  }
  if (liveness) putPolls([...service, 'polling'], liveness, sketch)
  members.forEach((member, i) => {
    const own = member && readLiveness(member, service, sketch)
    if (!own) return
    const polling = [...service, 'servers', i, 'polling']
    sketch.put(polling, {}, own.from)
    putPolls(polling, own, sketch)
    if (own.ignored) sketch.comment(polling, 'its checks count for nothing')
    if (sketch.at(outlier) === false || (!own.ignored && own.fall === (liveness?.fall ?? 1))) return
    sketch.note(
      own.from,
      'this holds for checks; failed requests count for this address as they do for all of them',
      'see outlier, or make the address a service of its own',
      { at: polling },
    )
  })
}

function putPolls(polling: Path, { fall, rise, ignored, from }: Liveness, sketch: Sketch): void {
  sketch.put([...polling, 'fall'], ignored ? NEVER : fall, from)
  sketch.put([...polling, 'rise'], rise, from)
}

/** Undefined where nothing is said, or only that it is inherited. */
function readLiveness(section: Section, service: Path, sketch: Sketch): Liveness | undefined {
  const given = section.value('liveness')
  const block = typeof given === 'string' ? undefined : section.section('liveness')
  const type = typeof given === 'string' ? given : (block?.text('type') ?? 'inherit')
  const from = section.at('liveness')
  // Before there was "liveness" the thresholds stood beside the address.
  const at = block ?? section
  const rise = at.number('success_threshold')
  const fall = at.number('failure_threshold')
  const liveness = { rise: rise ?? 1, fall: fall ?? 1, ignored: false, from: block?.path ?? from }
  if (type === 'ignore') return ended(block, { ...liveness, ignored: true })
  if (type === 'naive') return ended(block, liveness)
  if (type === 'leaky') return readLeaky(block, from, service, sketch)
  if (type !== 'inherit') sketch.fault(from, `${quoted(type)} is no liveness`, 'naive, leaky, ignore or inherit')
  block?.rest()
  if (fall === undefined && rise === undefined) return undefined
  return { ...liveness, from: at.at(fall === undefined ? 'success_threshold' : 'failure_threshold') }
}

function ended(block: Section | undefined, liveness: Liveness): Liveness {
  block?.rest()
  return liveness
}

function readLeaky(block: Section | undefined, from: Path, service: Path, sketch: Sketch): Liveness {
  const threshold = Math.max(1, Math.round(block?.number('threshold') ?? 10))
  sketch.note(
    from,
    'failures are counted in a row, not in a bucket that leaks',
    `${threshold} in a row count here; see outlier and polling.fall`,
    { at: service },
  )
  for (const key of ['rate', 'capacity']) block?.value(key)
  return ended(block, { fall: Math.min(threshold, NEVER), rise: 1, ignored: false, from })
}
