// Takes an answer that nobody waits for any more, so that those behind it on a shared connection can have theirs.
import type { AnswerSink, UpstreamConnection } from './upstream.js'

/** Whoever waits behind it has better things to do. */
const PATIENCE_MS = 1000

export class Unwanted implements AnswerSink {
  readonly upgrade = ''

  constructor(
    readonly method: string,
    private readonly connection: Pick<UpstreamConnection, 'leave' | 'arm'>,
  ) {}

  answerEnd(): void {
    this.connection.leave(this, true)
  }

  connected(): void {
    this.connection.arm(PATIENCE_MS, 'answer-timeout')
  }

  interim(): void {}
  answerHead(): void {}
  answerBody(): void {}
  answerPause(): void {}
  switched(): void {}
  requestSent(): void {}
  failed(): void {}
}
