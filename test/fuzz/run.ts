// The long run: `npm run fuzz -- --minutes 10 [--seed N] [--property NAME]`. Exits with 1 where anything was found.
import { parseArgs } from 'node:util'
import { replay } from './replay.js'
import { ALL } from './properties/all.js'
import { type Outcome, runProperty } from './runner.js'
import { startWatchdog } from './watchdog.js'

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '1' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000_000) },
    property: { type: 'string' },
  },
})
const minutes = Number(values.minutes)
const seed = Number(values.seed)
const properties = ALL.filter(({ name }) => values.property === undefined || name === values.property)
if (!(minutes > 0) || !Number.isSafeInteger(seed) || properties.length === 0) {
  console.error(`usage: --minutes N --seed N --property ${ALL.map(({ name }) => name).join('|')}`)
  process.exit(2)
}

const watchdog = startWatchdog()
console.log(`seed ${seed}, ${minutes} minutes`)
const findings = await replay(properties, watchdog)
for (const property of properties) {
  const outcome = await runProperty(property, { seed, forMs: (minutes * 60_000) / properties.length, watchdog })
  console.log(`${outcome.finding === undefined ? 'ok    ' : 'FAILED'}  ${property.name.padEnd(15)} ${figures(outcome)}`)
  if (outcome.finding !== undefined) findings.push(`${property.name}: ${outcome.finding}`)
}
await watchdog.stop()
for (const finding of findings) console.error(`\n${finding}`)
process.exitCode = findings.length === 0 ? 0 : 1

function figures({ runs, ms, counts }: Outcome): string {
  const shares = Object.entries(counts).map(([verdict, count]) => `${verdict} ${count}`)
  return `${runs} runs, ${Math.round((runs / ms) * 1000)}/s, ${shares.join(', ')}`
}
