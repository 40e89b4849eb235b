// Runs a small program to its end with bounded output: how the ping probes reach ICMP, which Node cannot speak.
import { spawn, type ChildProcess } from 'node:child_process'

export interface Program {
  readonly path: string
  readonly args: readonly string[]
  /** Written to its standard input. */
  readonly input: string
  /** What it writes beyond that is dropped. */
  readonly maxOutputChars: number
}

export interface Outcome {
  /** Null when it was killed or could not be started. */
  readonly exitCode: number | null
  /** Standard output and error, as they came. */
  readonly output: string
  /** Why it could not be started. */
  readonly error?: NodeJS.ErrnoException
}

/** Starts it, without a shell. `onEnd` is called once, later; `onLine` with each whole line. The result kills it. */
export function run(
  { path, args, input, maxOutputChars }: Program,
  onEnd: (outcome: Outcome) => void,
  onLine: (line: string) => void,
): () => void {
  let output = ''
  let ended = false

  function end(exitCode: number | null, error?: NodeJS.ErrnoException): void {
    if (ended) return
    ended = true
    onEnd({ exitCode: error ? null : exitCode, output, ...(error && { error }) })
  }

  /** Each stream has its own lines. */
  function reader(): (text: string) => void {
    let line = ''
    return (text) => {
      text = text.slice(0, maxOutputChars - output.length)
      output += text
      const lines = (line + text).split('\n')
      line = lines.pop() ?? ''
      lines.forEach(onLine)
    }
  }

  // The parsers know English only. Without file descriptors left there are no streams, whatever the types say.
  const child: Partial<ChildProcess> & Pick<ChildProcess, 'once' | 'kill'> = spawn(path, [...args], {
    env: { LC_ALL: 'C', LANG: 'C' },
    stdio: 'pipe',
  })
  child.stdout?.setEncoding('utf8').on('data', reader())
  child.stderr?.setEncoding('utf8').on('data', reader())
  child.once('error', (error) => end(null, error))
  child.once('close', (exitCode) => end(exitCode))
  child.stdin?.on('error', () => undefined)
  child.stdin?.end(input)
  return () => child.kill('SIGKILL')
}
