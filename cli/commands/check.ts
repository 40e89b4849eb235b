// `serverpy check -c FILE`: says whether a config file is right, and if not, everything that is wrong with it.
import { Command } from 'commander'
import type { Config } from '../../shared/config/model.js'
import { formatProblems } from '../../shared/config/problem.js'
import { loadWithPipes } from '../pipe-check.js'
import { withConfigFile } from '../usage.js'

interface CheckDeps {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (line: string) => void
  readonly err: (line: string) => void
  readonly exitWith: (code: number) => void
}

const thisProcess: CheckDeps = {
  env: process.env,
  out: (line) => process.stdout.write(`${line}\n`),
  err: (line) => process.stderr.write(`${line}\n`),
  exitWith: (code) => {
    process.exitCode = code
  },
}

/** Problems and warnings go to stderr, one a line; the exit code is 2 if there is a problem. */
export function checkCommand({ env, out, err, exitWith } = thisProcess): Command {
  const command = new Command('check').description('check a config file and list everything that is wrong with it')
  return withConfigFile(command).action(async ({ config: file }: { config: string }) => {
    const parsed = await loadWithPipes(file, env)
    if (!parsed.ok) {
      for (const line of formatProblems(parsed.problems)) err(line)
      exitWith(2)
      return
    }
    const warnings = parsed.warnings.map((one) => ({ ...one, message: `warning: ${one.message}` }))
    for (const line of formatProblems(warnings)) err(line)
    out(`Syntax OK! ${file}: ${summary(parsed.config)}`)
  })
}

function summary({ services, routes }: Config): string {
  const instances = services.reduce((sum, service) => sum + service.servers.length, 0)
  const counted = (n: number, noun: string) => `${n} ${noun}${n === 1 ? '' : 's'}`
  return `${counted(services.length, 'service')}, ${counted(instances, 'instance')}, ${counted(routes.length, 'route')}`
}
