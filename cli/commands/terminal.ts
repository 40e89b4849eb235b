// What a command that talks to a running server needs of its process; tests hand in their own.
import pc from 'picocolors'

export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly out: (text: string) => void
  /** One line. */
  readonly err: (line: string) => void
  readonly exitWith: (code: number) => void
  readonly colours: boolean
  /** Ends the process although code that is not ours still has timers or connections in it. */
  readonly leave?: () => void
  /** Ends what would go on for ever. */
  readonly signal?: AbortSignal
}

export const thisTerminal: Terminal = {
  env: process.env,
  out: (text) => void process.stdout.write(text),
  err: (line) => void process.stderr.write(`${line}\n`),
  exitWith: (code) => {
    process.exitCode = code
  },
  leave: () => void process.stdout.write('', () => process.exit()),
  // picocolors has looked at NO_COLOR, FORCE_COLOR and the terminal already.
  colours: pc.isColorSupported,
}

/**
 * From now on a reader that has what it wanted, as `head` has, ends the process without a word. The function that comes
 * back ends that.
 */
export function endWithReader(own: Pick<NodeJS.Process, 'stdout' | 'exit'> = process): () => void {
  const failed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE') throw error
    own.exit()
  }
  own.stdout.on('error', failed)
  return () => void own.stdout.off('error', failed)
}

/** Text of another process, made harmless: it could steer the terminal. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, '?')
}
